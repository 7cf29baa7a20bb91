"""Policies for the moments of the past that become rows.

A policy must not look at what came later, or the choice of moments would give the outcome away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.events import EventBase, TranscriptReady
from schemas.timestamps import DAY_MS, HOUR_MS
from training.dataset.log import LeadLog
from training.dataset.manifest import DatasetError
from training.dataset.split import chance


@dataclass(frozen=True, slots=True)
class Every:
    """Moments on a grid of so many days, for as long as the log runs. Each lead has a phase of its
    own, so that rows do not all fall on one weekday."""

    days: float


@dataclass(frozen=True, slots=True)
class AfterEvent:
    """Whenever an event of the lead became known, as a live worker scores."""


@dataclass(frozen=True, slots=True)
class AfterCall:
    """Whenever a final transcript became known."""


@dataclass(frozen=True, slots=True)
class AfterFirst:
    """One moment, so many hours after the lead became known."""

    hours: float


MomentPolicy = Every | AfterEvent | AfterCall | AfterFirst

EXAMPLES = "every-7d, after-event, after-call, 24h-after-first"
_EVERY = re.compile(r"every-(\d+(?:\.\d+)?)d")
_AFTER_FIRST = re.compile(r"(\d+(?:\.\d+)?)h-after-first")


def parse_policy(text: str) -> MomentPolicy:
    """Reads a policy such as "every-7d". Raises DatasetError."""
    if text == "after-event":
        return AfterEvent()
    if text == "after-call":
        return AfterCall()
    if (match := _EVERY.fullmatch(text)) and float(match[1]) > 0:
        return Every(float(match[1]))
    if match := _AFTER_FIRST.fullmatch(text):
        return AfterFirst(float(match[1]))
    raise DatasetError(f"as-of policy {text[:60]!r} is not one of: {EXAMPLES} (any number)")


def policy_name(policy: MomentPolicy) -> str:
    """The text of a policy: the inverse of `parse_policy`."""
    match policy:
        case Every(days):
            return f"every-{days:g}d"
        case AfterEvent():
            return "after-event"
        case AfterCall():
            return "after-call"
        case AfterFirst(hours):
            return f"{hours:g}h-after-first"


def moments(policy: MomentPolicy, log: LeadLog, end_ms: int, seed: int) -> Iterator[int]:
    """The moments of one lead: ascending, each once, none after `end_ms`."""
    first_ms = log.entries[0].at_ms
    match policy:
        case Every(days):
            step_ms = days * DAY_MS
            phase_ms = chance(seed, str(log.key)) * step_ms
            n = -(-(first_ms - phase_ms) // step_ms)
            while (at_ms := int(phase_ms + n * step_ms)) <= end_ms:
                if at_ms >= first_ms:
                    yield at_ms
                n += 1
        case AfterEvent():
            yield from _entry_times(log, end_ms, lambda event: True)
        case AfterCall():
            yield from _entry_times(log, end_ms, _is_call)
        case AfterFirst(hours):
            at_ms = first_ms + int(hours * HOUR_MS)
            if at_ms <= end_ms:
                yield at_ms


def _entry_times(log: LeadLog, end_ms: int, is_wanted: Callable[[EventBase], bool]) -> list[int]:
    return sorted({k.at_ms for k in log.entries if k.at_ms <= end_ms and is_wanted(k.event)})


def _is_call(event: EventBase) -> bool:
    return isinstance(event, TranscriptReady) and event.final

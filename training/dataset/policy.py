"""Policies for the moments of the past that become rows.

A policy must not look at what came later, or the choice of moments would give the outcome away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.events import EventBase, TranscriptReady
from schemas.timestamps import DAY_MS, HOUR_MS, MINUTE_MS
from training.dataset.log import LeadLog
from training.dataset.manifest import DatasetError
from training.dataset.split import chance


@dataclass(frozen=True, slots=True)
class Every:
    """Moments on a grid of so many days, for as long as the log runs. Each lead has a phase of its
    own, so that rows do not all fall on one weekday."""

    days: float

    @property
    def step_ms(self) -> int:
        return round(self.days * DAY_MS)


@dataclass(frozen=True, slots=True)
class EverySparser:
    """As `Every` while a lead is young; from an age of GAPS times so many days on, the moments lie
    a GAPS-th of the age apart. Much happens to young leads, and old ones repeat themselves."""

    days: float

    @property
    def step_ms(self) -> int:
        return round(self.days * DAY_MS)

    def gap_ms(self, age_ms: int) -> int:
        """From a moment at this age to the next."""
        return max(self.step_ms, age_ms // GAPS)


GAPS = 4


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

    @property
    def after_ms(self) -> int:
        return round(self.hours * HOUR_MS)


MomentPolicy = Every | EverySparser | AfterEvent | AfterCall | AfterFirst

EXAMPLES = (
    "every-7d, every-30m, every-2d-then-sparser, after-event, after-call, 24h-after-first, "
    "20m-after-first"
)
UNITS_MS = {"d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS}

_AMOUNT = r"(\d{1,6}(?:\.\d{1,12})?)([dhm])"
_SPARSER = "-then-sparser"
_EVERY = re.compile(f"every-{_AMOUNT}({_SPARSER})?")
_AFTER_FIRST = re.compile(f"{_AMOUNT}-after-first")


def parse_policy(text: str) -> MomentPolicy:
    """Reads a policy such as "every-7d" or "20m-after-first". Raises DatasetError."""
    if text == "after-event":
        return AfterEvent()
    if text == "after-call":
        return AfterCall()
    if (match := _EVERY.fullmatch(text)) and (step_ms := _amount_ms(match)) > 0:
        if step_ms < MINUTE_MS:
            raise DatasetError(
                f"as-of policy {text!r}: moments are at least a minute apart; use every-1m, or "
                "after-event to ask at every change"
            )
        return (EverySparser if match[3] else Every)(step_ms / DAY_MS)
    if match := _AFTER_FIRST.fullmatch(text):
        return AfterFirst(_amount_ms(match) / HOUR_MS)
    raise DatasetError(
        f"as-of policy {text[:60]!r} is not one of: {EXAMPLES} (any number of d, h or m)"
    )


def _amount_ms(match: re.Match[str]) -> int:
    return round(float(match[1]) * UNITS_MS[match[2]])


def policy_name(policy: MomentPolicy) -> str:
    """The text of a policy: `parse_policy` reads the same policy from it."""
    match policy:
        case Every():
            return f"every-{_shortest(policy.step_ms, 'dhm')}"
        case EverySparser():
            return f"every-{_shortest(policy.step_ms, 'dhm')}{_SPARSER}"
        case AfterEvent():
            return "after-event"
        case AfterCall():
            return "after-call"
        case AfterFirst():
            return f"{_shortest(policy.after_ms, 'hm')}-after-first"


def _shortest(span_ms: int, units: str) -> str:
    """A span in the unit in which its number is shortest, the first of equals: 12h, not 0.5d."""
    numbers = (f"{span_ms / UNITS_MS[unit]:.12f}" for unit in units)
    texts = (number.rstrip("0").rstrip(".") for number in numbers)
    return min(map("".join, zip(texts, units, strict=True)), key=len)


def moments(policy: MomentPolicy, log: LeadLog, end_ms: int, seed: int) -> Iterator[int]:
    """The moments of one lead: ascending, each once, none after `end_ms`."""
    first_ms = log.entries[0].at_ms
    match policy:
        case Every():
            step_ms = policy.step_ms
            phase_ms = chance(seed, str(log.key)) * step_ms
            n = -(-(first_ms - phase_ms) // step_ms)
            while (at_ms := int(phase_ms + n * step_ms)) <= end_ms:
                if at_ms >= first_ms:
                    yield at_ms
                n += 1
        case EverySparser():
            age_ms = int(chance(seed, str(log.key)) * policy.step_ms)
            while first_ms + age_ms <= end_ms:
                yield first_ms + age_ms
                age_ms += policy.gap_ms(age_ms)
        case AfterEvent():
            yield from _entry_times(log, end_ms, lambda event: True)
        case AfterCall():
            yield from _entry_times(log, end_ms, _is_call)
        case AfterFirst():
            at_ms = first_ms + policy.after_ms
            if at_ms <= end_ms:
                yield at_ms


def stands_for(policy: MomentPolicy, log: LeadLog, at_ms: int) -> float:
    """How many rows a moment of `moments` counts as, so that young leads do not count for more than
    they do on lists: the gap to the next one in steps of the policy."""
    match policy:
        case EverySparser():
            return policy.gap_ms(at_ms - log.entries[0].at_ms) / policy.step_ms
        case _:
            return 1.0


def _entry_times(log: LeadLog, end_ms: int, is_wanted: Callable[[EventBase], bool]) -> list[int]:
    return sorted({k.at_ms for k in log.entries if k.at_ms <= end_ms and is_wanted(k.event)})


def _is_call(event: EventBase) -> bool:
    return isinstance(event, TranscriptReady) and event.final

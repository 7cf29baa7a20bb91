"""The sources of features: each computes a value from a history and knows when time changes it.

A source's value is constant between the moments its `edges` names (counts change only when a
contact leaves the window, ages return the lower bound of their bin), so the time edges of a lead
follow from the declared features. Names no feature; a domain declares them from these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from schemas.events import Direction
from schemas.timestamps import DAY_MS
from scoring.lead.history import Contact, LeadHistory, age_ms
from scoring.lead.state import PROFILE

Raw = str | float | bool | None
"""A category, a number, a yes / no, or None for unknown."""


class FeatureSource(Protocol):
    """What every source can do."""

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw: ...

    def edges(self, history: LeadHistory) -> Iterable[int]:
        """Every moment (ms) at which the value may change with no event at all."""
        ...


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile field as text: trimmed, lower case; 2.0 reads "2"."""

    field: str

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw:
        content = history.state.value(f"{PROFILE}{self.field}")
        if isinstance(content, float) and content.is_integer():
            content = int(content)
        return None if content is None else str(content).strip().lower()

    def edges(self, history: LeadHistory) -> Iterable[int]:
        return ()


@dataclass(frozen=True, slots=True)
class Flag:
    """A profile field that is true or false; any other content is unknown."""

    field: str

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw:
        content = history.state.value(f"{PROFILE}{self.field}")
        return content if isinstance(content, bool) else None

    def edges(self, history: LeadHistory) -> Iterable[int]:
        return ()


@dataclass(frozen=True, slots=True)
class ProfileNumber:
    """A profile field that is a number of 0 or more, or text that is nothing else; any other
    content is unknown. Larger ones read MOST_NUMBER, so that a prompt's length is bounded."""

    field: str

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw:
        number = history.state.value(f"{PROFILE}{self.field}")
        if isinstance(number, str) and re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", number.strip()):
            number = float(number)
        if number is None or isinstance(number, str | bool) or not number >= 0:
            return None
        return float(min(number, MOST_NUMBER))

    def edges(self, history: LeadHistory) -> Iterable[int]:
        return ()


MOST_NUMBER = 999_999_999


@dataclass(frozen=True, slots=True)
class CurrentStage:
    """The funnel stage the lead is in."""

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw:
        return history.state.value("stage")

    def edges(self, history: LeadHistory) -> Iterable[int]:
        return ()


UNTIMED = (Profile, Flag, ProfileNumber, CurrentStage)
"""The sources without edges."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Selects contacts; None means any. Unanswered: nobody spoke, as far as is known."""

    channels: tuple[str, ...] | None = None
    direction: Direction | None = None
    only_unanswered: bool = False

    def of(self, history: LeadHistory) -> Iterator[Contact]:
        for contact in history.contacts:
            if self.channels is not None and contact.channel not in self.channels:
                continue
            if self.direction is not None and contact.direction != self.direction:
                continue
            if self.only_unanswered and (contact.duration_ms or contact.has_transcript):
                continue
            yield contact


@dataclass(frozen=True, slots=True)
class Count:
    """The number of contacts in the last `window_days`. Never unknown: silence is 0."""

    contacts: Contacts
    window_days: int

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw:
        window_ms = self.window_days * DAY_MS
        return float(sum(age_ms(c.at_ms, as_of_ms) < window_ms for c in self.contacts.of(history)))

    def edges(self, history: LeadHistory) -> Iterable[int]:
        return (c.at_ms + self.window_days * DAY_MS for c in self.contacts.of(history))


@dataclass(frozen=True, slots=True)
class TalkMinutes:
    """Minutes spoken in contacts of the last `window_days`."""

    contacts: Contacts
    window_days: int

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw:
        window_ms = self.window_days * DAY_MS
        spoken_ms = sum(
            c.duration_ms
            for c in self.contacts.of(history)
            if age_ms(c.at_ms, as_of_ms) < window_ms
        )
        return spoken_ms / 60_000

    def edges(self, history: LeadHistory) -> Iterable[int]:
        return (
            c.at_ms + self.window_days * DAY_MS for c in self.contacts.of(history) if c.duration_ms
        )


class Moment(Protocol):
    """A moment in a lead's history; None where it never came."""

    def at_ms(self, history: LeadHistory) -> int | None: ...


@dataclass(frozen=True, slots=True)
class FirstContact:
    """When somebody first was in contact with the lead."""

    def at_ms(self, history: LeadHistory) -> int | None:
        return history.state.contact.first_ms if history.state.contact else None


@dataclass(frozen=True, slots=True)
class LastContact:
    """When somebody last was in contact with the lead."""

    def at_ms(self, history: LeadHistory) -> int | None:
        return history.state.contact.last_ms if history.state.contact else None


@dataclass(frozen=True, slots=True)
class Last:
    """The newest of some contacts, among those the state still keeps."""

    contacts: Contacts

    def at_ms(self, history: LeadHistory) -> int | None:
        return max((c.at_ms for c in self.contacts.of(history)), default=None)


@dataclass(frozen=True, slots=True)
class StageEntered:
    """When the lead entered its current stage."""

    def at_ms(self, history: LeadHistory) -> int | None:
        return history.stage_since_ms()


@dataclass(frozen=True, slots=True)
class Age:
    """Days since a moment, as the lower bound of the bin the elapsed time falls in; None when the
    moment never came. `bins_days` ascends from 0."""

    moment: Moment
    bins_days: tuple[int, ...]

    def value(self, history: LeadHistory, as_of_ms: int) -> Raw:
        at_ms = self.moment.at_ms(history)
        return None if at_ms is None else float(age_bin(at_ms, as_of_ms, self.bins_days))

    def edges(self, history: LeadHistory) -> Iterable[int]:
        at_ms = self.moment.at_ms(history)
        return () if at_ms is None else age_edges(at_ms, self.bins_days)


def age_bin(at_ms: int, as_of_ms: int, bins_days: tuple[int, ...]) -> int:
    """Returns the lower bound, in days, of the bin that the elapsed time falls in."""
    age = age_ms(at_ms, as_of_ms)
    return max(bound for bound in bins_days if bound * DAY_MS <= age)


def age_edges(at_ms: int, bins_days: tuple[int, ...]) -> Iterator[int]:
    """Returns the moments (ms) at which `age_bin` changes."""
    return (at_ms + bound * DAY_MS for bound in bins_days if bound)

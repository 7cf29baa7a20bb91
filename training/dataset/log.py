"""The log of one lead in the order in which asllr came to know it, and the states that production
would have held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from schemas.events import EventBase, LeadErased
from schemas.ids import LeadKey
from schemas.timestamps import from_ms, to_ms
from scoring.lead.fold import evolve, initial_state
from scoring.lead.state import LeadState
from training.dataset.manifest import DatasetError, DatasetSource


class KnownAt(StrEnum):
    """When an event counts as known. `OCCURRED` is for history that was loaded in one go: its
    records say when they were loaded, so everything would become known at once."""

    INGESTED = "ingested"
    OCCURRED = "occurred"


@dataclass(frozen=True, slots=True)
class Logged:
    """One record of a log. `source`: its topic or file."""

    source: str
    ingested_at_ms: int
    event: EventBase


@dataclass(frozen=True, slots=True)
class Known:
    """An event and when it became known."""

    at_ms: int
    event: EventBase


@dataclass(frozen=True, slots=True)
class LeadLog:
    """All events of one lead, in the order in which they became known."""

    key: LeadKey
    entries: tuple[Known, ...]

    @property
    def events(self) -> Iterator[EventBase]:
        return (entry.event for entry in self.entries)

    def until(self, as_of_ms: int) -> LeadLog:
        """The log as far as it was known at `as_of_ms`."""
        return LeadLog(self.key, tuple(k for k in self.entries if k.at_ms <= as_of_ms))


@dataclass(frozen=True, slots=True)
class EventLog:
    """The logs of all leads, by key; erased leads are left out, whenever they were erased. The
    first event became known at `first_ms`; all that happened up to `last_ms` is in it."""

    leads: tuple[LeadLog, ...]
    sources: tuple[DatasetSource, ...]
    n_erased: int
    first_ms: int
    last_ms: int

    def complete_until(self, end_ms: int) -> EventLog:
        """The log of a time that went on without events. Raises DatasetError for an earlier end
        than its last event's."""
        if end_ms < self.last_ms:
            raise DatasetError(
                f"the log is said to be complete until {from_ms(end_ms):%Y-%m-%d %H:%M}, its last "
                f"event became known at {from_ms(self.last_ms):%Y-%m-%d %H:%M} UTC; give a later "
                "time, or leave out what came after"
            )
        return replace(self, last_ms=end_ms)


def gather(logged: Iterable[Logged], known_at: KnownAt) -> EventLog | None:
    """Groups the records of a log, in any order, by lead; None for an empty log. Holds all of it in
    memory."""
    entries_of: dict[LeadKey, list[Known]] = {}
    spans: dict[str, list[int]] = {}
    for record in logged:
        occurred = known_at is KnownAt.OCCURRED
        at_ms = to_ms(record.event.occurred_at) if occurred else record.ingested_at_ms
        entries_of.setdefault(record.event.key, []).append(Known(at_ms, record.event))
        span = spans.setdefault(record.source, [record.ingested_at_ms, record.ingested_at_ms, 0])
        span[:] = (
            min(span[0], record.ingested_at_ms),
            max(span[1], record.ingested_at_ms),
            span[2] + 1,
        )
    if not entries_of:
        return None
    moments = [entry.at_ms for entries in entries_of.values() for entry in entries]
    kept_leads = {
        key: entries for key, entries in entries_of.items() if not any(map(_erases, entries))
    }
    return EventLog(
        leads=tuple(
            LeadLog(key, tuple(sorted(kept_leads[key], key=_order))) for key in sorted(kept_leads)
        ),
        sources=tuple(
            DatasetSource(
                name=name,
                first_ingested_at=from_ms(first),
                last_ingested_at=from_ms(last),
                n_events=n,
            )
            for name, (first, last, n) in sorted(spans.items())
        ),
        n_erased=len(entries_of) - len(kept_leads),
        first_ms=min(moments),
        last_ms=max(moments),
    )


def states_at(log: LeadLog, moments_ms: Iterable[int]) -> Iterator[tuple[int, LeadState]]:
    """The state at each of the ascending moments: from every event known by then, and no other."""
    state, at = initial_state(), 0
    for moment_ms in moments_ms:
        while at < len(log.entries) and log.entries[at].at_ms <= moment_ms:
            state = evolve(state, log.entries[at].event)
            at += 1
        yield moment_ms, state


def _erases(entry: Known) -> bool:
    return isinstance(entry.event, LeadErased)


def _order(entry: Known) -> tuple[int, str, str]:
    return entry.at_ms, entry.event.source, entry.event.id

"""The steps that a replay plans for one lead, before any engine runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from schemas.codec import Record
from schemas.events import EventBase
from schemas.ids import LeadKey, lead_of
from schemas.outputs import Score
from schemas.record_check import BadRecord, decode
from scoring.lead.history import LeadHistory
from scoring.lead.state_bytes import hash_of
from scoring.score import Subject
from streams.replay.arrival import Place
from streams.replay.lead_table import LeadTable

PROMOTION = 0
"""The promotion of every score that was not published: a replay has one artifact."""


@dataclass(slots=True)
class ReplayCounts:
    """What a replay counts, of one partition or summed. `erased`: records of leads that asked to be
    forgotten, which a replay leaves out."""

    records: int = 0
    events: int = 0
    dead: int = 0
    erased: int = 0
    leads: int = 0
    unscorable: int = 0
    states: int = 0
    """Sum of the leads' state digests: equal whatever the order they are summed in."""

    def add(self, other: ReplayCounts) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a replay before any engine runs. At `place` the lead is to be scored (`subject`),
    or leaves `queue` (`subject` None). `published`: the score that production made of it."""

    place: Place
    lead: str
    version: int
    queue: str | None
    subject: Subject | None
    published: Score | None = None


@dataclass(frozen=True, slots=True)
class ReplayPartition:
    """One partition of a replay: its number, its leads and what is counted. Leads in `erased` do
    not exist for it."""

    number: int
    n_partitions: int
    erased: Collection[str]
    table: LeadTable
    tally: ReplayCounts = field(default_factory=ReplayCounts)

    def event_of(self, record: Record) -> EventBase | None:
        """The event of a record; None for a dead letter and for an erased lead."""
        self.tally.records += 1
        if self.erased and lead_of(record.key or b"") in self.erased:
            self.tally.erased += 1
            return None
        try:
            event = decode(record, n_partitions=self.n_partitions)
        except BadRecord:
            self.tally.dead += 1
            return None
        self.tally.events += 1
        return event


def subject_of(
    name: str, history: LeadHistory, cursor: dict[str, int], promotion: int, as_of_ms: int
) -> Subject:
    hash_ = hash_of(history.state)
    return Subject(LeadKey.parse(name), history, hash_, cursor, promotion, as_of_ms)

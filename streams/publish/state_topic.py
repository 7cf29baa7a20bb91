"""Reads what `leads.state` holds of one shard: its leads as of their last snapshots, and from where
on the inputs have to be read again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from schemas.codec import Record
from schemas.ids import lead_of
from schemas.outputs import FrontierMark, LeadSnapshot
from schemas.topics import INPUTS, STATE
from scoring.lead.older_states import from_older_bytes
from scoring.lead.state_bytes import from_bytes, from_text, to_bytes
from streams.publish.records import FRONTIER_KEY
from streams.store.log_bases import bases_of

M = TypeVar("M", LeadSnapshot, FrontierMark)


class BadSnapshots(Exception):
    """Redis cannot be rebuilt from a record; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class LeadRecord:
    offset: int
    lead: str
    cursor: dict[str, int]
    frontier: dict[str, int]
    state: bytes
    is_older: bool = False
    """The snapshot was of an older format, which keeps less: `state` is what it had."""


@dataclass(frozen=True, slots=True)
class ShardSnapshot:
    """One shard as its snapshots describe it. `frontier` has each input of which something is
    included: every lead's snapshot holds its records up to there. `leads` are by offset. `bases`:
    of topics that were made again, the newest that a snapshot tells (`streams.store.log_bases`)."""

    leads: tuple[LeadRecord, ...]
    frontier: dict[str, int]
    bases: dict[str, int]

    @property
    def has_older(self) -> bool:
        return any(lead.is_older for lead in self.leads)

    def reaches(self, topic: str) -> int:
        """Returns the last offset of `topic` that a lead's snapshot includes, -1 for none: the log
        must go as far."""
        return max((lead.cursor.get(topic, -1) for lead in self.leads), default=-1)


def read_shard(records: Iterable[Record]) -> ShardSnapshot:
    """Reads the snapshots of one shard. `records`: one partition of `leads.state`, in order. Raises
    BadSnapshots."""
    leads: dict[str, LeadRecord] = {}
    mark: dict[str, int] = {}
    for record in records:
        key = lead_of(record.key or b"")
        if record.value is None:
            leads.pop(key, None)
        elif key.startswith(FRONTIER_KEY):
            mark = _parsed(FrontierMark, record).frontier
        else:
            leads[key] = _lead(key, record)
    claims = [mark, *(lead.frontier for lead in leads.values())]
    bases: dict[str, int] = {}
    for claim in claims:
        for topic, base in bases_of(claim).items():
            bases[topic] = max(base, bases.get(topic, base))
    return ShardSnapshot(
        leads=tuple(sorted(leads.values(), key=lambda lead: lead.offset)),
        frontier=_common_frontier(claims),
        bases=bases,
    )


def _common_frontier(claims: Sequence[dict[str, int]]) -> dict[str, int]:
    """The frontier that all snapshots reach. A mark alone is not enough: a paused publisher may
    have put an old snapshot behind it."""
    lowest = {topic.name: min(claim.get(topic.name, -1) for claim in claims) for topic in INPUTS}
    return {topic: offset for topic, offset in lowest.items() if offset >= 0}


def _lead(key: str, record: Record) -> LeadRecord:
    snapshot = _parsed(LeadSnapshot, record)
    if f"{snapshot.tenant}/{snapshot.lead}" != key:
        raise BadSnapshots(f"{_where(record)} has key {key[:80]!r} and speaks of another lead")
    try:
        state = from_text(snapshot.state)
    except ValueError as error:
        raise BadSnapshots(f"{_where(record)} holds a state that is damaged: {error}") from None
    older = from_older_bytes(state)
    try:
        _ = older or from_bytes(state).transcripts  # opened here, before anything is deleted
    except ValueError as error:
        raise BadSnapshots(f"{_where(record)} cannot be read: {error}") from None
    return LeadRecord(
        record.offset,
        key,
        snapshot.cursor,
        snapshot.frontier,
        state if older is None else to_bytes(older),
        is_older=older is not None,
    )


def _parsed(model: type[M], record: Record) -> M:
    try:
        return model.model_validate_json(record.value or b"")
    except ValidationError as error:
        raise BadSnapshots(
            f"{_where(record)} is not a {model.__name__}: was it written by asllr?"
        ) from error


def _where(record: Record) -> str:
    return f"{STATE.name}/{record.partition} offset {record.offset}"

"""One shard of the in-memory store, and what several of the store's methods need of it.

Mirrors the Redis keys of a shard (docs/explanation/protocol.md). No clock, no locks, no rules of
its own: those are in `streams.store.memory_store`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from streams.store.board import OrderKey
from streams.store.contract import (
    DEFAULT_OUTBOX_BOUND,
    Cursor,
    EntryKind,
    LeadView,
    OutboxEntry,
    StoredLead,
)


@dataclass(slots=True)
class ShardLead:
    """A lead in a shard. `was_in` outlives `listed_in`: the sweep restates every lead that was ever
    listed. `parked` is the promotion under which the lead was given up."""

    cursor: Cursor | None = None
    version: int = 0
    state: bytes | None = None
    state_hash: str = ""
    queue: str | None = None
    ingested_ms: int = 0
    applied_ms: int = 0
    traceparent: str | None = None
    score: bytes | None = None
    order: OrderKey | None = None
    listed_in: str | None = None
    was_in: str | None = None
    attempts: int = 0
    parked: int | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotPass:
    """A pass of snapshots: the last step that was taken, and the frontier at which the pass
    began."""

    pass_id: str
    step: int
    frontier: Cursor


@dataclass(slots=True)
class Shard:
    """Everything a shard holds. `leads` keeps insertion order, which is what a scan counts in. Ids
    of entries come from the store: a shard that goes back does not take them back."""

    number: int
    next_entry_id: Callable[[], str]
    outbox_bound: int = DEFAULT_OUTBOX_BOUND
    frontier: dict[str, int] = field(default_factory=dict)
    starts: dict[str, str] = field(default_factory=dict)
    tries: dict[str, str] = field(default_factory=dict)
    leads: dict[str, ShardLead] = field(default_factory=dict)
    dirty: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    leased: dict[str, int] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    promoted: dict[str, tuple[int, str]] = field(default_factory=dict)
    outbox: dict[str, OutboxEntry] = field(default_factory=dict)
    snapshot_pass: SnapshotPass | None = None
    queues: set[str] = field(default_factory=set)

    def live(self, lead: str) -> tuple[int, str] | None:
        """The promotion that applies to the lead's tenant: its own or `*`'s, the later one."""
        found = (self.promoted.get(lead.partition("/")[0]), self.promoted.get("*"))
        return max(filter(None, found), default=None)

    def stored(self, lead: str) -> StoredLead:
        row = self.leads.get(lead)
        erased = lead in self.erased
        if row is None:
            return StoredLead(None, None, erased)
        return StoredLead(row.cursor, row.state, erased)

    def is_full(self) -> bool:
        return len(self.outbox) >= self.outbox_bound

    def make_dirty(self, lead: str, deadline_ms: int) -> None:
        self.dirty[lead] = min(deadline_ms, self.dirty.get(lead, deadline_ms))

    def append(self, entry: OutboxEntry) -> None:
        entry_id = self.next_entry_id()
        self.outbox[entry_id] = replace(entry, id=entry_id)

    def append_dead_letter(
        self, dead_letter: tuple[bytes, bytes], traceparent: str | None = None
    ) -> None:
        key, value = dead_letter
        name = key.decode(errors="replace")
        self.append(OutboxEntry("", EntryKind.DEAD_LETTER, name, value, traceparent=traceparent))

    def forget_work(self, lead: str) -> None:
        self.dirty.pop(lead, None)
        self.due.pop(lead, None)

    def _is_holder(self, worker: str, lead: str) -> bool:
        row = self.leads.get(lead)
        return row is not None and row.holder == worker

    def holds(self, worker: str, lead: str, now_ms: int) -> bool:
        """Whether a worker holds the lease of a lead. A lease that ran out belongs to nobody,
        whether or not a claim has swept it away yet."""
        return self._is_holder(worker, lead) and self.leased.get(lead, now_ms) > now_ms

    def release(self, worker: str, lead: str) -> None:
        if self._is_holder(worker, lead):
            self.leased.pop(lead, None)

    def view(self, lead: str) -> LeadView:
        stored = self.leads.get(lead) or ShardLead()
        return LeadView(
            lead=lead,
            stored=self.stored(lead),
            version=stored.version,
            queue=stored.queue,
            listed_in=stored.listed_in,
            score=stored.score,
            order=stored.order,
            dirty=lead in self.dirty,
            due_ms=self.due.get(lead),
            leased_until_ms=self.leased.get(lead),
            attempts=stored.attempts,
            parked=stored.parked is not None,
        )

"""The store's contract: everything asllr keeps between two records, one atomic step per method.

`streams.store.redis_store` and `streams.store.memory_store` implement it and pass one battery
(`tests/streams/store/test_store_*.py`). A method touches one shard or one board, so that in
Redis it is one Lua call on one hash tag. Every method may be retried after a lost reply.

A shard is the number of an input partition. `lead` is always `tenant/lead`. A lead's `queue`,
`listed_in` and `left` are queue ids within its tenant; boards (`streams.store.board`) speak of
`tenant/queue` (`board_of` makes one of the other).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from streams.store.board import BoardStore, OrderKey, board_of
from streams.store.fleet import ANY, FleetStore, Serves
from streams.store.tries import TriesStore

Cursor = Mapping[str, int]
"""Input topic -> last offset of this lead's records that its state includes."""

DEFAULT_OUTBOX_BOUND = 100_000
"""How many entries of one shard may wait for Kafka before scoring pauses: about 200 MB of scores.
One batch may overshoot it, so that no batch is too large to ever pass."""

MAX_BACKLOG = 200
"""With more entries waiting in a shard, whatever publishes things again waits: what is new goes
first."""

CLAIM_SPARE = 1_000
"""How many unclaimable leads (leased, failing, without an artifact) one claim looks past."""

POSTPONED_MS = 900_000
"""By how much a dirty lead is postponed that no living worker can score, or to which no promotion
applies. Longer than any slack: it comes after others. RECHECK_MS: the same of an overdue one."""
RECHECK_MS = 60_000


def latest_expiry_ms(now_ms: int, lease_ms: int) -> int:
    """The latest moment at which a lease taken now can end. A lease that ends later than this was
    taken before the clock went back: its holder may be dead, and what it holds must not wait until
    the clock has caught up. `lease_ms`: the asker's."""
    return now_ms + max(60_000, 10 * lease_ms)


def version_of(cursor: Cursor) -> int:
    """The version of a lead, which grows with every record of it; the same for all who have read
    the same."""
    return sum(offset + 1 for offset in cursor.values())


class StoreAway(Exception):
    """The store cannot be reached or refuses writes for now; retry within a deadline."""


class StoreUnusable(Exception):
    """The store works but not for asllr (eviction policy, partition count, format): stop."""


@dataclass(frozen=True, slots=True)
class StoredLead:
    """A lead as it was read, which a commit must find unchanged. `cursor` and `state` are None for
    an unknown lead."""

    cursor: Cursor | None
    state: bytes | None
    erased: bool


@dataclass(frozen=True, slots=True)
class LeadWrite:
    """One lead that a batch read. `state` None: only compared (its records were all bad, or it is
    erased already and only the cursor moves: then `cursor` differs and is written).

    `queue` is where the lead is listed after this batch, None when unlisted. `slack_ms`: how
    long rescoring may wait; None when the bytes did not change (nothing becomes dirty).
    `erased`: this batch erases the lead, `state` is what little remains. A lead occurs once in a
    commit."""

    lead: str
    expected: StoredLead
    cursor: Cursor
    state: bytes | None
    queue: str | None
    erased: bool = False
    slack_ms: int | None = None
    ingested_ms: int = 0
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """A batch of one topic partition. `prev` is the offset the batch continues from (-1 = the
    log's start), chained by the fetch loop, never re-read from the store. `dead_letters` are
    ready outbox entries (DeadLetter JSON with its key)."""

    topic: str
    partition: int
    prev: int
    last: int
    leads: Sequence[LeadWrite]
    dead_letters: Sequence[tuple[bytes, bytes]] = ()


def checked(commit: Commit) -> Commit:
    """Returns this commit when it is valid. Raises ValueError for a commit that no fetch loop
    should make."""
    if commit.last <= commit.prev:
        raise ValueError(f"a commit must move forward, got {commit.prev} -> {commit.last}")
    if len({write.lead for write in commit.leads}) != len(commit.leads):
        raise ValueError("a lead occurs twice in one commit; fold its records first")
    return commit


class CommitStatus(StrEnum):
    COMMITTED = "committed"
    MOVED = "moved"
    """A lead has changed since it was read: read again and redo."""
    AHEAD = "ahead"
    """The stored frontier is past `prev`: drop what it covers and redo the rest."""
    BEHIND = "behind"
    """The store went back in time: stop, restart, seek."""
    FULL = "full"
    """The outbox is at its bound: wait, Kafka or the publisher is away."""


@dataclass(frozen=True, slots=True)
class CommitResult:
    status: CommitStatus
    frontier: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A lead to score, leased to one worker. `attempt` counts claims since the last result or
    change; from 2 on the lead comes alone. `claimed_ms` and `applied_ms`, when its newest records
    were committed, are the store's clock."""

    shard: int
    lead: str
    state: bytes
    cursor: Cursor
    version: int
    promotion: int
    artifact: str
    attempt: int
    claimed_ms: int
    ingested_ms: int
    applied_ms: int
    last: OrderKey | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Completion:
    """The result of scoring a claimed lead. `score` is Score JSON. `due_ms` is the first edge after
    the scored as_of."""

    shard: int
    lead: str
    order: OrderKey
    artifact: str
    state_hash: str
    probability: float
    score: bytes
    due_ms: int | None
    traceparent: str | None = None


class CompletionStatus(StrEnum):
    ACCEPTED = "accepted"
    STALE = "stale"
    """Its order is not greater than that of the last accepted result."""
    OTHER_ARTIFACT = "other-artifact"
    GONE = "gone"
    """The lead is erased or unknown now, or older than what was scored: its shard went back."""
    FULL = "full"
    """The outbox is at its bound; nothing was changed, the lead stays leased."""


class EntryKind(StrEnum):
    SCORE = "score"
    """An accepted score, with the placement it causes."""
    LEAVE = "leave"
    """The lead left `queue`."""
    ERASE = "erase"
    """The lead was erased, and left `queue` (None when it was never listed)."""
    DEAD_LETTER = "dead-letter"
    SNAPSHOT = "snapshot"
    """A lead's state for `leads.state`; `value` is the state."""
    FRONTIER = "frontier"
    """Every lead that the shard knew at `frontier` is in a snapshot that is an earlier entry; `key`
    is the shard's number."""
    PLACE = "place"
    """The sweep restates where a lead stands, with its last score (`queue` None: nowhere, a
    tombstone without a value, and `left` is where it last stood)."""


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """An entry of the outbox: something that waits for Kafka. `cursor` is what a snapshot's state
    includes, `frontier` where its shard stood. `version` is the lead's when the entry was written;
    a board orders by (version, score order). An entry that lists a lead comes after the one by
    which it left another queue. `value` is Score JSON, DeadLetter JSON or empty; `order` None:
    never scored."""

    id: str
    kind: EntryKind
    key: str
    value: bytes
    version: int = 0
    order: OrderKey | None = None
    queue: str | None = None
    left: str | None = None
    traceparent: str | None = None
    cursor: Cursor | None = None
    frontier: Cursor | None = None


class SnapshotStatus(StrEnum):
    TAKEN = "taken"
    FULL = "full"
    """The outbox is at its bound; nothing was changed."""
    BROKEN_OFF = "broken-off"
    """The shard went back during the pass, or another began one: this pass proves nothing."""


@dataclass(frozen=True, slots=True)
class SnapshotChunk:
    """One step of a pass over all leads of a shard. Step 0 begins it and notes the frontier; each
    of the others takes some leads and must follow the one before it; with the last one goes the
    noted frontier. `pass_id` is unlike that of any other pass."""

    pass_id: str
    step: int
    leads: Sequence[str] = ()
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class LeadView:
    """Everything the store knows of one lead, for `lead show`, the sweep and the oracle."""

    lead: str
    stored: StoredLead
    version: int
    queue: str | None
    listed_in: str | None
    score: bytes | None
    order: OrderKey | None
    dirty: bool
    due_ms: int | None
    leased_until_ms: int | None
    attempts: int
    parked: bool

    @property
    def board(self) -> str | None:
        """The board on which the lead is to stand, None when it is unlisted."""
        return None if self.queue is None else board_of(self.lead, self.queue)


class Store(BoardStore, TriesStore, FleetStore, Protocol):
    def now_ms(self) -> int: ...

    def partitions(self, expected: int) -> int:
        """Returns the recorded partition count; records `expected` at first use."""

    def recorded_partitions(self) -> int | None:
        """Returns the recorded partition count, None when none was recorded yet."""
        ...

    # Ingest
    def frontier(self, shard: int) -> dict[str, int]:
        """Returns the last applied offset of each topic; topics never committed are absent."""
        ...

    def adopt(self, topic: str, partition: int, frontier: int) -> bool:
        """Sets the frontier of a topic partition that has none; returns False when it has one."""
        ...

    def topic_id(self, topic: str, seen: str, *, accept: bool = False) -> str:
        """The recorded id of an input topic; records `seen` at first use, and where accepted."""

    def log_bases(self, shard: int) -> dict[str, int]:
        """What is added to the broker's offsets of a topic to get the store's: nothing, unless it
        was made again and goes on as the same log."""

    def continue_log(self, topic: str, partition: int, start: int) -> None:
        """Goes on with the broker's offset `start` of a topic that was made again, while no ingest
        worker runs."""
        ...

    def read(self, shard: int, leads: Sequence[str]) -> list[StoredLead]: ...
    def commit(self, commit: Commit) -> CommitResult: ...

    # Score
    def claim(
        self, shard: int, worker: str, limit: int, lease_ms: int, serves: Serves = ANY
    ) -> list[Claim]: ...
    def renew(self, shard: int, worker: str, leads: Sequence[str], lease_ms: int) -> list[str]:
        """Extends the leases this worker still holds; returns those leads."""
        ...

    def complete(self, worker: str, completion: Completion) -> CompletionStatus: ...
    def give_up(self, claim: Claim, worker: str, dead_letter: tuple[bytes, bytes]) -> bool:
        """Parks a lead that failed alone too often until it changes or another promotion touches
        it; writes its dead letter. False: not parked (the lease is another's, the lead changed,
        the outbox is at its bound), it will be claimed again."""
        ...

    def dirty_count(self, shard: int) -> int: ...

    # Promotion
    def touch(self, shard: int, leads: Sequence[str], slack_ms: int) -> None:
        """Makes listed leads dirty whose last accepted promotion is not the live one, or whose last
        accepted version they have passed: by records that changed nothing, which were scored
        together with those before them by whoever read the log before a rollback."""
        ...

    # Publish
    def lease(self, name: str, shard: int, owner: str, ttl_ms: int) -> bool:
        """Takes or renews a named lease (`publisher`, `sweep`) on a shard."""
        ...

    def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        """Returns the oldest entries, in order."""
        ...

    def delete(self, shard: int, entries: Sequence[str]) -> None: ...
    def outbox_size(self, shard: int) -> int: ...
    def leads(self, shard: int, cursor: int, limit: int) -> tuple[int, list[LeadView]]:
        """Scans all leads: starts and ends with cursor 0; may repeat a lead, never omits one."""
        ...

    def lead(self, shard: int, lead: str) -> LeadView: ...
    def restate(self, shard: int, leads: Sequence[str]) -> bool:
        """Adds a PLACE entry for each lead that was ever listed or is not to be listed, as it is
        now: a shard that went back does not know that an unlisted lead ever stood somewhere. False:
        the outbox is at its bound, nothing was added."""
        ...

    # Snapshots
    def snapshot(self, shard: int, chunk: SnapshotChunk) -> SnapshotStatus:
        """Adds a SNAPSHOT entry for each lead of the chunk, and FRONTIER after the last."""
        ...

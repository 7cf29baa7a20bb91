"""The store in the memory of this process, for tests and for ranking a file without a server.

The same steps as `streams/store/lua/*.lua`, rule for rule; one battery and a differential test hold
the two together. Nothing survives the process.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from itertools import count
from threading import RLock
from typing import Concatenate, ParamSpec, TypeVar

from streams.store.board import BoardView, Move, OrderKey, Placement
from streams.store.contract import (
    DEFAULT_OUTBOX_BOUND,
    Claim,
    Commit,
    CommitResult,
    Completion,
    CompletionStatus,
    LeadView,
    OutboxEntry,
    SnapshotChunk,
    SnapshotStatus,
    StoredLead,
    latest_expiry_ms,
)
from streams.store.fleet import ANY, Serves, WorkerBeat, beat_of, beat_text, is_living
from streams.store.log_bases import BASE, bases_of, frontiers_of
from streams.store.memory_board import MemoryBoard
from streams.store.memory_commit import apply_commit
from streams.store.memory_scoring import (
    ClaimRequest,
    apply_completion,
    park,
    restate_leads,
    take_claims,
    touch_leads,
)
from streams.store.memory_shard import Shard
from streams.store.memory_snapshot import take_snapshot
from streams.store.tries import next_count

P = ParamSpec("P")
R = TypeVar("R")


def _count(noted: dict[str, str], topic: str, place: int) -> int:
    count = next_count(noted.get(topic, ""), place)
    noted[topic] = f"{place} {count}"
    return count


def _keep_greatest(
    promotions: dict[str, tuple[int, str]], tenant: str, promotion: tuple[int, str]
) -> None:
    if tenant not in promotions or promotion[0] > promotions[tenant][0]:
        promotions[tenant] = promotion


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


def _atomic(
    method: Callable[Concatenate[MemoryStore, P], R],
) -> Callable[Concatenate[MemoryStore, P], R]:
    @wraps(method)
    def locked(self: MemoryStore, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self, *args, **kwargs)

    return locked


class MemoryStore:
    """Implements `streams.store.contract.Store`; may be shared by threads."""

    def __init__(
        self,
        now_ms: Callable[[], int] = _wall_clock_ms,
        outbox_bound: int = DEFAULT_OUTBOX_BOUND,
    ) -> None:
        n_entries = count()
        self._now_ms = now_ms
        # Like a stream's under `XADD *`, no id is used twice, whatever goes back in time.
        self._next_entry_id = lambda: f"{now_ms()}-{next(n_entries)}"
        self._outbox_bound = outbox_bound
        self._lock = RLock()
        self._n_partitions: int | None = None
        self._topic_ids: dict[str, str] = {}
        self._announced: dict[str, tuple[int, str]] = {}
        self._beats: dict[str, WorkerBeat] = {}
        self._known: dict[int, Shard] = {}
        self._boards: dict[str, MemoryBoard] = defaultdict(lambda: MemoryBoard(now_ms))
        self._placed: set[str] = set()
        self._leases: dict[str, tuple[str, int]] = {}

    def now_ms(self) -> int:
        return self._now_ms()

    def _shard(self, number: int) -> Shard:
        return self._known.setdefault(
            number, Shard(number, self._next_entry_id, self._outbox_bound)
        )

    @_atomic
    def partitions(self, expected: int) -> int:
        self._n_partitions = self._n_partitions or expected
        return self._n_partitions

    @_atomic
    def recorded_partitions(self) -> int | None:
        return self._n_partitions

    @_atomic
    def frontier(self, shard: int) -> dict[str, int]:
        return frontiers_of(self._shard(shard).frontier)

    @_atomic
    def adopt(self, topic: str, partition: int, frontier: int) -> bool:
        known = self._shard(partition).frontier
        if topic in known:
            return False
        known[topic] = frontier
        return True

    @_atomic
    def topic_id(self, topic: str, seen: str, *, accept: bool = False) -> str:
        if accept:
            self._topic_ids[topic] = seen
        return self._topic_ids.setdefault(topic, seen)

    @_atomic
    def log_bases(self, shard: int) -> dict[str, int]:
        return bases_of(self._shard(shard).frontier)

    @_atomic
    def continue_log(self, topic: str, partition: int, start: int) -> None:
        known = self._shard(partition).frontier
        known[f"{BASE}{topic}"] = known.get(topic, -1) + 1 - start

    @_atomic
    def note_start(self, topic: str, partition: int) -> int:
        shard = self._shard(partition)
        return _count(shard.starts, topic, shard.frontier.get(topic, -1))

    @_atomic
    def note_try(self, topic: str, partition: int, offset: int) -> int:
        return _count(self._shard(partition).tries, topic, offset)

    @_atomic
    def is_trying(self, topic: str, partition: int) -> bool:
        return topic in self._shard(partition).tries

    @_atomic
    def forget_tries(self, topic: str, partition: int) -> None:
        self._shard(partition).tries.pop(topic, None)

    @_atomic
    def read(self, shard: int, leads: Sequence[str]) -> list[StoredLead]:
        return [self._shard(shard).stored(lead) for lead in leads]

    @_atomic
    def commit(self, commit: Commit) -> CommitResult:
        return apply_commit(self._shard(commit.partition), commit, self.now_ms())

    @_atomic
    def claim(
        self, shard: int, worker: str, limit: int, lease_ms: int, serves: Serves = ANY
    ) -> list[Claim]:
        asked = ClaimRequest(worker, limit, lease_ms, serves)
        return take_claims(self._shard(shard), asked, self.now_ms())

    @_atomic
    def renew(self, shard: int, worker: str, leads: Sequence[str], lease_ms: int) -> list[str]:
        there, now = self._shard(shard), self.now_ms()
        held = [lead for lead in leads if there.holds(worker, lead, now)]
        there.leased.update(dict.fromkeys(held, now + lease_ms))
        return held

    @_atomic
    def complete(self, worker: str, completion: Completion) -> CompletionStatus:
        shard = self._shard(completion.shard)
        return apply_completion(shard, worker, completion, self.now_ms())

    @_atomic
    def give_up(self, claim: Claim, worker: str, dead_letter: tuple[bytes, bytes]) -> bool:
        return park(self._shard(claim.shard), worker, claim, dead_letter, self.now_ms())

    @_atomic
    def dirty_count(self, shard: int) -> int:
        return len(self._shard(shard).dirty)

    @_atomic
    def announce(self, tenant: str, promotion: int, artifact: str) -> None:
        _keep_greatest(self._announced, tenant, (promotion, artifact))

    @_atomic
    def announced(self) -> dict[str, tuple[int, str]]:
        return dict(self._announced)

    @_atomic
    def promote(self, shard: int, tenant: str, promotion: int, artifact: str) -> None:
        _keep_greatest(self._shard(shard).promoted, tenant, (promotion, artifact))

    @_atomic
    def promoted(self, shard: int) -> dict[str, tuple[int, str]]:
        return dict(self._shard(shard).promoted)

    @_atomic
    def beat(self, worker: str, role: str, loaded: Collection[str], found: Collection[str]) -> None:
        self._beats = {beat.worker: beat for beat in self.beats()}
        said = beat_of(worker, self.now_ms(), beat_text(role, loaded, found))
        if said is not None:
            self._beats[worker] = said

    @_atomic
    def retire(self, worker: str) -> None:
        self._beats.pop(worker, None)

    @_atomic
    def beats(self) -> list[WorkerBeat]:
        now = self.now_ms()
        return [beat for _, beat in sorted(self._beats.items()) if is_living(beat.at_ms, now)]

    @_atomic
    def touch(self, shard: int, leads: Sequence[str], slack_ms: int) -> None:
        touch_leads(self._shard(shard), leads, self.now_ms() + slack_ms)

    @_atomic
    def lease(self, name: str, shard: int, owner: str, ttl_ms: int) -> bool:
        return self._lease(f"{name} {shard}", owner, ttl_ms)

    def _lease(self, what: str, owner: str, ttl_ms: int) -> bool:
        now = self.now_ms()
        holder, until = self._leases.get(what, (owner, now))
        if holder != owner and now < until <= latest_expiry_ms(now, ttl_ms):
            return False
        self._leases[what] = (owner, now + ttl_ms)
        return True

    @_atomic
    def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        return list(self._shard(shard).outbox.values())[: max(0, limit)]

    @_atomic
    def delete(self, shard: int, entries: Sequence[str]) -> None:
        for entry_id in entries:
            self._shard(shard).outbox.pop(entry_id, None)

    @_atomic
    def outbox_size(self, shard: int) -> int:
        return len(self._shard(shard).outbox)

    @_atomic
    def leads(self, shard: int, cursor: int, limit: int) -> tuple[int, list[LeadView]]:
        there = self._shard(shard)
        names = list(there.leads)
        end = cursor + max(1, limit)
        views = [there.view(name) for name in names[cursor:end]]
        return (end if end < len(names) else 0), views

    @_atomic
    def lead(self, shard: int, lead: str) -> LeadView:
        return self._shard(shard).view(lead)

    @_atomic
    def restate(self, shard: int, leads: Sequence[str]) -> bool:
        return restate_leads(self._shard(shard), leads)

    @_atomic
    def snapshot(self, shard: int, chunk: SnapshotChunk) -> SnapshotStatus:
        return take_snapshot(self._shard(shard), chunk)

    @_atomic
    def place(self, queue: str, placement: Placement) -> Move:
        self._placed.add(queue)
        return self._boards[queue].place(placement)

    @_atomic
    def remove(self, queue: str, lead: str, version: int, order: OrderKey | None) -> Move:
        return self._boards[queue].remove(lead, version, order)

    @_atomic
    def board(self, queue: str, limit: int, start: int = 0) -> BoardView:
        return self._boards[queue].view(limit, start)

    @_atomic
    def uncovered(self, queue: str, limit: int, start: int = 0) -> list[str]:
        return self._boards[queue].uncovered(limit, start)

    @_atomic
    def flip(self, queue: str, limit: int, promotion: int) -> list[str]:
        return self._boards[queue].flip(limit, promotion)

    @_atomic
    def queues(self) -> list[str]:
        shards = range(self._n_partitions or 0)
        return sorted(self._placed.union(*(self._shard(shard).queues for shard in shards)))

    @_atomic
    def board_lease(self, queue: str, owner: str, ttl_ms: int) -> bool:
        return self._lease(f"board {queue}", owner, ttl_ms)

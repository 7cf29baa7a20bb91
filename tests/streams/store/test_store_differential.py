"""Random histories through both stores at once: same answers, same leads, same boards.

Alphabets are small, so that collisions are the rule. Deadlines are far apart and no two steps
share a millisecond: only the rules decide what comes first, never the speed of this machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scoring.lead.state_bytes import state_hash
from streams.store.board import BoardView, Move, Placement
from streams.store.contract import (
    Claim,
    Commit,
    Completion,
    LeadView,
    LeadWrite,
    SnapshotChunk,
    SnapshotStatus,
    Store,
    StoredLead,
    version_of,
)
from streams.store.fleet import ANY, Serves
from streams.store.memory_store import MemoryStore
from streams.store.redis_store import RedisStore
from tests.streams.store.store_steps import ASR, CRM, HOUR_MS, PAST_MS, SHARD, A, B, C, entries

LEADS = (A, B, C)
BOARDS = ("t/q1", "t/q2")
STEP_MS = 100_000
BOUND = 12

T = TypeVar("T")
V = TypeVar("V", BoardView, Move)

leads = st.sampled_from(LEADS)
workers = st.sampled_from(("w1", "w2"))
queues = st.sampled_from(("q1", "q1", "q1", "q2", None))
numbers = st.integers(0, 3)
artifacts = st.sampled_from(("one", "two"))
orders = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))

MIXES = ("changed",) * 12 + ("same bytes", "same bytes", "compared", "erased", "not as read")
write = st.tuples(leads, st.sampled_from((b"x", b"y")), queues, st.sampled_from(MIXES), numbers)
commits = st.tuples(
    st.just("commit"),
    st.sampled_from((CRM, ASR)),
    st.lists(write, min_size=1, max_size=3, unique_by=lambda w: w[0]),
    st.sampled_from((0,) * 12 + (1, -1)),
    st.sampled_from((0, 0, 0, 1)),
)
serving = st.sampled_from(
    (ANY, ANY, Serves(frozenset({"one", "two"})), Serves(frozenset({"one"}), frozenset({"two"})))
)
claims = st.tuples(
    st.just("claim"), workers, st.integers(0, 3), st.sampled_from((0, HOUR_MS)), serving
)
moments = (st.sampled_from((100, 200, 300)), st.sampled_from((None, PAST_MS, 10**15)))
results = st.tuples(st.just("complete"), workers, st.sampled_from((0, 0, 1, 2, 3)), *moments)
scores = st.tuples(st.just("score"), workers, *moments)
drains = st.tuples(st.just("drain"), numbers)
snapshots = st.tuples(
    st.just("snapshot"),
    st.sampled_from(("one", "one", "one", "two")),
    st.sampled_from((-1, 0, 1, 1, 1, 2)),
    st.lists(leads, max_size=3, unique=True),
    st.booleans(),
)
steps = st.one_of(
    commits,
    commits,
    commits,
    claims,
    results,
    results,
    scores,
    scores,
    scores,
    drains,
    drains,
    snapshots,
    snapshots,
    st.tuples(st.just("give_up"), workers, numbers),
    st.tuples(st.just("renew"), workers),
    st.tuples(st.just("promote"), st.sampled_from(("t", "*")), numbers, artifacts),
    st.tuples(st.just("touch"), st.lists(leads, max_size=3, unique=True)),
    st.tuples(st.just("restate"), st.lists(leads, max_size=3, unique=True)),
    st.tuples(st.just("place"), st.sampled_from(BOARDS), leads, orders, st.integers(0, 4)),
    st.tuples(st.just("remove"), st.sampled_from(BOARDS), leads, st.none() | orders, numbers),
    st.tuples(st.just("flip"), st.sampled_from(BOARDS), numbers, st.integers(-1, 2)),
)


@dataclass
class Pair:
    """Two stores that must not differ. The memory store's clock follows Redis', step by step."""

    redis: RedisStore
    clock_ms: int = 0
    snapshot_step: int = 0
    claims: list[Claim] = field(default_factory=list)
    n: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.memory = MemoryStore(lambda: self.clock_ms, BOUND)

    def both(self, step: Callable[[Store], T], normal: Callable[[T], Any] = lambda x: x) -> T:
        before = self.clock_ms
        while self.clock_ms == before:
            self.clock_ms = self.redis.now_ms()
        mine = step(self.memory)
        assert normal(step(self.redis)) == normal(mine)
        return mine

    def slack_ms(self, priority: int) -> int:
        return priority * 10**9 + next(self.n) * STEP_MS

    def commit(self, topic: str, changes: list[Any], stray: int, n_dead_letters: int) -> None:
        prev = self.memory.frontier(SHARD).get(topic, -1) + stray
        writes = tuple(self._write(topic, prev + 1, *change) for change in changes)
        letters = [(b"t/x", b"bad")] * n_dead_letters
        commit = Commit(topic, SHARD, prev, prev + 1, writes, letters)
        self.both(lambda store: store.commit(commit))

    def _write(self, topic: str, offset: int, *change: Any) -> LeadWrite:
        lead, state, queue, mix, priority = change
        expected = self.memory.read(SHARD, [lead])[0]
        cursor = {**(expected.cursor or {}), topic: offset}
        if mix == "not as read":
            expected = StoredLead({CRM: 99}, b"never", False)
        return LeadWrite(
            lead=lead,
            expected=expected,
            cursor=expected.cursor or {} if mix == "compared" and priority else cursor,
            state=None if mix == "compared" else state,
            queue=queue,
            erased=mix == "erased",
            slack_ms=self.slack_ms(priority) if mix in ("changed", "erased") else None,
            ingested_ms=offset,
            traceparent=f"00-{offset}" if priority else None,
        )

    def claim(self, worker: str, limit: int, lease_ms: int, serves: Serves = ANY) -> None:
        found = self.both(
            lambda store: store.claim(SHARD, worker, limit, lease_ms, serves),
            lambda claims: [replace(claim, claimed_ms=0, applied_ms=0) for claim in claims],
        )
        self.claims += found

    def complete(self, worker: str, back: int, as_of_ms: int, due_ms: int | None) -> None:
        if not self.claims:
            return
        claimed = self.claims[-1 - back % len(self.claims)]
        done = Completion(
            shard=SHARD,
            lead=claimed.lead,
            order=(claimed.promotion, version_of(claimed.cursor), as_of_ms),
            artifact=claimed.artifact,
            state_hash=state_hash(claimed.state),
            probability=0.5,
            score=b"score",
            due_ms=due_ms,
        )
        self.both(lambda store: store.complete(worker, done))

    def score(self, worker: str, as_of_ms: int, due_ms: int | None) -> None:
        self.claim(worker, 1, HOUR_MS)
        self.complete(worker, 0, as_of_ms, due_ms)

    def give_up(self, worker: str, back: int) -> None:
        if self.claims:
            claimed = self.claims[-1 - back % len(self.claims)]
            self.both(lambda store: store.give_up(claimed, worker, (b"t/a", b"letter")))

    def renew(self, worker: str) -> None:
        self.both(lambda store: store.renew(SHARD, worker, LEADS, HOUR_MS))

    def promote(self, tenant: str, promotion: int, artifact: str) -> None:
        self.both(lambda store: store.promote(SHARD, tenant, promotion, artifact))

    def touch(self, names: list[str]) -> None:
        for name in names:  # one by one: leads touched together share a deadline
            slack_ms = self.slack_ms(3)
            self.both(lambda store, n=name, s=slack_ms: store.touch(SHARD, [n], s))

    def restate(self, names: list[str]) -> None:
        self.both(lambda store: store.restate(SHARD, names))

    def snapshot(self, pass_id: str, ahead: int, names: list[str], is_last: bool) -> None:
        """`ahead` 1 is the step that follows, -1 begins anew."""
        step = 0 if ahead < 0 else self.snapshot_step + ahead
        chunk = SnapshotChunk(pass_id, step, tuple(names), is_last=is_last)
        if self.both(lambda store: store.snapshot(SHARD, chunk)) is SnapshotStatus.TAKEN:
            self.snapshot_step = step

    def drain(self, limit: int) -> None:
        def oldest(store: Store) -> None:
            store.delete(SHARD, [entry.id for entry in store.outbox(SHARD, limit)])

        self.both(oldest)

    def place(self, queue: str, lead: str, order: tuple[int, int, int], tenths: int) -> None:
        placement = Placement(lead, order[1], order, tenths / 10, f"reason {tenths}")
        self.both(lambda store: store.place(queue, placement), _unnumbered)

    def remove(self, queue: str, lead: str, order: Any, version: int) -> None:
        self.both(lambda store: store.remove(queue, lead, version, order), _unnumbered)

    def flip(self, queue: str, limit: int, promotion: int) -> None:
        self.both(lambda store: store.flip(queue, limit, promotion))

    def check(self) -> None:
        mine, theirs = _everything(self.memory), _everything(self.redis)
        assert mine == theirs
        # A departure is told by the commit that causes it, so no result has to.
        views = [self.memory.lead(SHARD, lead) for lead in LEADS]
        assert all(view.listed_in in (None, view.queue) for view in views)


def _everything(store: Store) -> list[Any]:
    return [
        [_timeless(store.lead(SHARD, lead)) for lead in LEADS],
        (entries(store), store.outbox_size(SHARD)),
        (store.frontier(SHARD), store.promoted(SHARD)),
        [_unnumbered(store.board(queue, 9)) for queue in BOARDS],
        [store.uncovered(queue, 9) for queue in BOARDS],
        (store.dirty_count(SHARD), store.queues()),
        sorted(view.lead for view in store.leads(SHARD, 0, 99)[1]),
    ]


def _unnumbered(of: V) -> V:
    """Versions follow each store's own clock; `n_moves` says whether they should have grown."""
    return replace(of, board_version=0)


def _timeless(view: LeadView) -> LeadView:
    return replace(view, leased_until_ms=None if view.leased_until_ms is None else 0)


@pytest.mark.service
@pytest.mark.slow
@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking takes minutes on a real server
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(steps, min_size=20, max_size=50))
def test_both_stores_answer_the_same(store_server: Any, history: list[tuple[Any, ...]]) -> None:
    with store_server.client() as client:
        client.flushall()
        pair = Pair(RedisStore(client, BOUND))
        pair.both(lambda store: store.partitions(SHARD + 1))
        pair.promote("*", 0, "one")
        for name, *arguments in history:
            getattr(pair, name)(*arguments)
            pair.check()

"""Both stores: what is promoted and what is live, who can serve it, and claims by what a worker
serves."""

from __future__ import annotations

import pytest
import redis

from streams.store.contract import CLAIM_SPARE, Commit, LeadWrite, Store, StoredLead
from streams.store.fleet import BEAT_EXPIRES_MS, MAX_DIGESTS, Serves, WorkerBeat, is_living
from streams.store.memory_store import MemoryStore
from streams.store.redis_store import WORKERS, RedisStore
from tests.streams.store.store_steps import CRM, SHARD
from tests.support.roles import Clock

LEASE_MS = 60_000
BOTH = Serves(frozenset({"one", "two"}))
ONE = Serves(frozenset({"one"}))


def list_leads(store: Store, *leads: str) -> None:
    """Each in a commit of its own, the first the most urgent."""
    for lead in leads:
        at = store.frontier(SHARD).get(CRM, -1)
        write = LeadWrite(
            lead, StoredLead(None, None, False), {CRM: at + 1}, b"state", "q", slack_ms=at * 100
        )
        store.commit(Commit(CRM, SHARD, at, at + 1, [write]))


def claimed(store: Store, serves: Serves, limit: int = 10) -> list[str]:
    return [one.lead for one in store.claim(SHARD, "w", limit, LEASE_MS, serves)]


@pytest.fixture
def two(store: Store) -> Store:
    store.promote(SHARD, "a", 0, "one")
    store.promote(SHARD, "b", 1, "two")
    list_leads(store, "b/1", "a/1", "b/2", "a/2", "c/1")
    return store


def test_announced_is_not_live(store: Store) -> None:
    store.announce("*", 3, "new")
    store.announce("*", 2, "old")
    store.announce("a", 4, "own")
    assert store.announced() == {"*": (3, "new"), "a": (4, "own")}
    assert store.promoted(SHARD) == {}


def test_worker_claims_what_it_serves(two: Store) -> None:
    assert claimed(two, ONE) == ["a/1", "a/2"]
    assert claimed(two, BOTH) == ["b/1", "b/2"]


def test_what_others_serve_keeps_its_place(two: Store) -> None:
    before = two.lead(SHARD, "b/1")
    assert claimed(two, Serves(frozenset({"one"}), frozenset({"two"}))) == ["a/1", "a/2"]
    assert two.lead(SHARD, "b/1") == before
    assert claimed(two, Serves(frozenset({"two"}))) == ["b/1", "b/2"]


def test_worker_that_serves_nothing_claims_nothing(two: Store) -> None:
    assert claimed(two, Serves(frozenset())) == []
    assert two.lead(SHARD, "a/1").attempts == 0


def test_leads_that_nobody_can_score_do_not_block_others(store: Store) -> None:
    """However many of them are more urgent."""
    store.promote(SHARD, "a", 0, "one")
    store.promote(SHARD, "b", 1, "nobody-has-it")
    list_leads(store, *(f"b/{i}" for i in range(CLAIM_SPARE + 50)), "a/1")
    found = [claimed(store, ONE, limit=1) for _ in range(3)]
    assert ["a/1"] in found


def test_leads_that_another_worker_serves_keep_their_place(store: Store) -> None:
    """Whoever cannot score them has passed them by; who came later is not before them."""
    store.promote(SHARD, "a", 0, "one")
    store.promote(SHARD, "b", 1, "two")
    list_leads(store, "b/1")
    assert claimed(store, Serves(frozenset({"one"}), frozenset({"two"}))) == []
    list_leads(store, "b/2")
    assert claimed(store, Serves(frozenset({"two"})), limit=1) == ["b/1"]


def test_overdue_leads_that_nobody_can_score_do_not_block_others() -> None:
    clock = Clock()
    store = MemoryStore(clock.now_ms)
    store.promote(SHARD, "*", 0, "one")
    list_leads(store, *(f"b/{i}" for i in range(CLAIM_SPARE + 50)), "a/1")
    shard = store._shard(SHARD)
    shard.dirty.clear()
    shard.due |= {f"b/{i}": 1_000 for i in range(CLAIM_SPARE + 50)} | {"a/1": 2_000}
    store.promote(SHARD, "b", 1, "nobody-has-it")
    found = [claimed(store, ONE, limit=1) for _ in range(3)]
    assert ["a/1"] in found


def test_the_same_in_redis(redis_store: RedisStore, redis_client: redis.Redis) -> None:
    store = redis_store
    store.promote(SHARD, "*", 0, "one")
    list_leads(store, *(f"b/{i}" for i in range(CLAIM_SPARE + 50)), "a/1")
    tag = f"{{s{SHARD}}}"
    redis_client.delete(f"{tag}:dirty")
    due = {f"b/{i}": 1_000 for i in range(CLAIM_SPARE + 50)} | {"a/1": 2_000}
    redis_client.zadd(f"{tag}:due", due)
    store.promote(SHARD, "b", 1, "nobody-has-it")
    found = [claimed(store, ONE, limit=1) for _ in range(3)]
    assert ["a/1"] in found


def test_beats_tell_who_lives_and_what_they_serve(store: Store) -> None:
    store.beat("w2", "score", {"one"}, {"two", "one"})
    store.beat("w1", "score", (), ())
    store.beat("w2", "score", {"two"}, ())
    first, second = store.beats()
    assert (first.worker, first.loaded, first.found) == ("w1", (), ())
    assert second == WorkerBeat("w2", "score", second.at_ms, ("two",), ())
    assert abs(second.at_ms - store.now_ms()) < BEAT_EXPIRES_MS
    store.retire("w1")
    assert [beat.worker for beat in store.beats()] == ["w2"]


def test_beat_is_bounded(store: Store) -> None:
    store.beat("w", "score", {f"{i:064}" for i in range(1_000)}, ())
    assert len(store.beats()[0].loaded) == MAX_DIGESTS


def test_silent_workers_are_forgotten_and_strange_records_passed_by(
    redis_store: RedisStore, redis_client: redis.Redis
) -> None:
    long_ago = redis_store.now_ms() - BEAT_EXPIRES_MS
    ahead = redis_store.now_ms() + 2 * BEAT_EXPIRES_MS
    said = '{"role":"score","loaded":["one"]}'
    redis_client.hset(
        WORKERS,
        mapping={"gone": f"{long_ago} {said}", "ahead": f"{ahead} {said}", "odd": "x", "bad": "1"},
    )
    now = redis_store.now_ms()
    redis_client.hset(WORKERS, "newer", f"{now} [1]")
    assert redis_store.beats() == []
    redis_store.beat("w", "score", {"one"}, ())
    assert [beat.worker for beat in redis_store.beats()] == ["w"]
    assert {*redis_client.hkeys(WORKERS)} == {b"w", b"newer"}
    assert 0 < redis_client.pttl(WORKERS) <= BEAT_EXPIRES_MS


def test_a_beat_from_before_the_clock_went_back_does_not_count() -> None:
    assert is_living(1_000, 1_000 + BEAT_EXPIRES_MS - 1)
    assert not is_living(1_000, 1_000 + BEAT_EXPIRES_MS)
    assert not is_living(1_000 + BEAT_EXPIRES_MS, 1_000)

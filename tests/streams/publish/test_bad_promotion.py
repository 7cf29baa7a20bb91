"""A promotion of an artifact that no worker can load: its tenant keeps the one before, and nobody
else notices."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.events import EventBase
from streams.store.contract import Store, StoreAway
from streams.store.memory_store import MemoryStore
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.forgetting import remember_shards
from tests.support.leads.lead_events import A, joins, writes
from tests.support.roles import Clock, Roles

OTHER = "northern/a"
N_SHARDS = 4


def of_other(event: EventBase) -> EventBase:
    return event.model_copy(update={"tenant": "northern"})


def deployment() -> Roles:
    clock = Clock()
    scorers = [rule_scorer(), rule_scorer(RuleEngine(bias=0.5), "rule-2")]
    return Roles(MemoryStore(clock.now_ms), clock, N_SHARDS, scorers)


def rank_both(roles: Roles) -> None:
    roles.promote("rule-1")
    roles.ingest(joins(0), of_other(joins(1)))
    roles.settle(roles.worker(), roles.publisher())


@pytest.fixture
def two_tenants() -> Roles:
    """Both ranked by `rule-1`."""
    roles = deployment()
    rank_both(roles)
    return roles


def scored(roles: Roles, lead: str) -> list[tuple[int, str]]:
    return [(score.order.promotion, score.artifact) for score in roles.output.scores(lead)]


def news(roles: Roles) -> None:
    i = sum(map(len, roles.log.values()))
    roles.ingest(writes(i), of_other(writes(i + 1)))


def test_bad_promotion_of_one_tenant_stops_nobody(two_tenants: Roles) -> None:
    roles = two_tenants
    worker, publisher = roles.worker(), roles.publisher()
    roles.promote("nobody-has-it", tenant="northern")
    roles.settle(worker, publisher)
    for _ in range(3):
        roles.clock.advance(60_000)
        news(roles)
        roles.settle(worker, publisher)
    assert scored(roles, A) == [(0, "rule-1")] * 4
    assert scored(roles, OTHER) == [(0, "rule-1")] * 4, "the one before stays live"
    assert roles.differences() == []


def test_bad_promotion_of_all_tenants_stops_nobody(two_tenants: Roles) -> None:
    roles = two_tenants
    worker, publisher = roles.worker(), roles.publisher()
    roles.promote("nobody-has-it")
    roles.settle(worker, publisher)
    roles.clock.advance(60_000)
    news(roles)
    roles.settle(worker, publisher)
    assert scored(roles, A) == scored(roles, OTHER) == [(0, "rule-1")] * 2
    assert roles.differences() == []


def test_promotion_goes_live_when_the_first_worker_has_loaded_it(two_tenants: Roles) -> None:
    roles = two_tenants
    lacking, publisher = roles.worker(lacks=["rule-2"]), roles.publisher()
    roles.promote("rule-2", tenant="northern")
    roles.settle(lacking, publisher)
    assert scored(roles, OTHER) == [(0, "rule-1")]
    roles.settle(roles.worker("w2"), publisher)
    assert scored(roles, OTHER) == [(0, "rule-1"), (1, "rule-2")]
    assert scored(roles, A) == [(0, "rule-1")]
    assert roles.differences() == []


def test_later_promotion_overtakes_one_that_waits(two_tenants: Roles) -> None:
    roles = two_tenants
    worker, publisher = roles.worker(), roles.publisher()
    roles.promote("nobody-has-it", tenant="northern")
    roles.settle(worker, publisher)
    roles.promote("rule-2", tenant="northern")
    roles.settle(worker, publisher)
    assert scored(roles, OTHER) == [(0, "rule-1"), (2, "rule-2")]
    roles.scorers["nobody-has-it"] = rule_scorer(RuleEngine(bias=0.9), "nobody-has-it")
    roles.settle(roles.worker("w2"), publisher)
    assert scored(roles, OTHER) == [(0, "rule-1"), (2, "rule-2")], "order comes from the log"


def test_publisher_that_begins_after_a_bad_promotion_knows_what_was_live() -> None:
    """Also where Redis has lost it."""
    roles = deployment()
    lose_all = remember_shards(roles.store)
    rank_both(roles)
    roles.promote("nobody-has-it")
    roles.settle(roles.worker(), roles.publisher())
    roles.clock.advance(5_000)
    worker, publisher = roles.worker(), roles.publisher("p2")
    roles.settle(worker, publisher)
    lose_all()
    roles.clock.advance(5_000)
    roles.settle(worker, publisher)
    assert [roles.store.promoted(shard) for shard in range(N_SHARDS)] == [
        {"*": (0, "rule-1")}
    ] * N_SHARDS


def test_no_shard_stays_behind_where_worker_and_publisher_died_halfway(
    two_tenants: Roles,
) -> None:
    roles = two_tenants
    roles.promote("rule-2")
    worker, publisher = roles.worker("gone"), roles.publisher("p1")
    publisher.step()
    worker.step()
    roles.clock.advance(600)
    store = roles.store
    roles.store = publisher._promotions._store = CopiesOnce(store)
    with pytest.raises(StoreAway):
        publisher.step()
    roles.store = store
    store.retire("gone")
    live = [store.promoted(shard)["*"][1] for shard in range(N_SHARDS)]
    assert sorted(live) == ["rule-1"] * (N_SHARDS - 1) + ["rule-2"]
    roles.clock.advance(5_000)
    roles.settle(roles.worker(lacks=["rule-2"]), roles.publisher("p2"))
    assert {store.promoted(shard)["*"] for shard in range(N_SHARDS)} == {(1, "rule-2")}


class CopiesOnce:
    """A store that goes away after the first shard has a promotion."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._n_copied = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def promote(self, shard: int, tenant: str, promotion: int, artifact: str) -> None:
        if self._n_copied:
            raise StoreAway("connection refused")
        self._n_copied += 1
        self._store.promote(shard, tenant, promotion, artifact)


def test_tenant_whose_last_server_ended_stops_alone(two_tenants: Roles) -> None:
    """Its artifact is live and nobody has it any more: only its own leads wait."""
    roles = two_tenants
    publisher = roles.publisher()
    roles.promote("rule-2", tenant="northern")
    roles.settle(roles.worker("w2"), publisher)
    roles.store.retire("w2")
    news(roles)
    lacking = roles.worker(lacks=["rule-2"])
    roles.settle(lacking, publisher)
    assert scored(roles, A) == [(0, "rule-1")] * 2
    assert scored(roles, OTHER) == [(0, "rule-1"), (1, "rule-2")]
    assert roles.lead(OTHER).dirty
    assert roles.lead(OTHER).attempts == 0, "a worker that lacks it does not take it"
    roles.clock.advance(60_000)
    roles.settle(roles.worker("w3"), publisher)
    assert scored(roles, OTHER)[-1] == (1, "rule-2")
    assert roles.differences() == []


def test_artifact_whose_library_fails_while_it_loads_ends_no_worker(two_tenants: Roles) -> None:
    roles = two_tenants
    publisher = roles.publisher()
    worker = roles.worker()
    shelf = worker._shelf
    load = shelf._load

    def fails(digest: str) -> object:
        if digest == "rule-2":
            raise MemoryError
        return load(digest)

    shelf._load = fails
    roles.promote("rule-2", tenant="northern")
    roles.settle(worker, publisher)
    news(roles)
    roles.settle(worker, publisher)
    assert scored(roles, A) == scored(roles, OTHER) == [(0, "rule-1")] * 2
    assert shelf.why_not("rule-2") == "artifact rule-2 does not load: MemoryError"


def beating(roles: Roles) -> Sequence[tuple[str, tuple[str, ...]]]:
    return [(beat.worker, beat.loaded) for beat in roles.store.beats()]


def test_worker_says_what_it_serves(two_tenants: Roles) -> None:
    roles = two_tenants
    roles.clock.advance(61_000)
    assert beating(roles) == [], "silent for a minute"
    worker = roles.worker("w7")
    worker.step()
    assert beating(roles) == [("w7", ("rule-1",))]
    for _ in range(30):
        roles.clock.advance(5_000)
        worker.step()
    assert beating(roles) == [("w7", ("rule-1",))]

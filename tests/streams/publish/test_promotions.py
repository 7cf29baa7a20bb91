"""Promotions: numbered by the log, copied into every shard, followed by a rescore."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from schemas.outputs import Promotion
from schemas.topics import PROMOTIONS
from streams.publish.promotions import Promoted, PromotionLog, publish_promotion
from streams.store.memory_store import MemoryStore
from tests.support.brokers import wait_until
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.forgetting import remember_shards
from tests.support.leads.lead_events import A, closes, joins
from tests.support.roles import Clock, Roles

AT = datetime(2025, 6, 2, tzinfo=UTC)


def with_two_artifacts(n_shards: int = 1) -> Roles:
    clock = Clock()
    scorers = [rule_scorer(), rule_scorer(RuleEngine(bias=0.5), "rule-2")]
    roles = Roles(MemoryStore(clock.now_ms), clock, n_shards, scorers)
    roles.promote("rule-1")
    return roles


def test_promotion_rescores_every_listed_lead_and_no_other() -> None:
    roles = with_two_artifacts(n_shards=4)
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(20)), closes(20, "l3"))
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    roles.promote("rule-2")
    roles.settle(worker, publisher)
    artifacts = {
        f"l{i}": [score.artifact for score in roles.output.scores(f"acme/l{i}")] for i in range(20)
    }
    assert artifacts.pop("l3") == []
    assert set(map(tuple, artifacts.values())) == {("rule-1", "rule-2")}
    assert roles.differences() == []


def test_new_event_goes_before_the_rescore() -> None:
    roles = with_two_artifacts()
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(20)))
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    roles.promote("rule-2")
    publisher.step()
    roles.ingest(joins(30, lead="new"))
    roles.clock.advance(1_000)
    worker.step()
    publisher.step()
    assert len(roles.output.scores("acme/new")) == 1


def test_promoting_an_older_artifact_again_is_a_promotion() -> None:
    roles = with_two_artifacts()
    roles.ingest(joins(0))
    worker, publisher = roles.worker(), roles.publisher()
    for artifact in ("rule-2", "rule-1"):
        roles.settle(worker, publisher)
        roles.promote(artifact)
    roles.settle(worker, publisher)
    found = [(s.order.promotion, s.artifact) for s in roles.output.scores(A)]
    assert found == [(0, "rule-1"), (1, "rule-2"), (2, "rule-1")]


def test_tenant_of_its_own_promotion_keeps_it_until_a_later_one_for_all() -> None:
    roles = with_two_artifacts()
    roles.ingest(joins(0))
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    roles.promote("rule-2", tenant="other")
    roles.settle(worker, publisher)
    assert [s.artifact for s in roles.output.scores(A)] == ["rule-1"]
    roles.promote("rule-2", tenant="acme")
    roles.settle(worker, publisher)
    roles.promote("rule-1")
    roles.settle(worker, publisher)
    assert [s.artifact for s in roles.output.scores(A)] == ["rule-1", "rule-2", "rule-1"]


def test_next_publisher_finishes_a_rescore_that_was_cut_short() -> None:
    roles = with_two_artifacts()
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(20)))
    worker = roles.worker()
    roles.settle(worker, roles.publisher("p1"))
    roles.promote("rule-2")
    roles.copied()
    roles.clock.advance(5_000)
    roles.settle(worker, roles.publisher("p2"))
    assert {roles.output.scores(f"acme/l{i}")[-1].artifact for i in range(20)} == {"rule-2"}


def test_publisher_that_takes_over_rescores_what_a_dead_one_left_untouched() -> None:
    """It knew of the promotion before the shard was its own."""
    roles = with_two_artifacts()
    roles.ingest(joins(0))
    worker, holder, standby = roles.worker(), roles.publisher("p1"), roles.publisher("p2")
    roles.settle(worker, holder)
    roles.promote("rule-2")
    standby.step()
    assert not worker.step(), "copied, but nobody who holds the shard has touched its leads"
    roles.clock.advance(5_000)
    roles.settle(worker, standby)
    assert [score.artifact for score in roles.output.scores(A)] == ["rule-1", "rule-2"]


def test_shard_that_went_back_learns_again_what_is_live_and_is_rescored() -> None:
    roles = with_two_artifacts()
    roles.ingest(joins(0))
    worker, publisher = roles.worker(), roles.publisher("p1", sweep_every_s=1e9)
    roles.settle(worker, publisher)
    go_back = remember_shards(roles.store)
    roles.promote("rule-2")
    roles.ingest(joins(1, lead="b"))
    roles.settle(worker, publisher)
    roles.clock.advance(1_000)
    publisher.step()
    go_back()
    roles.clock.advance(1_000)
    for _ in range(2):  # it notices, then it copies
        publisher.step()
    assert roles.store.promoted(0) == {"*": (1, "rule-2")}
    roles.catch_up()
    roles.settle(worker, publisher)
    for lead in (A, "acme/b"):
        order = roles.lead(lead).order
        assert order
        assert order[0] == 1


@pytest.mark.service
def test_promotion_is_read_back_with_its_offset_and_rubbish_is_skipped(broker: str) -> None:
    first = Promotion(tenant="*", artifact="rule-1", promoted_at=AT)
    second = Promotion(tenant="acme", artifact="rule-2", promoted_at=AT)
    assert publish_promotion(broker, first) == 0
    producer = Producer({"bootstrap.servers": broker})
    producer.produce(PROMOTIONS.name, key=b"*", value=b"{}", partition=0)
    producer.produce(PROMOTIONS.name, key=b"gone", value=None, partition=0)
    assert producer.flush(10) == 0
    assert publish_promotion(broker, second) == 3
    log = PromotionLog(broker)
    found: list[Promoted] = []

    def are_read() -> bool:
        found.extend(log.read())
        return len(found) >= 2

    wait_until(are_read, "both promotions")
    log.close()
    assert found == [Promoted(0, first), Promoted(3, second)]

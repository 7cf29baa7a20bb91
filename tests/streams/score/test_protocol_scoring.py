"""docs/explanation/protocol.md, "Scoring": each trace with the roles that it happens to.

`acts_at("engine-ran", …)` is a worker that is slow: the rest of the world goes on meanwhile.
"""

from __future__ import annotations

import pytest

from schemas.topics import CRM_EVENTS, ERASED, RANKED, SCORES
from streams.store.memory_store import MemoryStore
from tests.support.deaths import acts_at
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.forgetting import remember_shards
from tests.support.leads.lead_events import A, clicks, closes, erased, joins, reopens, talks
from tests.support.roles import Clock, Roles, started

LEASE_MS = 10_000


def test_lead_erased_while_it_is_scored_gets_no_score(roles: Roles) -> None:
    roles.ingest(joins(0))
    roles.settle(roles.worker(), roles.publisher())
    roles.ingest(clicks(1))
    roles.worker(checkpoint=acts_at("engine-ran", lambda: roles.ingest(erased(2)))).step()
    roles.settle(roles.worker(), roles.publisher())
    assert len(roles.output.scores(A)) == 1, "only the one from before"
    assert roles.output.of(RANKED.name, A)[-1].value is None
    assert len(roles.output.of(ERASED.name, A)) == 1
    assert roles.differences() == []


def test_result_for_a_lead_that_changed_queue_lists_it_where_it_is_now(roles: Roles) -> None:
    roles.ingest(joins(0, "one"))
    roles.settle(roles.worker(), roles.publisher())
    roles.ingest(clicks(1))
    moved = acts_at("engine-ran", lambda: roles.ingest(joins(2, "three")))
    roles.worker(checkpoint=moved).step()
    publisher = roles.publisher()
    publisher.step()
    assert roles.standing() == {A: ["acme/three"]}
    roles.settle(roles.worker(), publisher)
    assert roles.differences() == []


def test_result_for_a_lead_that_closed_is_a_score_and_no_rank(roles: Roles) -> None:
    roles.ingest(joins(0))
    roles.worker(checkpoint=acts_at("engine-ran", lambda: roles.ingest(closes(1)))).step()
    roles.settle(roles.worker(), roles.publisher())
    assert len(roles.output.of(SCORES.name, A)) == 1
    assert not any(record.value for record in roles.output.of(RANKED.name, A)), "tombstones only"
    assert roles.standing() == {}


def test_result_from_before_a_rollback_does_not_outrank_what_is_read_again(roles: Roles) -> None:
    """The shard goes back while A is scored. Accepted, the result would have the very order of the
    one that is to list A again after it has left."""
    roles.ingest(joins(0))
    roles.settle(roles.worker(), roles.publisher())
    go_back = remember_shards(roles.store)
    roles.ingest(closes(1), reopens(2))
    roles.worker(checkpoint=acts_at("engine-ran", go_back)).step()
    for _ in range(2):
        roles.apply(CRM_EVENTS.name, 0, n_records=1)
    roles.settle(roles.worker(), roles.publisher())
    assert roles.standing() == {A: ["acme/north"]}
    assert roles.differences() == []


def test_result_of_an_older_state_leaves_the_newer_one_dirty(memory_roles: Roles) -> None:
    """Two workers score v1 while v2 arrives."""
    roles = memory_roles
    roles.ingest(joins(0))

    def another_worker() -> None:
        roles.clock.advance(LEASE_MS)
        slow = acts_at("engine-ran", lambda: roles.ingest(talks(1)))
        roles.worker("w2", slow).step()

    roles.worker("w1", acts_at("engine-ran", another_worker)).step()
    assert roles.store.dirty_count(0) == 1
    roles.settle(roles.worker(), roles.publisher())
    assert [score.order.version for score in roles.output.scores(A)] == [1, 2]
    assert roles.differences() == []


def test_refused_result_of_the_current_state_leaves_nothing_dirty(memory_roles: Roles) -> None:
    """A refusal that left `dirty` set would be scored and refused for ever."""
    roles = memory_roles
    roles.ingest(joins(0))

    def another_worker() -> None:
        roles.clock.advance(LEASE_MS)
        roles.worker("w2").step()

    first = roles.worker("w1", acts_at("engine-ran", another_worker))
    first.step()
    assert roles.store.dirty_count(0) == 0
    assert not first.step()


def test_edge_passed_while_scoring_is_scored_next(memory_roles: Roles) -> None:
    """`due` follows the scored moment: counted from now, it would jump over the edge."""
    roles = memory_roles
    roles.ingest(joins(0), talks(1))
    two_days_ms = 2 * 86_400_000
    slow = acts_at("engine-ran", lambda: roles.clock.advance(two_days_ms))
    worker = roles.worker(checkpoint=slow)
    worker.step()
    due_ms = roles.lead(A).due_ms
    assert due_ms is not None
    assert due_ms <= roles.clock.ms
    assert worker.step()
    roles.publisher().step()
    first, second = roles.output.scores(A)
    assert first.valid_until is not None
    assert first.order.as_of < first.valid_until <= second.order.as_of
    assert second.cause.kind == "edge"


@pytest.fixture
def two_artifacts() -> Roles:
    clock = Clock()
    roles = started(MemoryStore(clock.now_ms), clock)
    second = rule_scorer(RuleEngine(bias=0.5), "rule-2")
    roles.scorers["rule-2"] = second
    return roles


def test_result_of_an_artifact_no_longer_live_is_refused(two_artifacts: Roles) -> None:
    roles = two_artifacts
    roles.ingest(joins(0))

    def promoted() -> None:
        roles.promote("rule-2")
        roles.copied()

    roles.worker(checkpoint=acts_at("engine-ran", promoted)).step()
    assert roles.store.outbox_size(0) == 0
    assert roles.store.dirty_count(0) == 1
    roles.settle(roles.worker(), roles.publisher())
    assert [(s.order.promotion, s.artifact) for s in roles.output.scores(A)] == [(1, "rule-2")]


def test_promotion_number_survives_a_rollback_of_the_shard(two_artifacts: Roles) -> None:
    """The number is read off the log: a counter would go back and be given out twice."""
    roles = two_artifacts
    roles.ingest(joins(0))
    roles.settle(roles.worker(), roles.publisher())
    roll_back = remember_shards(roles.store)
    roles.promote("rule-2")
    roles.settle(roles.worker(), roles.publisher("p2"))
    roll_back()
    assert roles.store.promoted(0)["*"] == (0, "rule-1")
    roles.clock.advance(5_000)
    roles.settle(roles.worker("w2"), roles.publisher("p3"))
    assert roles.store.promoted(0)["*"] == (1, "rule-2")
    numbers = [score.order.promotion for score in roles.output.scores(A)]
    assert numbers == sorted(numbers)
    assert roles.lead(A).order is not None
    assert roles.differences() == []

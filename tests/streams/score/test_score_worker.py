"""The score worker: deaths between its steps, leads that break the engine, artifacts that are not
there, back-pressure, clocks."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import pytest

from schemas.outputs import DeadLetter, DeadLetterStage
from schemas.topics import CRM_EVENTS, DEAD_LETTER
from scoring.engine import Engine, EngineInput
from streams import exit_codes
from streams.publish.publisher import publish
from streams.score.live_artifacts import live_artifacts
from streams.store.contract import Store, StoreAway
from streams.store.memory_store import MemoryStore
from streams.waiting import RoleStopped, Stopping
from tests.support.deaths import Died, acts_at, dies_at
from tests.support.engines.engines import RuleEngine, raises, returns_nan, rule_scorer
from tests.support.leads.lead_events import A, joins, talks, writes
from tests.support.roles import Clock, Roles, started

LEASE_MS = 10_000
STEPS = ("claimed", "prepared", "engine-ran", "built", "completed")


def with_engine(engine: Engine, outbox_bound: int = 1000) -> Roles:
    clock = Clock()
    roles = started(MemoryStore(clock.now_ms, outbox_bound), clock)
    roles.scorers = {"rule-1": rule_scorer(engine)}
    return roles


@pytest.mark.parametrize("step", STEPS)
def test_death_in_any_gap_loses_and_doubles_nothing(memory_roles: Roles, step: str) -> None:
    roles = memory_roles
    roles.ingest(joins(0), joins(1, lead="b"))
    with pytest.raises(Died):
        roles.worker("w1", dies_at(step)).step()
    roles.clock.advance(LEASE_MS)
    roles.settle(roles.worker("w2"), roles.publisher())
    assert [len(roles.output.scores(lead)) for lead in (A, "acme/b")] == [1, 1]
    assert roles.differences() == []


def test_reply_of_a_completion_lost_on_the_way_changes_nothing(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))
    roles.store = LosesReplies(roles.store, "complete")
    roles.worker().step()
    roles.settle(roles.worker(), roles.publisher())
    assert len(roles.output.scores(A)) == 1


class LosesReplies:
    """A store of which one method works, once, but is not heard to."""

    def __init__(self, store: Store, method: str) -> None:
        self._store = store
        self._method = method

    def __getattr__(self, name: str) -> Callable[..., object]:
        found: Callable[..., object] = getattr(self._store, name)
        if name != self._method:
            return found

        def unheard(*args: object) -> object:
            self._method = ""
            found(*args)
            raise StoreAway("the reply was lost")

        return unheard


@pytest.mark.parametrize("fault", [raises, returns_nan])
def test_lead_the_engine_cannot_score_is_retried_alone_then_parked(
    fault: Callable[[], float],
) -> None:
    roles = with_engine(RuleEngine(batch_size=4, faults={"poison": fault}))
    roles.ingest(joins(0), joins(1, lead="b"), talks(2, "I drink poison"))
    roles.settle(roles.worker(), roles.publisher())
    assert len(roles.output.scores("acme/b")) == 1, "a neighbour is not held up"
    assert roles.output.scores(A) == []
    assert roles.lead(A).parked
    (record,) = roles.output.of(DEAD_LETTER.name)
    letter = DeadLetter.model_validate_json(record.value or b"")
    assert letter.stage is DeadLetterStage.SCORING
    assert letter.attempts == 4, "once in a batch, three times alone"
    assert b64decode(letter.key or "") == A.encode()
    assert "poison" not in (record.value or b"").decode()


def test_parked_lead_is_scored_again_when_it_changes() -> None:
    faults = {"poison": raises}
    roles = with_engine(RuleEngine(faults=faults))
    roles.ingest(joins(0), talks(1, "I drink poison"))
    roles.settle(roles.worker(), roles.publisher())
    assert roles.lead(A).parked
    faults.clear()
    roles.ingest(writes(2))
    roles.settle(roles.worker(), roles.publisher())
    assert len(roles.output.scores(A)) == 1
    assert roles.differences() == []


def test_lead_that_kills_its_workers_is_parked_too() -> None:
    """A crash leaves no failure behind, only a lease that ran out, again and again."""
    roles = with_engine(RuleEngine())
    roles.ingest(joins(0))
    for attempt in range(4):
        with pytest.raises(Died):
            roles.worker(f"w{attempt}", dies_at("prepared")).step()
        roles.clock.advance(LEASE_MS)
    roles.settle(roles.worker(), roles.publisher())
    assert roles.lead(A).parked
    (record,) = roles.output.of(DEAD_LETTER.name)
    letter = DeadLetter.model_validate_json(record.value or b"")
    assert (letter.reason, letter.origin.topic) == ("no-result", CRM_EVENTS.name)


def test_leads_that_came_back_do_not_share_a_batch() -> None:
    engine = CountingEngine()
    roles = with_engine(engine)
    roles.reason_share = 0
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(6)))
    with pytest.raises(Died):
        roles.worker("w1", dies_at("prepared")).step()
    roles.clock.advance(LEASE_MS)
    roles.settle(roles.worker("w2"), roles.publisher())
    assert engine.sizes == [1] * 6


@dataclass(frozen=True)
class CountingEngine:
    """Remembers how many came at a time."""

    batch_size: int = 8
    sizes: list[int] = field(default_factory=list)

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        self.sizes.append(len(inputs))
        return RuleEngine().logits(inputs)


def test_batch_is_filled_from_several_shards() -> None:
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock, n_shards=4)
    roles.scorers = {"rule-1": rule_scorer(RuleEngine(batch_size=16))}
    roles.promote()
    roles.copied()
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(12)))
    assert roles.worker().step()
    assert sum(roles.store.dirty_count(shard) for shard in range(4)) == 0


def test_lease_is_renewed_while_the_engine_works(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))

    def slow_engine() -> None:
        for _ in range(5):
            roles.clock.advance(LEASE_MS // 2)
            roles.leases["w1"].tick()
            assert not roles.worker("w2").step(), "it is leased"

    roles.worker("w1", acts_at("engine-ran", slow_engine)).step()
    assert len(roles.store.outbox(0, 10)) == 1


def test_engine_that_hangs_ends_the_process(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))

    def hang() -> float:
        roles.clock.advance(31_000)
        roles.leases["w1"].tick()
        return 0.0

    def hung(sentence: str) -> NoReturn:
        raise Died(sentence)

    roles.scorers = {"rule-1": rule_scorer(RuleEngine(faults={"": hang}))}
    with pytest.raises(Died, match=f"did not return within 30 s .*{A}"):
        roles.worker("w1", hung=hung).step()


def test_artifact_that_is_not_here_is_not_claimed_and_ends_the_worker(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))
    worker = roles.worker(lacks=["rule-1"])
    assert not worker.step()
    assert roles.lead(A).attempts == 0
    roles.clock.advance(6_000)
    with pytest.raises(RoleStopped, match="no artifact rule-1 here") as stopped:
        worker.step()
    assert stopped.value.exit_code == exit_codes.UNUSABLE


def test_artifact_copied_in_later_is_found(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))
    found = roles.scorers.pop("rule-1")
    worker = roles.worker()
    assert not worker.step()
    roles.scorers["rule-1"] = found
    roles.clock.advance(6_000)
    assert worker.step()


def test_worker_waits_where_nothing_is_promoted() -> None:
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock)
    roles.ingest(joins(0))
    worker = roles.worker()
    for _ in range(10):
        assert not worker.step()
        clock.advance(60_000)


def test_worker_says_once_that_nothing_is_promoted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock)
    worker = roles.worker()
    worker.step()
    assert caplog.messages == []  # what was promoted before the start may be on its way
    for _ in range(3):
        clock.advance(10_000)
        worker.step()
    assert caplog.messages == ["no artifact is live: run `asllr promote`"]


def test_only_promotions_that_apply_need_their_artifact() -> None:
    assert live_artifacts({"*": (5, "new"), "t1": (3, "old")}) == {"new"}
    assert live_artifacts({"*": (5, "new"), "t1": (7, "own")}) == {"new", "own"}
    assert live_artifacts({"t1": (7, "own")}) == {"own"}
    assert live_artifacts({}) == frozenset()


def test_full_outbox_pauses_scoring_and_keeps_the_lead() -> None:
    roles = with_engine(RuleEngine(), outbox_bound=1)
    roles.ingest(joins(0), joins(1, lead="b"))
    worker = roles.worker()
    assert worker.step()
    roles.stop.set()
    with pytest.raises(Stopping):
        worker.step()
    leased = [roles.lead(lead).leased_until_ms is not None for lead in (A, "acme/b")]
    assert sorted(leased) == [False, True]
    roles.stop.clear()
    publish([0], roles.publisher_step())
    roles.clock.advance(LEASE_MS)
    assert roles.worker("w2").step()
    publish([0], roles.publisher_step())
    assert roles.differences() == []


def test_store_that_stays_away_ends_the_worker(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.store = Away(roles.clock)
    worker = roles.worker()
    with pytest.raises(RoleStopped, match="stayed away") as stopped:
        worker.step()
    assert stopped.value.exit_code == exit_codes.AWAY


class Away:
    """A store nobody reaches, while time goes by."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __getattr__(self, name: str) -> Callable[..., object]:
        def away(*args: object) -> object:
            self._clock.advance(2_000)
            raise StoreAway("connection refused")

        return away


def test_latency_and_scored_at_follow_the_clocks(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))
    ingested_ms = roles.log["crm.events", 0][0].timestamp_ms
    applied_ms = roles.clock.ms
    roles.clock.advance(5)
    claimed_ms = roles.clock.ms
    slow = acts_at("prepared", lambda: roles.clock.advance(7))
    roles.worker(checkpoint=slow).step()
    roles.publisher().step()
    (score,) = roles.output.scores(A)
    assert score.latency_ms.ingest_to_claim == claimed_ms - ingested_ms
    assert score.latency_ms.ingest == applied_ms - ingested_ms
    assert score.latency_ms.queue == 5
    assert score.latency_ms.claim_to_result == pytest.approx(7, abs=1e-3)
    assert score.scored_at.timestamp() * 1000 == pytest.approx(claimed_ms + 7)


def test_traceparent_of_the_event_reaches_every_output(roles: Roles) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    event = joins(0).model_copy(update={"traceparent": trace})
    roles.ingest(event)
    roles.settle(roles.worker(), roles.publisher())
    caused = [r for r in roles.output.records if r.key == A.encode()]
    assert {record.topic for record in caused} == {"leads.scores", "leads.ranked"}
    assert all(dict(record.headers)["traceparent"] == trace.encode() for record in caused)

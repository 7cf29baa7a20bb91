"""Faithful reasons are made for the top of a board, within their share of the worker's time, and
whoever computes the score again finds the same words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from schemas.outputs import BoardSnapshot, RankUpdate, ReasonKind, Score
from schemas.topics import BOARDS, RANKED, SCORES
from scoring.engine import EngineInput
from scoring.explain.faithful import things_left_out
from scoring.lead.history import history_of
from scoring.lead.state_bytes import from_bytes
from streams.score.reasons import LONGEST_S, ROWS, TimeForReasons, TopOfBoards
from streams.store.board import Placement
from streams.store.memory_store import MemoryStore
from streams.waiting import Patience
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.leads.lead_events import A, clicks, joins, talks, writes
from tests.support.roles import Clock, Roles, started

BOARD = "acme/north"


@dataclass(frozen=True)
class SlowEngine:
    """Takes `ms` of the deployment's clock for each input."""

    clock: Clock
    ms: int
    batch_size: int = 1
    sizes: list[int] = field(default_factory=list)

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        self.sizes.append(len(inputs))
        self.clock.advance(self.ms * len(inputs))
        return RuleEngine().logits(inputs)


def slow(ms: int, share: float = 0.2) -> Roles:
    clock = Clock()
    roles = started(MemoryStore(clock.now_ms), clock)
    roles.scorers = {"rule-1": rule_scorer(SlowEngine(clock, ms))}
    roles.reason_share = share
    return roles


def scores(roles: Roles) -> list[Score]:
    return [Score.model_validate_json(one.value or b"") for one in roles.output.of(SCORES.name)]


def settled(roles: Roles) -> list[Score]:
    roles.settle(roles.worker(), roles.publisher())
    return scores(roles)


def told_lead(roles: Roles) -> None:
    roles.ingest(joins(0), talks(1, "The price is too high"), writes(2))


def test_the_record_the_rank_and_the_board_say_the_same(memory_roles: Roles) -> None:
    told_lead(memory_roles)
    score = settled(memory_roles)[-1]
    assert score.reason_kind is ReasonKind.FAITHFUL
    assert score.reason.endswith("points")
    rank = RankUpdate.model_validate_json(memory_roles.output.of(RANKED.name)[-1].value or b"")
    snapshot = memory_roles.output.of(BOARDS.name)[-1].value or b""
    [row] = BoardSnapshot.model_validate_json(snapshot).top
    said = {(one.reason, one.reason_kind) for one in (score, rank, row)}
    assert said == {(score.reason, ReasonKind.FAITHFUL)}


def test_a_reason_takes_none_of_the_time_that_it_was_not_given() -> None:
    roles = slow(ms=5, share=0.0)
    told_lead(roles)
    score = settled(roles)[-1]
    assert (score.reason_kind, score.latency_ms.reason) == (ReasonKind.RECENT, 0.0)
    assert "points" not in score.reason


def test_what_a_reason_took_is_in_the_record() -> None:
    roles = slow(ms=5)
    told_lead(roles)
    score = settled(roles)[-1]
    assert score.reason_kind is ReasonKind.FAITHFUL
    assert score.latency_ms.reason >= 5
    assert score.latency_ms.claim_to_result >= score.latency_ms.engine + score.latency_ms.reason


def test_no_score_waits_longer_for_its_reason_than_the_longest() -> None:
    roles = slow(ms=int(LONGEST_S * 1000 / 10))
    told_lead(roles)
    state = from_bytes(roles.lead(A).stored.state or b"")
    scorer = roles.scorers["rule-1"]
    assert len(things_left_out(history_of(state), roles.clock.now_ms(), scorer)) > 10
    assert {score.reason_kind for score in settled(roles)} == {ReasonKind.RECENT}


def test_reasons_take_no_more_than_their_share_of_a_busy_workers_time() -> None:
    """A worker that always has something to score: from its clock, what reasons took of it."""
    roles = slow(ms=2)
    worker, publisher = roles.worker(), roles.publisher()
    started_ms, n_faithful, reasons_ms = roles.clock.now_ms(), 0, 0.0
    for n in range(600):
        roles.ingest(talks(n, f"The price is {n}", lead=f"l{n % 40}"), joins(n, lead=f"l{n % 40}"))
        while worker.step():
            pass
        publisher.step()
    for score in scores(roles):
        n_faithful += score.reason_kind is ReasonKind.FAITHFUL
        reasons_ms += score.latency_ms.reason
    passed_ms = roles.clock.now_ms() - started_ms
    assert n_faithful > 5
    assert len(scores(roles)) > n_faithful
    assert reasons_ms <= LONGEST_S * 1000 + 0.2 * passed_ms


def test_time_is_a_share_of_what_passes_and_little_of_it_is_kept() -> None:
    clock = Clock()
    time = TimeForReasons(0.2, clock.now_s)
    assert time.affords(LONGEST_S)
    time.spend(LONGEST_S)
    assert not time.affords(0.01)
    clock.advance(1_000)
    assert time.affords(0.19)
    assert not time.affords(0.21)
    clock.advance(3_600_000)
    assert time.affords(LONGEST_S)
    assert not time.affords(LONGEST_S * 1.01)
    time.spend(LONGEST_S)
    time.rest()
    clock.advance(300)
    time.rested()
    assert time.affords(0.29)
    assert not time.affords(0.31)


def test_without_a_share_a_worker_that_rests_makes_no_reason_either() -> None:
    clock = Clock()
    time = TimeForReasons(0.0, clock.now_s)
    time.rest()
    clock.advance(10_000)
    time.rested()
    assert not time.affords(0.0)


def test_the_top_of_a_board_ends_where_people_stop_reading() -> None:
    clock = Clock()
    store = MemoryStore(clock.now_ms)
    store.partitions(1)
    tops = TopOfBoards(store, Patience(threading.Event(), 5.0, clock.now_s), clock.now_s)
    assert tops.has(BOARD, 0.0)  # fewer rows than its top
    for n in range(ROWS + 10):
        store.place(BOARD, Placement(f"acme/l{n:03}", 1, (0, 1, 1), 0.9 - n / 100, "why"))
    assert tops.has(BOARD, 0.0)  # not asked again so soon
    clock.advance(1_000)
    least = 0.9 - (ROWS - 1) / 100
    assert tops.has(BOARD, least)
    assert not tops.has(BOARD, least - 0.005)
    assert tops.has("acme/other", 0.0)


def test_a_lead_below_the_top_or_on_no_board_has_the_recent_reason(memory_roles: Roles) -> None:
    for n in range(ROWS):
        ahead = Placement(f"acme/l{n:03}", 1, (0, 1, 1), 1.0, "why")
        memory_roles.store.place(BOARD, ahead)
    told_lead(memory_roles)
    memory_roles.worker().step()
    assert Score.model_validate_json(memory_roles.lead(A).score or b"").reason_kind == "recent"


def test_an_engine_that_refuses_a_lead_without_something_costs_only_the_reason(
    caplog: pytest.LogCaptureFixture, memory_roles: Roles
) -> None:
    def refuses() -> float:
        raise RuntimeError("The price is too high")

    engine = RuleEngine(faults={"# calls\nnone": refuses})
    memory_roles.scorers = {"rule-1": rule_scorer(engine)}
    caplog.set_level(logging.WARNING)
    told_lead(memory_roles)
    score = settled(memory_roles)[-1]
    assert score.reason_kind is ReasonKind.RECENT
    assert "no_faithful_reason lead=acme/a error=RuntimeError" in caplog.text
    assert "price" not in caplog.text


def test_a_lead_of_which_nothing_moves_the_score_keeps_the_recent_reason() -> None:
    @dataclass(frozen=True)
    class Deaf:
        batch_size: int = 4

        def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
            return [0.0] * len(inputs)

    clock = Clock()
    roles = started(MemoryStore(clock.now_ms), clock)
    roles.scorers = {"rule-1": replace(rule_scorer(), engine=Deaf())}
    roles.ingest(joins(0), clicks(1))
    score = settled(roles)[-1]
    assert (score.reason_kind, score.reason) == (ReasonKind.RECENT, "clicks only, no contact yet")

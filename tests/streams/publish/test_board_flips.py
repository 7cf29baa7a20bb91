"""After a promotion a board shows the earlier artifact's ranking until the later one's is whole."""

from __future__ import annotations

import pytest

from schemas.outputs import BoardSnapshot, RankUpdate
from schemas.topics import BOARDS, RANKED
from streams.candidate.coverage import coverage
from streams.publish.publisher import Publisher
from tests.support.engines.engines import Contrary, RuleEngine, raises_unscorable, rule_scorer
from tests.support.leads.lead_events import clicks, closes, joins, talks, writes
from tests.support.roles import Roles

QUEUE = "acme/north"
N_LEADS = 8


@pytest.fixture
def promoting(roles: Roles) -> Roles:
    """Leads of several probabilities, scored; then an artifact that ranks last first, not
    yet scored with."""
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(N_LEADS)))
    for i in range(N_LEADS):
        more = (clicks, writes, clicks)[: i % 4]
        roles.ingest(*(add(100 * (n + 1) + i, f"l{i}") for n, add in enumerate(more)))
    roles.settle(roles.worker(), roles.publisher())
    roles.scorers["contrary"] = rule_scorer(Contrary(batch_size=1), "contrary")
    roles.promote("contrary")
    roles.copied()
    for lead in (f"acme/l{i}" for i in range(N_LEADS)):
        roles.store.touch(0, [lead], 600_000)
    return roles


def ranking(roles: Roles) -> list[str]:
    return [row.lead for row in roles.store.board(QUEUE, 99).rows]


def promotions_shown(roles: Roles) -> list[int]:
    return [row.order[0] for row in roles.store.board(QUEUE, 99).rows]


def promotions_told(roles: Roles) -> set[int]:
    records = roles.output.of(RANKED.name)
    return {RankUpdate.model_validate_json(r.value).order.promotion for r in records if r.value}


def step(roles: Roles, publisher: Publisher) -> None:
    """Past the time between two snapshots, by either clock."""
    roles.clock.advance(250)
    publisher.step()
    publisher.step()


def test_the_board_turns_over_once_and_when_all_are_scored(promoting: Roles) -> None:
    worker, publisher = promoting.worker(), promoting.publisher()
    before = ranking(promoting)
    for n in range(1, N_LEADS):
        assert worker.step()
        step(promoting, publisher)
        assert ranking(promoting) == before
        assert promoting.store.board(QUEUE, 0).n_held == n
    assert promotions_told(promoting) == {0}
    assert worker.step()
    step(promoting, publisher)
    assert set(promotions_shown(promoting)) == {1}
    assert ranking(promoting) != before
    promoting.settle(worker, publisher)
    assert promoting.differences() == []
    updates = [promoting.output.ranked(lead) for lead in ranking(promoting)]
    assert [update and update.rank for update in updates] == list(range(1, N_LEADS + 1))
    assert {update.order.promotion for update in updates if update} == {1}


def test_what_is_scored_but_not_shown_is_not_covered(promoting: Roles) -> None:
    """No publisher placed the scores yet: nothing is held, and boards show what they did."""
    worker, publisher = promoting.worker(), promoting.publisher()
    while worker.step():
        pass
    reached = coverage(promoting.store, "*", 1)
    assert (reached.n_scored, reached.n_held, reached.is_complete) == (N_LEADS, N_LEADS, False)
    step(promoting, publisher)
    assert set(promotions_shown(promoting)) == {1}
    assert coverage(promoting.store, "*", 1).is_complete


def test_no_snapshot_mixes_two_artifacts(promoting: Roles) -> None:
    promoting.settle(promoting.worker(), promoting.publisher())
    of = {
        (score.lead, score.probability): score.artifact
        for i in range(N_LEADS)
        for score in promoting.output.scores(f"acme/l{i}")
    }
    snapshots = [
        BoardSnapshot.model_validate_json(record.value or b"")
        for record in promoting.output.of(BOARDS.name)
    ]
    seen = [{of[row.lead, row.probability] for row in snapshot.top} for snapshot in snapshots]
    assert all(len(artifacts) == 1 for artifacts in seen)
    assert seen[-1] == {"contrary"}


def test_a_call_does_not_wait_for_the_promotion(promoting: Roles) -> None:
    worker, publisher = promoting.worker(), promoting.publisher()
    promoting.ingest(talks(500, "I will take it", "l3"), joins(501, lead="new"))
    promoting.clock.advance(1_000)
    while promoting.lead("acme/l3").dirty or promoting.lead("acme/new").dirty:
        assert worker.step()
    step(promoting, publisher)
    shown = dict(zip(ranking(promoting), promotions_shown(promoting), strict=True))
    assert (shown["acme/l3"], shown["acme/new"]) == (1, 1)
    assert 0 in shown.values()
    promoting.settle(worker, publisher)
    assert set(promotions_shown(promoting)) == {1}


def test_a_lead_that_cannot_be_scored_does_not_hold_the_board_back(roles: Roles) -> None:
    roles.ingest(joins(0, lead="easy"), joins(1, lead="hard"), talks(2, "hard to read", "hard"))
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    choosy = RuleEngine(bias=0.5, faults={"hard to read": raises_unscorable})
    roles.scorers["choosy"] = rule_scorer(choosy, "choosy")
    roles.promote("choosy")
    roles.settle(worker, publisher)
    assert roles.lead("acme/hard").parked
    rows = {row.lead: row.order[0] for row in roles.store.board(QUEUE, 9).rows}
    assert rows == {"acme/easy": 1, "acme/hard": 0}


def test_a_lead_that_leaves_meanwhile_does_not_hold_the_board_back(promoting: Roles) -> None:
    promoting.ingest(closes(600, "l2"))
    promoting.settle(promoting.worker(), promoting.publisher())
    assert promotions_shown(promoting) == [1] * (N_LEADS - 1)
    assert promoting.differences() == []


def test_rolling_back_before_the_flip_changes_no_rank(promoting: Roles) -> None:
    worker, publisher = promoting.worker(), promoting.publisher()
    before = [(row.lead, row.probability) for row in promoting.store.board(QUEUE, 99).rows]
    for _ in range(3):
        worker.step()
    step(promoting, publisher)
    promoting.promote("rule-1")
    promoting.settle(worker, publisher)
    assert [(r.lead, r.probability) for r in promoting.store.board(QUEUE, 99).rows] == before
    assert set(promotions_shown(promoting)) == {2}


def test_who_died_between_flip_and_tale_is_spoken_for_by_the_sweep(promoting: Roles) -> None:
    worker, publisher = promoting.worker(), promoting.publisher()
    while worker.step():
        pass
    publisher.step()
    promoting.store.flip(QUEUE, 99, 1)
    promoting.settle(worker, promoting.publisher(sweep_every_s=1.0))
    told = [promoting.output.ranked(lead) for lead in ranking(promoting)]
    assert {update.order.promotion for update in told if update} == {1}
    assert all(told)

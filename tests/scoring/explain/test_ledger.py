"""The ledger: every change of a score has a cause, and the changes add up to it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.timestamps import DAY_MS, to_ms
from scoring.explain.ledger import (
    ChangeKind,
    LedgerEntry,
    LedgerPoint,
    build_ledger,
    points_of,
    ppm,
)
from scoring.explain.whatif import probabilities
from scoring.lead.arrival import Arrival, cursor_of, state_of
from scoring.lead.history import history_of
from scoring.prompt.edges import as_of
from scoring.prompt.rendering import first_rendering
from scoring.score import Scorer, prepare
from tests.scoring.arrivals import arrived, long_arrivals
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.leads.lead_events import START, joins, talks, writes

AUTO = first_rendering()

RULE, OTHER = rule_scorer(), rule_scorer(RuleEngine(bias=0.4), "rule-2")
SCORERS = {scorer.digest: scorer for scorer in (RULE, OTHER)}
STORY = arrived([joins(0), talks(5), writes(9)])
START_MS = to_ms(START)


def score(arrivals: list[Arrival], as_of_ms: int, scorer: Scorer = RULE) -> float:
    return probabilities(scorer, [prepare(history_of(state_of(arrivals)), as_of_ms, scorer.spec)])[
        0
    ]


def point(arrivals: list[Arrival], as_of_ms: int, artifact: str = "rule-1") -> LedgerPoint:
    value = score(arrivals, as_of_ms, SCORERS[artifact])
    return LedgerPoint(cursor_of(arrivals), as_of_ms, artifact, value)


@st.composite
def scored(draw: st.DrawFn) -> tuple[list[Arrival], list[LedgerPoint]]:
    """A log and scores as workers publish them: some events later, some time later, now and then
    with another artifact."""
    arrivals = draw(long_arrivals())
    n, now_ms, points = 0, arrivals[0].ingested_ms, []
    artifacts = st.sampled_from(sorted(SCORERS))
    while n < len(arrivals):
        n = draw(st.integers(n + (n == 0), len(arrivals)))
        now_ms = max(now_ms, arrivals[n - 1].ingested_ms) + draw(st.integers(0, 9 * DAY_MS))
        moment = as_of(history_of(state_of(arrivals[:n])), now_ms, AUTO)
        points.append(point(arrivals[:n], moment, draw(artifacts)))
        if n == len(arrivals):
            break
        n += draw(st.integers(0, 1))
    return arrivals, points


@given(scored())
def test_differences_add_up_to_the_last_score_exactly(
    case: tuple[list[Arrival], list[LedgerPoint]],
) -> None:
    arrivals, points = case
    ledger = build_ledger(arrivals, points, SCORERS.get)
    assert not ledger.differing
    last = points[-1].probability or 0.0
    assert sum((entry.difference for entry in ledger.entries), Fraction(0)) == Fraction(last)
    assert sum(entry.difference_ppm for entry in ledger.entries) == ppm(last)
    assert all(a.after == b.before for a, b in pairwise(ledger.entries))


@given(scored())
def test_every_event_of_the_log_is_the_cause_of_one_entry(
    case: tuple[list[Arrival], list[LedgerPoint]],
) -> None:
    arrivals, points = case
    entries = build_ledger(arrivals, points, SCORERS.get).entries
    known = [one for one in arrivals if one.offset <= points[-1].cursor.get(one.topic, -1)]
    causes = [cause for entry in entries for cause in entry.causes]
    assert sorted(causes, key=arrivals.index) == sorted(known, key=arrivals.index)
    assert [entry.kind for entry in entries].count(ChangeKind.START) == 1


@given(scored())
def test_an_artifact_that_is_gone_leaves_what_was_published(
    case: tuple[list[Arrival], list[LedgerPoint]],
) -> None:
    arrivals, points = case
    ledger = build_ledger(arrivals, points, {"rule-1": RULE}.get)
    assert not ledger.differing
    total = sum((entry.difference for entry in ledger.entries), Fraction(0))
    assert total == Fraction(points[-1].probability or 0.0)


@given(long_arrivals(), st.integers(0, 40 * DAY_MS))
def test_without_published_scores_each_event_has_its_own_point(
    arrivals: list[Arrival], later_ms: int
) -> None:
    until_ms = arrivals[-1].ingested_ms + later_ms
    points = points_of(arrivals, "rule-1", until_ms, AUTO)
    entries = build_ledger(arrivals, points, SCORERS.get).entries
    assert [e.causes[0] for e in entries if e.kind is ChangeKind.EVENT] == arrivals
    assert entries[-1].after == score(
        arrivals, as_of(history_of(state_of(arrivals)), until_ms, AUTO)
    )


def test_events_between_two_scores_share_the_change_in_arrival_order() -> None:
    first = STORY[0]
    moment = START_MS + DAY_MS
    points = [point([first], START_MS), point(STORY, moment)]
    entries = build_ledger(STORY, points, SCORERS.get).entries
    of_events = [entry for entry in entries if entry.kind is ChangeKind.EVENT]
    assert [entry.causes for entry in of_events] == [(one,) for one in STORY]
    assert [entry.after for entry in of_events[1:]] == [
        score(STORY[: n + 1], moment) for n in range(1, len(STORY))
    ]


def test_time_alone_is_an_entry_without_a_cause() -> None:
    later = START_MS + 20 * DAY_MS
    entries = build_ledger(
        STORY, [point(STORY, START_MS), point(STORY, later)], SCORERS.get
    ).entries
    assert entries[-1] == LedgerEntry(
        ChangeKind.TIME, (), later, "rule-1", score(STORY, START_MS), score(STORY, later)
    )


def test_another_artifact_is_an_entry_of_its_own() -> None:
    points = [point(STORY, START_MS), point(STORY, START_MS, "rule-2")]
    entry = build_ledger(STORY, points, SCORERS.get).entries[-1]
    assert (entry.kind, entry.artifact) == (ChangeKind.ARTIFACT, "rule-2")
    assert entry.difference > 0


def test_what_a_rollback_took_away_is_taken_out_and_comes_back() -> None:
    fewer = STORY[:2]
    points = [point(STORY, START_MS), point(fewer, START_MS), point(STORY, START_MS)]
    entries = build_ledger(STORY, points, SCORERS.get).entries
    assert [e.kind for e in entries[-2:]] == [ChangeKind.WITHDRAWN, ChangeKind.EVENT]
    assert entries[-2].difference == -entries[-1].difference


def test_a_published_score_that_its_artifact_does_not_give_is_named() -> None:
    true = point(STORY, START_MS)
    lie = LedgerPoint(true.cursor, true.as_of_ms, true.artifact, 0.5)
    assert build_ledger(STORY, [lie], SCORERS.get).differing == (lie,)


def test_an_unscored_artifact_that_is_gone_is_refused() -> None:
    nothing = LedgerPoint(cursor_of(STORY), START_MS, "gone")
    with pytest.raises(ValueError, match="artifact gone is missing"):
        build_ledger(STORY, [nothing], SCORERS.get)

"""What daily calls would have been worth, on cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.backtest.backtest import Backtest, backtest
from scoring.backtest.daily_calls import CallTerms, DailyLists, calls_made, labels_of
from scoring.metrics.bootstrap import Bootstrap
from scoring.metrics.verdict import Verdict
from scoring.report.backtest_text import answer, worth

TERMS = CallTerms(capacity=1, horizon_days=3.0, rest_days=2)


def _bootstrap(n: int = 50) -> Bootstrap:
    return Bootstrap(np.random.default_rng(5), n)


def _boards(rows: list[tuple[int, int, int]], ordered: list[float]) -> DailyLists:
    day, queue, lead = np.array(rows, dtype=np.intp).T
    return DailyLists(day, queue, lead, np.array(ordered))


def _three_days() -> DailyLists:
    """Lead 0 never orders, lead 1 at 2.5, lead 2 at 9: too late for a horizon of three days."""
    rows = [(day, 0, lead) for day in range(3) for lead in range(3)]
    return _boards(rows, [np.nan, 2.5, 9.0])


def test_only_an_order_within_the_horizon_is_a_hit() -> None:
    assert labels_of(_three_days(), TERMS).tolist() == [False, True, False] * 3


def test_the_best_is_called_and_then_rests() -> None:
    scores = np.array([3.0, 2.0, 1.0] * 3)
    called = calls_made(_three_days(), scores, TERMS)
    assert np.flatnonzero(called).tolist() == [0, 4, 6]  # lead 0, then 1, then 0 again


def test_ties_are_called_by_lead_and_unknown_leads_never() -> None:
    called = calls_made(_three_days(), np.array([np.nan, 1.0, 1.0] * 3), TERMS)
    assert np.flatnonzero(called).tolist() == [1, 5, 7]


def test_each_queue_has_its_own_calls() -> None:
    boards = _boards([(0, 0, 0), (0, 0, 1), (0, 1, 2)], [np.nan, np.nan, np.nan])
    assert calls_made(boards, np.array([1.0, 2.0, 0.0]), TERMS).tolist() == [False, True, True]


def _hand_worked() -> Backtest:
    boards = _three_days()
    poor = calls_made(boards, np.array([3.0, 2.0, 1.0] * 3), TERMS)  # reaches lead 1 on day 1
    good = calls_made(boards, np.array([1.0, 2.0, 0.0] * 3), TERMS)  # on day 0, again on day 2
    return backtest(boards, {"poor": poor, "good": good}, TERMS, _bootstrap())


def test_figures_of_a_case_worked_by_hand() -> None:
    found = _hand_worked()
    poor, good = found.models["poor"], found.models["good"]
    assert (found.n_rows, found.n_leads, found.n_buyers) == (9, 3, 1)
    assert (poor.n_calls, poor.n_hits, good.n_calls, good.n_hits) == (3, 1, 3, 2)
    assert good.precision.value == pytest.approx(2 / 3)
    assert good.lift.value == pytest.approx(2.0)  # a third of each day's list is to order
    assert (poor.reached.value, poor.recall.value) == (1.0, 1.0)
    assert (poor.days_gained.value, good.days_gained.value) == (1.5, 2.5)
    (paired,) = found.paired
    assert (paired.ours, paired.theirs) == ("good", "poor")
    assert (paired.reached.value, paired.days_earlier.value) == (0.0, 1.0)
    assert paired.judgement.verdict is Verdict.CANNOT_TELL


def test_three_buyers_of_three_are_no_certainty() -> None:
    boards = _boards([(0, 0, lead) for lead in range(5)], [0.5, 0.6, 0.7, np.nan, np.nan])
    scores = {"all": [5.0, 4.0, 3.0, 2.0, 1.0], "none": [1.0, 2.0, 3.0, 4.0, 5.0]}
    for n_reached, name in ((3, "all"), (0, "none")):
        terms = CallTerms(capacity=3 if n_reached else 2, horizon_days=3.0, rest_days=2)
        called = calls_made(boards, np.array(scores[name]), terms)
        recall = backtest(boards, {name: called}, terms, _bootstrap()).models[name].recall
        assert recall.value == n_reached / 3
        # The exact bounds for three of three and for none of three, as tables have them.
        assert (recall.low, recall.high) == pytest.approx(
            (0.2924, 1.0) if n_reached else (0.0, 0.7076), abs=1e-4
        )


def test_days_add_up_to_the_whole() -> None:
    found = _hand_worked()
    assert [(day.day, day.n_listed, day.n_positive) for day in found.days] == [
        (0, 3, 1), (1, 3, 1), (2, 3, 1),
    ]  # fmt: skip
    for name, model in found.models.items():
        of_days = [day.models[name] for day in found.days]
        assert sum(day.n_calls for day in of_days) == model.n_calls
        assert sum(day.n_hits for day in of_days) == model.n_hits
        assert sum(day.n_reached for day in of_days) == model.reached.value


def test_some_days_can_be_judged_alone() -> None:
    boards = _three_days()
    called = {"all": np.ones(9, dtype=np.bool_)}
    found = backtest(boards, called, TERMS, _bootstrap(), boards.during(1, 2))
    assert [day.day for day in found.days] == [1]
    assert (found.n_rows, found.models["all"].n_calls) == (3, 3)
    assert found.models["all"].days_gained.value == 1.5


def test_a_lead_listed_after_its_order_is_refused() -> None:
    with pytest.raises(ValueError, match="after it ordered"):
        _boards([(3, 0, 0)], [2.5])


def test_nothing_to_judge_is_refused() -> None:
    boards = _three_days()
    with pytest.raises(ValueError, match="0 rows and 1 models"):
        backtest(boards, {"a": np.ones(9, bool)}, TERMS, _bootstrap(), boards.during(7, 9))


def _many(n: int = 400) -> tuple[DailyLists, np.ndarray]:
    """A tenth orders a day and a half later; the scores know who."""
    lead = np.arange(n, dtype=np.intp)
    ordered = np.where(lead % 10 == 0, lead // 100 + 1.5, np.nan)
    return DailyLists(lead // 100, np.zeros(n, np.intp), lead, ordered), (lead % 10 == 0) * 1.0


def test_a_model_that_knows_is_ahead_and_the_answer_says_how_many_buyers() -> None:
    boards, knows = _many()
    terms = CallTerms(capacity=8, horizon_days=3.0)
    blind = np.random.default_rng(1).random(len(knows))
    called = {"blind": calls_made(boards, blind, terms), "ours": calls_made(boards, knows, terms)}
    found = backtest(boards, called, terms, _bootstrap(300))
    (paired,) = found.paired
    assert paired.judgement.verdict is Verdict.AHEAD
    sentence = answer(found, paired, terms)
    assert sentence.startswith("with 8 calls a day in each queue ours would have reached 32 of 40")
    assert "precision 100.0%" in worth("ours", found.models["ours"])
    assert found.models["ours"].lift.value == pytest.approx(10.0)


def test_few_buyers_cannot_tell() -> None:
    found = _hand_worked()
    assert answer(found, found.paired[0], TERMS).startswith("cannot tell good from poor")


def test_an_interval_without_zero_and_few_buyers_names_the_buyers_as_the_reason() -> None:
    boards, knows = _many(100)
    terms = CallTerms(capacity=8, horizon_days=3.0)
    called = {"blind": calls_made(boards, -knows, terms), "ours": calls_made(boards, knows, terms)}
    found = backtest(boards, called, terms, _bootstrap(300))
    (paired,) = found.paired
    assert (found.n_buyers, paired.reached.excludes_zero) == (10, True)
    assert answer(found, paired, terms).endswith("with fewer than 20 buyers no interval tells")


_ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 1), st.integers(0, 8)),
    min_size=1, max_size=40, unique_by=lambda row: (row[0], row[2]),
)  # fmt: skip


@given(_ROWS, st.integers(1, 4), st.integers(1, 4), st.data())
def test_no_list_gets_more_calls_than_capacity_and_nobody_is_called_while_resting(
    rows: list[tuple[int, int, int]], capacity: int, rest_days: int, data: st.DataObject
) -> None:
    boards = _boards(rows, [np.nan] * 9)
    score = st.floats(0, 1, width=16)
    scores = np.array(data.draw(st.lists(score, min_size=len(rows), max_size=len(rows))))
    called = calls_made(boards, scores, CallTerms(capacity, 3.0, rest_days))
    chosen = [rows[i] for i in np.flatnonzero(called)]
    for day, queue, lead in chosen:
        assert sum((d, q) == (day, queue) for d, q, _ in chosen) <= capacity
        others = [d for d, _, name in chosen if name == lead and d != day]
        assert all(abs(d - day) >= rest_days for d in others)

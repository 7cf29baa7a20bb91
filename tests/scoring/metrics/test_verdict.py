"""A verdict follows from the interval, and says when there is none."""

from __future__ import annotations

import pytest

from scoring.metrics.bootstrap import Interval
from scoring.metrics.verdict import MIN_POSITIVES, Verdict, judge


def _difference(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, 0.95)


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (_difference(0.03, 0.01, 0.05), Verdict.AHEAD),
        (_difference(-0.03, -0.05, -0.01), Verdict.BEHIND),
        (_difference(0.03, -0.01, 0.07), Verdict.CANNOT_TELL),
        (_difference(0.0, 0.0, 0.0), Verdict.CANNOT_TELL),
        (_difference(0.1, float("nan"), float("nan")), Verdict.CANNOT_TELL),
    ],
)
def test_only_an_interval_off_zero_ranks_two_models(difference: Interval, verdict: Verdict) -> None:
    assert judge(difference, 500).verdict is verdict


def test_few_positives_never_rank_two_models() -> None:
    assert judge(_difference(0.3, 0.1, 0.5), MIN_POSITIVES - 1).verdict is Verdict.CANNOT_TELL


def test_no_verdict_says_how_many_positives_one_would_take() -> None:
    # half-width .04 around .02: twice as wide as the difference, so four times the positives
    judged = judge(_difference(0.02, -0.02, 0.06), 100)
    assert judged.positives_needed == 400
    assert judge(_difference(0.0, -0.1, 0.1), 100).positives_needed is None
    assert judge(_difference(0.03, 0.01, 0.05), 100).positives_needed is None


def test_where_labels_play_no_part_no_count_of_them_is_asked_for() -> None:
    assert judge(_difference(0.03, 0.01, 0.05), None).verdict is Verdict.AHEAD
    undecided = judge(_difference(0.02, -0.02, 0.06), None)
    assert undecided.verdict is Verdict.CANNOT_TELL
    assert undecided.positives_needed is None

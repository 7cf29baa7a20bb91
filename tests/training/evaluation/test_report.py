"""The report says who is ahead, only when the rows allow it, and the same on every run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scoring.metrics.verdict import Verdict
from tests.training.evaluation.rows import judged, model
from training.evaluation.judged import EvaluationError, Scored
from training.evaluation.report import (
    EvaluationReport,
    EvaluationRequest,
    PairedDifference,
    build_report,
)

ASKED = EvaluationRequest(calls_per_day=6.0, n_resamples=200)


def _auc(report: EvaluationReport, *, is_expected: bool) -> PairedDifference:
    (found,) = (
        each
        for each in report.differences
        if each.metric == "auc" and each.is_expected is is_expected
    )
    return found


def test_a_much_better_model_is_ahead_on_labels_and_on_the_truth() -> None:
    rows = judged(2000)
    report = build_report(rows, [model(rows, 0.1, "good"), model(rows, 4.0, "bad")], ASKED)
    for is_expected in (False, True):
        found = _auc(report, is_expected=is_expected)
        assert found.judgement.verdict is Verdict.AHEAD
        assert found.interval.low > 0.0
    assert _auc(report, is_expected=False).p_value < 0.001
    assert _auc(report, is_expected=True).p_value is None


def test_many_rows_of_few_leads_that_ordered_tell_nothing() -> None:
    """As many moments of each lead make them."""
    each_its_own = judged(2000)
    who = np.where(each_its_own.labels > 0, np.arange(2000) % 6, np.arange(2000) + 6)
    rows = replace(each_its_own, clusters=np.array([f"acme/l-{number}" for number in who]))
    assert (rows.n_who_ordered, rows.n_positives > 100) == (6, True)
    for one, verdict in ((each_its_own, Verdict.AHEAD), (rows, Verdict.CANNOT_TELL)):
        report = build_report(one, [model(one, 0.1, "good"), model(one, 4.0, "bad")], ASKED)
        assert _auc(report, is_expected=False).judgement.verdict is verdict
    few = build_report(rows, [model(rows, 0.1)], ASKED).models[0].metrics["auc"]
    many = build_report(each_its_own, [model(rows, 0.1)], ASKED).models[0].metrics["auc"]
    assert few.expected_half_width > 3 * many.expected_half_width


def test_a_smaller_loss_is_ahead() -> None:
    rows = judged(2000)
    report = build_report(rows, [model(rows, 0.1, "good"), model(rows, 4.0, "bad")], ASKED)
    losses = [each for each in report.differences if each.metric in ("log_loss", "brier")]
    assert losses
    assert all(each.interval.value < 0.0 for each in losses)
    assert {each.judgement.verdict for each in losses} == {Verdict.AHEAD}


def test_models_that_are_alike_cannot_be_told_apart() -> None:
    rows = judged(400)
    two = [model(rows, 1.0, "one", seed=4), model(rows, 1.0, "other", seed=5)]
    found = _auc(build_report(rows, two, ASKED), is_expected=False)
    assert found.judgement.verdict is Verdict.CANNOT_TELL
    assert found.judgement.positives_needed > rows.n_positives


def test_without_a_known_truth_nothing_is_expected() -> None:
    known = judged()
    rows = replace(known, truth=np.full(len(known), np.nan))
    report = build_report(rows, [model(known, 1.0)], ASKED)
    assert report.bayes is None
    assert report.models[0].expected == {}
    assert not any(each.is_expected for each in report.differences)


def test_nobody_is_ahead_of_the_truth() -> None:
    rows = judged()
    report = build_report(rows, [model(rows, 0.0, "truth"), model(rows, 0.5)], ASKED)
    assert report.models[0].expected["auc"].value == pytest.approx(report.bayes)
    assert report.models[1].expected["auc"].value < report.bayes
    assert report.models[0].expected["ece"].value == pytest.approx(0.0, abs=1e-12)


def test_the_report_follows_from_rows_scores_and_seed() -> None:
    rows = judged()
    first, again = (build_report(rows, [model(rows, 1.0)], ASKED) for _ in range(2))
    assert repr(first) == repr(again)  # NaN is not equal to itself


def test_every_row_is_in_one_group_of_each_kind() -> None:
    rows = judged()
    groups = build_report(rows, [model(rows, 1.0)], ASKED).models[0].groups
    for kind in ("queue", "stage"):
        of_kind = [group for group in groups if group.kind == kind]
        assert sum(group.n for group in of_kind) == len(rows)
        assert sum(group.n_positives for group in of_kind) == rows.n_positives


def test_curves_end_where_everybody_is_called() -> None:
    rows = judged(weight_of_negatives=5.0)
    curves = build_report(rows, [model(rows, 1.0)], ASKED).models[0].curves
    assert curves.roc[0] == (0.0, 0.0)
    assert curves.roc[-1] == pytest.approx((1.0, 1.0))
    assert curves.precision_recall[-1] == pytest.approx((1.0, rows.prevalence))
    assert curves.lift[-1] == pytest.approx((1.0, 1.0))


def test_scores_that_do_not_fit_are_refused() -> None:
    rows = judged()
    ours = model(rows, 1.0)
    with pytest.raises(EvaluationError, match="10 scores for 600 rows"):
        build_report(rows, [Scored("short", ours.scores[:10], ours.probabilities[:10])], ASKED)
    with pytest.raises(EvaluationError, match="share a name"):
        build_report(rows, [ours, ours], ASKED)

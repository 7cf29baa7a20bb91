"""The statistic that everything is resampled from says what the single metrics say."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.metrics.bootstrap import Bootstrap, replicates
from scoring.metrics.metrics import (
    auc,
    average_precision,
    brier,
    expected_calibration_error,
    log_loss,
    top_group,
)
from tests.training.evaluation.rows import judged, model
from training.evaluation.measures import (
    FRACTIONS,
    METRICS,
    call_shares,
    expected_half_widths,
    measures,
)


@pytest.mark.parametrize("against", ["labels", "truth"])
def test_the_statistic_agrees_with_each_metric(against: str) -> None:
    rows = judged(weight_of_negatives=3.0)
    ours, outcomes = model(rows, 1.0), getattr(rows, against)
    found = measures(ours, rows, outcomes, 5.0)(rows.weights[None, :])[0]
    values = dict(zip(METRICS, found, strict=True))
    args = (outcomes, rows.weights)
    assert values["auc"] == pytest.approx(auc(ours.scores, *args))
    assert values["average_precision"] == pytest.approx(average_precision(ours.scores, *args))
    assert values["log_loss"] == pytest.approx(log_loss(ours.probabilities, *args))
    assert values["brier"] == pytest.approx(brier(ours.probabilities, *args))
    assert values["ece"] == pytest.approx(
        expected_calibration_error(ours.probabilities, outcomes, weights=rows.weights)
    )
    for top, fraction in FRACTIONS.items():
        best = top_group(ours.scores, outcomes, fraction, rows.weights)
        assert values[f"p_at_{top}"] == pytest.approx(best.precision)
        assert values[f"r_at_{top}"] == pytest.approx(best.recall)
        assert values[f"lift_at_{top}"] == pytest.approx(best.lift)


def test_each_list_calls_its_best_and_shares_a_tied_boundary() -> None:
    scores = np.array([3.0, 2.0, 1.0, 5.0, 5.0, 5.0, 9.0])
    lists = np.array([0, 0, 0, 1, 1, 1, 2])
    assert call_shares(scores, lists, np.ones(7), 2.0) == pytest.approx(
        [1, 1, 0, 2 / 3, 2 / 3, 2 / 3, 1]
    )


def test_a_row_that_stands_for_many_leads_takes_many_calls() -> None:
    shares = call_shares(
        np.array([3.0, 2.0, 1.0]), np.zeros(3, dtype=int), np.array([1.0, 4.0, 4.0]), 3.0
    )
    assert shares == pytest.approx([1.0, 0.5, 0.0])


def test_capacity_counts_positives_among_those_called() -> None:
    rows = judged()
    ours = model(rows, 1.0)
    values = dict(
        zip(
            METRICS, measures(ours, rows, rows.labels, 6.0)(np.ones((1, len(rows))))[0], strict=True
        )
    )
    called = np.concatenate(
        [
            np.flatnonzero(rows.lists == each)[
                np.argsort(-ours.scores[rows.lists == each], kind="stable")[:6]
            ]
            for each in range(10)
        ]
    )
    assert values["p_at_capacity"] == pytest.approx(rows.labels[called].mean())
    assert values["r_at_capacity"] == pytest.approx(rows.labels[called].sum() / rows.labels.sum())


@pytest.mark.slow
def test_the_half_width_to_expect_is_near_the_one_that_comes() -> None:
    rows = judged(3000)
    ours = model(rows, 1.0)
    found = replicates(
        [measures(ours, rows, rows.labels, 6.0)], 3000, Bootstrap(np.random.default_rng(1), 400)
    )
    values = dict(zip(METRICS, found.values[0], strict=True))
    expected = expected_half_widths(values, rows, 6.0, 0.95)
    for metric in ("auc", "p_at_5pct", "p_at_10pct", "p_at_capacity", "r_at_5pct"):
        came = found.interval(0, METRICS.index(metric)).half_width
        # formulas for independent draws, and a bootstrap of 400: the size, not the digits
        assert expected[metric] == pytest.approx(came, rel=0.5), metric
    assert np.isnan(expected["log_loss"])

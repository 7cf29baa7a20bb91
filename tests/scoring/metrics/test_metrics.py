"""Metrics against hand-worked cases and brute force."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from scoring.metrics.metrics import (
    auc,
    average_precision,
    brier,
    calibration_noise,
    equal_mass_bins,
    expected_auc,
    expected_calibration_error,
    expected_precision_at,
    log_loss,
    reliability,
    top_group,
)


def _rng() -> np.random.Generator:
    return np.random.default_rng(20)


def _brute_force(scores: list[float], probabilities: list[float]) -> float:
    """Every ordered pair of two leads, weighted by the chance that it is (positive, negative)."""
    won = pairs = 0.0
    for i, j in itertools.permutations(range(len(scores)), 2):
        weight = probabilities[i] * (1.0 - probabilities[j])
        pairs += weight
        won += weight * (1.0 if scores[i] > scores[j] else 0.5 * (scores[i] == scores[j]))
    return won / pairs


def test_auc_counts_pairs_and_halves_ties() -> None:
    assert auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == pytest.approx(0.75)
    assert auc([1.0, 1.0, 1.0], [0, 1, 0]) == pytest.approx(0.5)
    assert auc([3.0, 2.0, 1.0], [1, 0, 0]) == pytest.approx(1.0)


def test_auc_of_one_class_is_not_a_number() -> None:
    assert np.isnan(auc([0.2, 0.7], [1, 1]))


def test_expected_auc_of_two_leads_by_hand() -> None:
    # .5 * (1 - .2) of the pairs are in the right order, .2 * (1 - .5) in the wrong one
    assert expected_auc([2.0, 1.0], [0.5, 0.2]) == pytest.approx(0.4 / 0.5)


def test_expected_auc_equals_brute_force_with_ties() -> None:
    rng = _rng()
    for _ in range(20):
        scores = rng.integers(6, size=25).astype(float).tolist()
        probabilities = rng.random(25).tolist()
        assert expected_auc(scores, probabilities) == pytest.approx(
            _brute_force(scores, probabilities), abs=1e-12
        )


def test_expected_auc_is_what_drawn_labels_average_to() -> None:
    rng = _rng()
    probabilities = rng.beta(1, 4, size=400)
    scores = probabilities + rng.normal(0, 0.1, size=400)
    drawn = [auc(scores, rng.random(400) < probabilities) for _ in range(300)]
    # the ratio's expectation and the ratio of expectations differ by less than sampling noise
    assert expected_auc(scores, probabilities) == pytest.approx(np.mean(drawn), abs=0.006)


def test_precision_at_counts_the_best_and_shares_a_tied_boundary() -> None:
    assert expected_precision_at([4.0, 3.0, 2.0, 1.0], [0.9, 0.5, 0.1, 0.1], 0.5) == pytest.approx(
        0.7
    )
    assert expected_precision_at([4.0, 3.0, 3.0, 1.0], [0.9, 0.5, 0.1, 0.1], 0.5) == pytest.approx(
        (0.9 + 0.3) / 2
    )
    assert expected_precision_at([1.0, 2.0], [0.0, 1.0], 0.001) == 1.0


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1])
def test_a_fraction_outside_its_range_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction"):
        expected_precision_at([1.0], [1.0], fraction)


def test_calibration_error_by_hand() -> None:
    # bins {.1, .2} and {.6, .8}: |.15 - .5| and |.7 - .5|, of equal mass
    assert expected_calibration_error(
        [0.6, 0.1, 0.8, 0.2], [0, 1, 1, 0], n_bins=2
    ) == pytest.approx((0.35 + 0.2) / 2)
    truth = _rng().random(1000)
    assert expected_calibration_error(truth, truth) == pytest.approx(0.0, abs=1e-12)


def test_scores_that_cannot_be_ordered_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        auc([float("nan"), 1.0], [0, 1])
    with pytest.raises(ValueError, match="scores and"):
        auc([1.0], [0, 1])


def test_average_precision_by_hand_and_of_nothing() -> None:
    # the positives stand at ranks 1 and 3: (1/1 + 2/3) / 2
    assert average_precision([4.0, 3.0, 2.0, 1.0], [1, 0, 1, 0]) == pytest.approx(5 / 6)
    assert np.isnan(average_precision([1.0, 2.0], [0, 0]))


def test_recall_and_lift_of_the_best_by_hand() -> None:
    labels = [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]
    best = top_group(np.arange(10.0, 0.0, -1.0), labels, 0.3)
    assert (best.n_called, best.precision, best.recall) == pytest.approx((3, 2 / 3, 2 / 3))
    assert best.lift == pytest.approx(2 / 3 / 0.3)
    nothing = top_group([1.0, 2.0], [0, 0], 0.5)
    assert nothing.precision == 0.0
    assert np.isnan(nothing.recall)
    assert np.isnan(nothing.lift)


def test_log_loss_and_brier_by_hand() -> None:
    assert log_loss([0.5, 0.25], [1, 0]) == pytest.approx((np.log(2) - np.log(0.75)) / 2)
    assert brier([0.5, 0.25], [1, 0]) == pytest.approx((0.25 + 0.0625) / 2)
    # of a true probability: what drawn labels cost on average
    assert brier([0.3], [0.3]) == pytest.approx(0.3 * 0.7)
    assert np.isfinite(log_loss([0.0, 1.0], [1, 0]))


@pytest.mark.train
@pytest.mark.slow
def test_metrics_agree_with_scikit_learn_on_ties_and_weights() -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="needs the train extra")
    rng = _rng()
    for _ in range(10):
        said = rng.integers(1, 20, size=300) / 20.0
        labels = rng.random(300) < said / 3
        weights = rng.choice([1.0, 4.0], size=300)
        for ours, theirs in (
            (auc, sklearn.roc_auc_score),
            (average_precision, sklearn.average_precision_score),
        ):
            assert ours(said, labels, weights) == pytest.approx(
                theirs(labels, said, sample_weight=weights), abs=1e-12
            )
        assert log_loss(said, labels, weights) == pytest.approx(
            sklearn.log_loss(labels, said, sample_weight=weights), abs=1e-12
        )
        assert brier(said, labels, weights) == pytest.approx(
            sklearn.brier_score_loss(labels, said, sample_weight=weights), abs=1e-12
        )


def test_a_weight_counts_like_as_many_equal_leads() -> None:
    rng = _rng()
    said, outcomes = rng.integers(1, 9, size=60) / 9.0, rng.random(60)
    copies = rng.integers(1, 5, size=60)
    many = np.repeat(said, copies), np.repeat(outcomes, copies)
    for metric in (expected_auc, average_precision, log_loss, brier):
        assert metric(said, outcomes, copies) == pytest.approx(metric(*many), abs=1e-12)
    assert expected_calibration_error(said, outcomes, 5, copies) == pytest.approx(
        expected_calibration_error(*many, 5), abs=1e-12
    )
    for fraction in (0.01, 0.2, 1.0):
        assert top_group(said, outcomes, fraction, copies).recall == pytest.approx(
            top_group(*many, fraction).recall, abs=1e-12
        )


def test_equal_predictions_share_a_bin_whatever_their_order() -> None:
    said = np.array([0.1] * 7 + [0.5] * 3)
    assert len(set(equal_mass_bins(said, 10, None)[:7])) == 1
    bins = reliability(said, [1, 0, 0, 0, 0, 0, 0, 1, 1, 0], 10)
    assert bins.observed == pytest.approx([1 / 7, 2 / 3])
    assert bins.mass.tolist() == [7.0, 3.0]


def test_calibration_noise_is_what_true_probabilities_show() -> None:
    rng = _rng()
    truth = rng.beta(1, 10, size=3000)
    shown = [expected_calibration_error(truth, rng.random(len(truth)) < truth) for _ in range(200)]
    # the normal approximation, against the mean of 200 draws
    assert calibration_noise(truth) == pytest.approx(np.mean(shown), rel=0.05)


@pytest.mark.parametrize("metric", [log_loss, brier, expected_calibration_error])
def test_what_is_no_probability_is_refused(metric: Callable[..., float]) -> None:
    with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
        metric([1.2, 0.1], [0, 1])
    with pytest.raises(ValueError, match="weights of shape"):
        metric([0.2, 0.1], [0, 1], weights=[1.0])
    with pytest.raises(ValueError, match="below zero"):
        metric([0.2, 0.1], [0, 1], weights=[1.0, -1.0])

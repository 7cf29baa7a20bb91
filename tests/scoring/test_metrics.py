"""Metrics against hand-worked cases and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scoring.metrics import (
    Bootstrap,
    auc,
    expected_auc,
    expected_calibration_error,
    expected_precision_at,
    paired_difference,
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


def test_a_better_score_has_an_interval_above_zero_and_the_same_score_does_not() -> None:
    rng = _rng()
    truth = rng.beta(1, 5, size=500)
    good, bad = truth + rng.normal(0, 0.02, 500), truth + rng.normal(0, 0.5, 500)
    found = paired_difference(expected_auc, good, bad, truth, Bootstrap(_rng(), 200))
    assert found.low < found.value < found.high
    assert found.low > 0.0
    assert found.excludes_zero
    same = paired_difference(expected_auc, bad, bad, truth, Bootstrap(_rng(), 50))
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not same.excludes_zero


def test_the_interval_follows_from_the_generator_alone() -> None:
    rng = _rng()
    ours, theirs, labels = rng.random(80), rng.random(80), rng.random(80) < 0.3
    first, again = (
        paired_difference(auc, ours, theirs, labels, Bootstrap(_rng(), 60)) for _ in range(2)
    )
    assert first == again


def test_rows_of_one_lead_are_resampled_together() -> None:
    rng = _rng()
    ours, theirs, labels = rng.random(120), rng.random(120), rng.random(120) < 0.4
    a, b, y = (np.repeat(values, 8) for values in (ours, theirs, labels))
    clusters = np.repeat(np.arange(120), 8)
    plain = paired_difference(auc, ours, theirs, labels, Bootstrap(_rng(), 400))
    clustered = paired_difference(auc, a, b, y, Bootstrap(_rng(), 400), clusters=clusters)
    naive = paired_difference(auc, a, b, y, Bootstrap(_rng(), 400))
    assert clustered.high - clustered.low == pytest.approx(plain.high - plain.low, rel=0.01)
    assert naive.high - naive.low < 0.6 * (plain.high - plain.low)

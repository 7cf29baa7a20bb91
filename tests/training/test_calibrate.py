"""Platt and isotonic against a known truth: right, monotone, bent only where orders allow it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn", reason="needs the train extra")

from sklearn.isotonic import IsotonicRegression

from scoring.calibration import Calibration, probability
from scoring.metrics.metrics import expected_calibration_error
from training.calibrate import (
    MIN_POSITIVES_FOR_ISOTONIC,
    MIN_POSITIVES_FOR_PLATT,
    MIN_POSITIVES_PER_KNOT,
    MIN_SLOPE,
    cross_fitted_quality,
    doubts,
    fit_calibration,
    fit_platt,
    isotonic_knots,
)

pytestmark = pytest.mark.train

Floats = NDArray[np.float64]


def _bent(n: int, seed: int) -> tuple[Floats, Floats, Floats]:
    """Logits, orders and the truth, which no straight line in logits fits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=n)
    truth = 0.02 + 0.5 * np.clip(logits - 0.3, 0.0, 1.0)
    return logits, (rng.random(n) < truth).astype(np.float64), truth


def _said(logits: Floats, orders: Floats, weights: Floats) -> Floats:
    fitted = fit_calibration(logits, orders, weights)
    return np.array([probability(logit, fitted) for logit in logits])


def test_below_the_stated_number_of_orders_it_is_platt_alone() -> None:
    logits, orders, _ = _bent(2_000, 1)
    assert orders.sum() < MIN_POSITIVES_FOR_ISOTONIC
    assert fit_calibration(logits, orders, np.ones(2_000)) == fit_platt(
        logits, orders, np.ones(2_000)
    )


def test_isotonic_follows_a_truth_that_platt_cannot() -> None:
    logits, orders, truth = _bent(20_000, 2)
    assert orders.sum() >= MIN_POSITIVES_FOR_ISOTONIC
    ones = np.ones(20_000)
    platt = fit_platt(logits, orders, ones)
    straight = np.array([probability(logit, platt) for logit in logits])
    bent = _said(logits, orders, ones)
    assert np.abs(bent - truth).mean() < 0.5 * np.abs(straight - truth).mean()


def test_knots_agree_with_the_isotonic_regression_they_are_made_of() -> None:
    logits, orders, _ = _bent(20_000, 3)
    ones = np.ones(20_000)
    reference = IsotonicRegression().fit(logits, orders)
    knots = isotonic_knots(logits, orders, ones)
    gaps = [abs(1 / (1 + np.exp(-y)) - float(reference.predict([x])[0])) for x, y in knots]
    assert max(gaps) < 0.03
    edges = [-np.inf, *np.convolve([x for x, _ in knots], [0.5, 0.5], "valid"), np.inf]
    held = np.histogram(logits[orders > 0], edges)[0]
    assert held.min() >= MIN_POSITIVES_PER_KNOT / 2


def test_weights_undo_the_sampling_of_negatives() -> None:
    logits, orders, _ = _bent(40_000, 4)
    kept = (orders > 0) | (np.random.default_rng(5).random(40_000) < 0.1)
    weights = np.where(orders > 0, 1.0, 10.0)[kept]
    said = _said(logits[kept], orders[kept], weights)
    assert np.average(said, weights=weights) == pytest.approx(orders.mean(), rel=0.03)


def test_platt_alone_undoes_the_sampling_of_negatives() -> None:
    """Too few orders for isotonic knots, which would hide a Platt that ignores weights."""
    rng = np.random.default_rng(4)
    logits = rng.normal(size=9_000)
    orders = (rng.random(9_000) < 1 / (1 + np.exp(3 - logits))).astype(np.float64)
    assert orders.sum() < MIN_POSITIVES_FOR_ISOTONIC
    kept = (orders > 0) | (rng.random(9_000) < 0.1)
    weights = np.where(orders > 0, 1.0, 10.0)[kept]
    said = _said(logits[kept], orders[kept], weights)
    assert np.average(said, weights=weights) == pytest.approx(orders.mean(), rel=0.1)


def test_a_logit_that_says_nothing_is_calibrated_to_the_share_of_orders() -> None:
    rng = np.random.default_rng(6)
    orders = (rng.random(30_000) < 0.05).astype(np.float64)
    said = _said(rng.normal(size=30_000), orders, np.ones(30_000))
    assert np.abs(said - 0.05).max() < 0.03


def test_cross_fitted_quality_sees_what_the_fitted_slice_hides() -> None:
    """On average: a small slice fits itself better than it fits others."""
    ones, gaps = np.ones(100), []
    for seed in range(30):
        logits, orders, _ = _bent(100, seed)
        honest = cross_fitted_quality(logits, orders, ones, np.random.default_rng(seed)).ece
        gaps.append(honest - expected_calibration_error(_said(logits, orders, ones), orders))
    assert np.mean(gaps) > 0.005


def test_a_score_that_points_the_wrong_way_is_said_not_served_as_if_it_meant_something() -> None:
    logits, orders, _ = _bent(2_000, 7)
    ones = np.ones(2_000)
    assert doubts(fit_platt(logits, orders, ones), int(orders.sum())) == []
    (said,) = doubts(fit_platt(-logits, orders, ones), int(orders.sum()))
    assert "do not serve" in said


def test_a_held_slope_keeps_the_share_of_orders() -> None:
    """Of a score far from zero, too, and of sampled negatives."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-4, 1, 20_000)
    orders = (rng.random(20_000) < 1 / (1 + np.exp(8.5 + logits))).astype(np.float64)
    kept = (orders > 0) | (rng.random(20_000) < 0.1)
    weights = np.where(orders > 0, 1.0, 10.0)[kept]
    fitted = fit_platt(logits[kept], orders[kept], weights)
    assert fitted.a == MIN_SLOPE
    said = [probability(logit, fitted) for logit in logits[kept]]
    share = np.average(orders[kept], weights=weights)
    assert np.average(said, weights=weights) == pytest.approx(share, rel=1e-6)


def test_fewer_orders_than_a_probability_needs_are_said() -> None:
    (said,) = doubts(Calibration(), MIN_POSITIVES_FOR_PLATT - 1)
    assert "has 9 orders, probabilities need at least 10" in said
    assert doubts(Calibration(), MIN_POSITIVES_FOR_PLATT) == []

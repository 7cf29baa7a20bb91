"""Intervals against theory: coverage, clusters, and the same draws for both of a pair."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.metrics.bootstrap import (
    Bootstrap,
    auc_statistic,
    paired_difference,
    percentile_interval,
    replicates,
)
from scoring.metrics.metrics import auc


def _rng() -> np.random.Generator:
    return np.random.default_rng(20)


def test_a_better_score_has_an_interval_above_zero_and_the_same_score_does_not() -> None:
    rng = _rng()
    truth = rng.beta(1, 5, size=500)
    good, bad = truth + rng.normal(0, 0.02, 500), truth + rng.normal(0, 0.5, 500)
    found = paired_difference(auc_statistic, good, bad, truth, Bootstrap(_rng(), 200))
    assert found.low < found.value < found.high
    assert found.low > 0.0
    assert found.excludes_zero
    same = paired_difference(auc_statistic, bad, bad, truth, Bootstrap(_rng(), 50))
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not same.excludes_zero


def test_the_interval_follows_from_the_generator_alone() -> None:
    rng = _rng()
    ours, theirs, labels = rng.random(80), rng.random(80), rng.random(80) < 0.3
    first, again = (
        paired_difference(auc_statistic, ours, theirs, labels, Bootstrap(_rng(), 60))
        for _ in range(2)
    )
    assert first == again


def test_rows_of_one_lead_are_resampled_together() -> None:
    rng = _rng()
    ours, theirs, labels = rng.random(120), rng.random(120), rng.random(120) < 0.4
    a, b, y = (np.repeat(values, 8) for values in (ours, theirs, labels))
    clusters = np.repeat(np.arange(120), 8)
    plain = paired_difference(auc_statistic, ours, theirs, labels, Bootstrap(_rng(), 400))
    clustered = paired_difference(auc_statistic, a, b, y, Bootstrap(_rng(), 400), clusters=clusters)
    naive = paired_difference(auc_statistic, a, b, y, Bootstrap(_rng(), 400))
    assert clustered.high - clustered.low == pytest.approx(plain.high - plain.low, rel=0.01)
    assert naive.high - naive.low < 0.6 * (plain.high - plain.low)


def test_a_resample_is_what_its_rows_say() -> None:
    """One resample by hand: the rows that the generator names, put beside each other."""
    rng = _rng()
    scores, labels = rng.integers(9, size=50).astype(float), rng.random(50) < 0.4
    found = replicates([auc_statistic(scores, labels)], 50, Bootstrap(_rng(), 1))
    rows = _rng().integers(50, size=50)
    assert found.drawn[0, 0, 0] == pytest.approx(auc(scores[rows], labels[rows]), abs=1e-12)


@pytest.mark.slow
def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    rng = _rng()
    truth = 0.7602499  # P(N(1, 1) > N(0, 1)), the AUC of two normals one deviation apart
    held = 0
    for _ in range(200):
        scores = np.concatenate([rng.normal(0, 1, 300), rng.normal(1, 1, 60)])
        labels = np.repeat([0, 1], [300, 60])
        found = replicates([auc_statistic(scores, labels)], 360, Bootstrap(rng, 200))
        interval = found.interval(0, 0)
        held += interval.low <= truth <= interval.high
    assert 180 <= held <= 198


def test_resamples_without_a_positive_are_left_out() -> None:
    interval = percentile_interval(0.7, np.array([np.nan, 0.6, 0.8]), 0.95)
    assert (interval.low, interval.high) == pytest.approx((0.605, 0.795))
    none = percentile_interval(float("nan"), np.array([np.nan]), 0.95)
    assert np.isnan(none.low)
    assert not none.excludes_zero


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_thousand_resamples_of_fifty_thousand_leads_do_not_hang() -> None:
    rng = _rng()
    scores, labels = rng.normal(size=50_000), rng.random(50_000) < 0.015
    found = replicates([auc_statistic(scores, labels)], 50_000, Bootstrap(rng, 1000))
    assert found.drawn.shape == (1000, 1, 1)

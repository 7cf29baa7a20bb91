"""How well scores order and calibrate: pure functions, expected metrics beside label metrics.

Expected metrics integrate the labels out of a known true probability (the simulator's): no label
noise, so few leads suffice to compare two models. Larger scores mean "call first". Every generator
comes in; nothing here draws from a global one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]
"""(scores, labels or true probabilities) -> value."""


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Chance that a random positive scores above a random negative, ties counting half."""
    return expected_auc(scores, labels)


def expected_auc(scores: ArrayLike, probabilities: ArrayLike) -> float:
    """The AUC with each lead counted as `p` of a positive and `1 - p` of a negative, a lead never
    paired with itself. O(n log n). With 0 / 1 probabilities it is the AUC; NaN when there is no
    pair to order."""
    order, weights = _sorted(scores, probabilities)
    positive, negative = weights, 1.0 - weights
    groups = _tie_starts(order)
    tied_positive = np.add.reduceat(positive, groups)
    tied_negative = np.add.reduceat(negative, groups)
    below = np.concatenate(([0.0], np.cumsum(tied_negative)[:-1]))
    itself = float(positive @ negative)
    won = float(tied_positive @ (below + 0.5 * tied_negative)) - 0.5 * itself
    pairs = float(positive.sum() * negative.sum()) - itself
    return won / pairs if pairs > 0.0 else float("nan")


def expected_precision_at(scores: ArrayLike, probabilities: ArrayLike, fraction: float) -> float:
    """Mean of `probabilities` (or labels) over the best-scored `fraction`, at least one lead; the
    group tied at the boundary counts by its mean."""
    order, weights = _sorted(scores, probabilities)
    order, weights = order[::-1], weights[::-1]
    k = top_count(len(order), fraction)
    above = order > order[k - 1]
    tied = order == order[k - 1]
    n_above = int(above.sum())
    total = float(weights[above].sum()) + (k - n_above) * float(weights[tied].mean())
    return total / k


def top_count(n: int, fraction: float) -> int:
    """How many leads `fraction` of `n` is: rounded, at least one."""
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"fraction {fraction} is not in (0, 1]")
    return max(1, round(n * fraction))


def expected_calibration_error(
    probabilities: ArrayLike, outcomes: ArrayLike, n_bins: int = 10
) -> float:
    """Mean gap between predicted and observed share over bins of equal mass. `outcomes` are labels
    or true probabilities."""
    order, observed = _sorted(probabilities, outcomes)
    n_bins = min(n_bins, len(order))
    gaps = [
        abs(float(predicted.mean()) - float(seen.mean())) * len(predicted)
        for predicted, seen in zip(
            np.array_split(order, n_bins), np.array_split(observed, n_bins), strict=True
        )
    ]
    return sum(gaps) / len(order)


@dataclass(frozen=True, slots=True)
class Interval:
    """`low` and `high` bound the central `level` of the bootstrap's values."""

    value: float
    low: float
    high: float
    level: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True)
class Bootstrap:
    rng: np.random.Generator
    n_resamples: int = 1000
    level: float = 0.95


def paired_difference(
    metric: Metric,
    ours: ArrayLike,
    theirs: ArrayLike,
    outcomes: ArrayLike,
    bootstrap: Bootstrap,
    *,
    clusters: ArrayLike | None = None,
) -> Interval:
    """`metric(ours) - metric(theirs)` and its percentile interval. Whole clusters (leads) are
    resampled, the same for both; without `clusters` each row is its own. Resamples on which the
    metric is NaN are left out."""
    first, second, seen = (_floats(values) for values in (ours, theirs, outcomes))
    if not len(first) == len(second) == len(seen):
        raise ValueError(f"lengths differ: {len(first)}, {len(second)}, {len(seen)}")
    rows_of = _rows_of(clusters, len(seen))
    differences = np.array(
        [
            metric(first[rows], seen[rows]) - metric(second[rows], seen[rows])
            for rows in (rows_of(bootstrap.rng) for _ in range(bootstrap.n_resamples))
        ]
    )
    tail = (1.0 - bootstrap.level) / 2.0
    low, high = np.nanquantile(differences, (tail, 1.0 - tail))
    value = metric(first, seen) - metric(second, seen)
    return Interval(value, float(low), float(high), bootstrap.level)


def _rows_of(
    clusters: ArrayLike | None, n_rows: int
) -> Callable[[np.random.Generator], NDArray[np.intp]]:
    if clusters is None:
        return lambda rng: rng.integers(n_rows, size=n_rows)
    _, member_of = np.unique(np.asarray(clusters), return_inverse=True)
    if len(member_of) != n_rows:
        raise ValueError(f"{len(member_of)} cluster names for {n_rows} rows")
    by_cluster = np.argsort(member_of, kind="stable")
    parts = np.split(by_cluster, np.flatnonzero(np.diff(member_of[by_cluster])) + 1)
    return lambda rng: np.concatenate([parts[i] for i in rng.integers(len(parts), size=len(parts))])


def _sorted(scores: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, Floats]:
    """Both by ascending score. Raises ValueError for what cannot be ordered."""
    values, weights = _floats(scores), _floats(outcomes)
    if len(values) != len(weights) or not len(values):
        raise ValueError(
            f"{len(values)} scores and {len(weights)} outcomes; need as many, not none"
        )
    if np.isnan(values).any():
        raise ValueError("a score is NaN")
    order = np.argsort(values, kind="stable")
    return values[order], weights[order]


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64).ravel()


def _tie_starts(ascending: Floats) -> NDArray[np.intp]:
    return np.concatenate(([0], np.flatnonzero(np.diff(ascending)) + 1))

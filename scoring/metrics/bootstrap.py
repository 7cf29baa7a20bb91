"""Computes percentile intervals by bootstrap, for single values and for paired differences.

B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
Whole clusters (leads) are drawn, the same for every model, as a count for each row: a statistic
takes many such weightings at once (`scoring.metrics.thresholds`). 1,000 resamples of 50,000 leads
take seconds. Random generators come in as arguments; nothing here draws from a global one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.floats import Floats
from scoring.metrics.thresholds import aucs, floats, rank_by, tally, weighting_rows

Statistic = Callable[[Floats], Floats]
"""Weightings (n_weightings, n_rows) -> values (n_weightings, n_values), of one model's scores that
the statistic holds in a form prepared once."""

CHUNK_CELLS = 200_000
"""Of weightings held at a time: 1.6 MB, which a core's cache holds; ten times as many took 1.6
times as long."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the interval around it: `low` and `high` bound the central `level` of the
    bootstrap's values."""

    value: float
    low: float
    high: float
    level: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0.0 or self.high < 0.0

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2.0


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How to resample: the generator to draw with, how often, and the level of the intervals."""

    rng: np.random.Generator
    n_resamples: int = 1000
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Replicates:
    """Statistics of the rows and of their resamples: `values` (n_statistics, n_values) of the rows
    themselves, `drawn` (n_resamples, n_statistics, n_values) of the resamples."""

    values: Floats
    drawn: Floats
    level: float

    def interval(self, statistic: int, value: int) -> Interval:
        drawn = self.drawn[:, statistic, value]
        return percentile_interval(float(self.values[statistic, value]), drawn, self.level)

    def difference(self, ours: int, theirs: int, value: int) -> Interval:
        """`ours - theirs`, paired: both saw the same resamples."""
        drawn = self.drawn[:, ours, value] - self.drawn[:, theirs, value]
        difference = float(self.values[ours, value] - self.values[theirs, value])
        return percentile_interval(difference, drawn, self.level)


def replicates(
    statistics: Sequence[Statistic],
    n_rows: int,
    bootstrap: Bootstrap,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> Replicates:
    """Computes every statistic on the rows and on `bootstrap.n_resamples` resamples of clusters.
    Without `clusters` each row is a cluster of its own.

    >>> scores, labels = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], [1, 1, 0, 1, 0, 0, 1, 0]
    >>> bootstrap = Bootstrap(np.random.default_rng(7), n_resamples=200)
    >>> auc = replicates([auc_statistic(scores, labels)], 8, bootstrap).interval(0, 0)
    >>> round(auc.value, 3), round(auc.low, 3), round(auc.high, 3)
    (0.75, 0.199, 1.0)
    """
    weight = weighting_rows(weights, n_rows)
    values = np.stack([statistic(weight)[0] for statistic in statistics])
    drawn = [
        np.stack([statistic(counts * weight) for statistic in statistics], axis=1)
        for counts in _draws(clusters, n_rows, bootstrap)
    ]
    return Replicates(values, np.concatenate(drawn), bootstrap.level)


def percentile_interval(value: float, drawn: Floats, level: float) -> Interval:
    """Returns the interval around `value` from the resampled values `drawn`. Those that are NaN are
    left out; with none left the bounds are NaN."""
    valid = drawn[~np.isnan(drawn)]
    if not len(valid):
        return Interval(value, float("nan"), float("nan"), level)
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(valid, (tail, 1.0 - tail))
    return Interval(value, float(low), float(high), level)


def auc_statistic(scores: ArrayLike, outcomes: ArrayLike) -> Statistic:
    """Makes the statistic that has the AUC, or the expected AUC, as its one value."""
    ranked = rank_by(scores, outcomes)
    return lambda weightings: aucs(tally(ranked, weightings))[:, None]


def paired_difference(
    statistic: Callable[[ArrayLike, ArrayLike], Statistic],
    ours: ArrayLike,
    theirs: ArrayLike,
    outcomes: ArrayLike,
    bootstrap: Bootstrap,
    *,
    weights: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
) -> Interval:
    """Returns the first value of `statistic(ours) - statistic(theirs)` and its interval; both are
    computed on the same resamples."""
    both = [statistic(ours, outcomes), statistic(theirs, outcomes)]
    n_rows = len(floats(outcomes))
    resampled = replicates(both, n_rows, bootstrap, weights=weights, clusters=clusters)
    return resampled.difference(0, 1, 0)


def _draws(clusters: ArrayLike | None, n_rows: int, bootstrap: Bootstrap) -> Iterator[Floats]:
    """Yields how often each row was drawn, (chunk, n_rows) at a time."""
    member_of = cluster_numbers(clusters, n_rows)
    n_clusters = int(member_of.max()) + 1
    chunk = max(1, CHUNK_CELLS // max(n_rows, n_clusters))
    for start in range(0, bootstrap.n_resamples, chunk):
        size = min(chunk, bootstrap.n_resamples - start)
        chosen = bootstrap.rng.integers(n_clusters, size=(size, n_clusters))
        chosen += np.arange(size)[:, None] * n_clusters
        counts = np.bincount(chosen.ravel(), minlength=size * n_clusters)
        yield counts.reshape(size, n_clusters)[:, member_of].astype(np.float64)


def cluster_numbers(clusters: ArrayLike | None, n_rows: int) -> NDArray[np.intp]:
    """Numbers the clusters 0, 1, … and returns the number of each row's cluster."""
    if clusters is None:
        return np.arange(n_rows)
    _, member_of = np.unique(np.asarray(clusters), return_inverse=True)
    if len(member_of) != n_rows:
        raise ValueError(f"{len(member_of)} cluster names for {n_rows} rows")
    return member_of

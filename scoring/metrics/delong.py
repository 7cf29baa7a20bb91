"""Computes the AUC's sampling error without resampling: DeLong's variance and paired test, and the
error to expect before any score is known.

Sources: E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Comparing the Areas under Two or More
Correlated Receiver Operating Characteristic Curves: A Nonparametric Approach, Biometrics 44, 1988;
computed by ranks as in X. Sun and W. Xu, Fast Implementation of DeLong's Algorithm for Comparing
the Areas Under Correlated Receiver Operating Characteristic Curves, IEEE Signal Processing Letters
21, 2014; several rows of one lead as in N. A. Obuchowski, Nonparametric Analysis of Clustered ROC
Curve Data, Biometrics 53, 1997, which is DeLong's when every row is its own cluster.

Labels only: where true probabilities are known there is no label noise to test. Weights that are
the same for all rows of a label do not change an AUC, so sampled negatives are fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.floats import Floats
from scoring.metrics.bootstrap import cluster_numbers
from scoring.metrics.thresholds import floats, sums


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its standard error; the error is NaN where there are fewer than two positives or
    two negatives (leads, not rows)."""

    value: float
    standard_error: float

    def half_width(self, level: float = 0.95) -> float:
        return z_of(level) * self.standard_error

    @property
    def p_value(self) -> float:
        """The two-sided p-value of the hypothesis that the true value is 0: meant for
        differences."""
        if np.isnan(self.standard_error):
            return float("nan")
        if self.standard_error == 0.0:
            return 1.0 if self.value == 0.0 else 0.0
        return erfc(abs(self.value) / self.standard_error / sqrt(2.0))


def delong(scores: ArrayLike, labels: ArrayLike, *, clusters: ArrayLike | None = None) -> Estimate:
    """Returns the AUC of `scores` and its standard error. `clusters`: the lead of each row; None
    where every row is a lead of its own.

    >>> auc = delong([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], [1, 1, 0, 1, 0, 0, 1, 0])
    >>> round(auc.value, 3), round(auc.standard_error, 3)
    (0.75, 0.204)
    """
    is_positive = _classes(labels)
    return _estimate(_placements(floats(scores), is_positive), is_positive, clusters)


def delong_difference(
    ours: ArrayLike, theirs: ArrayLike, labels: ArrayLike, *, clusters: ArrayLike | None = None
) -> Estimate:
    """Returns `auc(ours) - auc(theirs)` on the same leads, and its standard error."""
    is_positive = _classes(labels)
    first, second = (_placements(floats(scores), is_positive) for scores in (ours, theirs))
    return _estimate(first - second, is_positive, clusters)


def hanley_mcneil(auc: float, n_positives: float, n_negatives: float) -> float:
    """Returns the standard error to expect of an AUC measured on so many labels.

    J. A. Hanley and B. J. McNeil, The Meaning and Use of the Area under a Receiver Operating
    Characteristic (ROC) Curve, Radiology 143, 1982."""
    if not (n_positives > 0.0 and n_negatives > 0.0 and 0.0 <= auc <= 1.0):
        return float("nan")
    q1, q2 = auc / (2.0 - auc), 2.0 * auc**2 / (1.0 + auc)
    spread = (
        auc * (1.0 - auc)
        + (n_positives - 1.0) * (q1 - auc**2)
        + (n_negatives - 1.0) * (q2 - auc**2)
    )
    return sqrt(max(spread, 0.0) / (n_positives * n_negatives))


def share_error(share: float, n: float) -> float:
    """Returns the standard error to expect of a share of `n` leads, with two successes and two
    failures added: a share of 0 is not certain either.

    A. Agresti and B. A. Coull, Approximate Is Better than "Exact" for Interval Estimation of
    Binomial Proportions, The American Statistician 52, 1998."""
    if not (n > 0.0 and 0.0 <= share <= 1.0):
        return float("nan")
    centre = (share * n + 2.0) / (n + 4.0)
    return sqrt(centre * (1.0 - centre) / (n + 4.0))


def z_of(level: float) -> float:
    """Returns how many standard errors an interval of this level reaches to each side: 1.96 for
    0.95."""
    return NormalDist().inv_cdf(0.5 + level / 2.0)


def _classes(labels: ArrayLike) -> NDArray[np.bool_]:
    values = floats(labels)
    if not np.isin(values, (0.0, 1.0)).all():
        raise ValueError("a label is neither 0 nor 1; DeLong's variance is that of labels")
    is_positive: NDArray[np.bool_] = values == 1.0
    return is_positive


def _placements(scores: Floats, is_positive: NDArray[np.bool_]) -> Floats:
    """Returns for each positive the share of negatives below it, for each negative the share of
    positives above it; their means over positives and over negatives are both the AUC."""
    if len(scores) != len(is_positive):
        raise ValueError(f"{len(scores)} scores and {len(is_positive)} labels; need equally many")
    positives, negatives = np.sort(scores[is_positive]), np.sort(scores[~is_positive])
    if not len(positives) or not len(negatives):
        return np.full(len(scores), np.nan)
    placed = np.empty(len(scores))
    placed[is_positive] = _share_below(negatives, scores[is_positive])
    placed[~is_positive] = 1.0 - _share_below(positives, scores[~is_positive])
    return placed


def _share_below(ascending: Floats, values: Floats) -> Floats:
    """Ties count half."""
    left, right = (np.searchsorted(ascending, values, side) for side in ("left", "right"))
    return np.asarray((left + right) / (2.0 * len(ascending)), dtype=np.float64)


def _estimate(
    placed: Floats, is_positive: NDArray[np.bool_], clusters: ArrayLike | None
) -> Estimate:
    """Obuchowski's S10 / m + S01 / n + 2 S11 / mn, of sums over clusters."""
    n_positives, n_negatives = int(is_positive.sum()), int((~is_positive).sum())
    if not n_positives or not n_negatives:
        return Estimate(float("nan"), float("nan"))
    member_of = cluster_numbers(clusters, len(placed))
    value = float(placed[is_positive].mean())
    away = placed - value
    of_positives = sums(member_of, away * is_positive)
    of_negatives = sums(member_of, away * ~is_positive)
    n_with_positive, n_with_negative = (
        len(np.unique(member_of[rows])) for rows in (is_positive, ~is_positive)
    )
    if min(n_with_positive, n_with_negative) < 2:
        return Estimate(value, float("nan"))
    n_clusters = len(of_positives)
    variance = (
        _spread(of_positives, of_positives, n_with_positive) / n_positives**2
        + _spread(of_negatives, of_negatives, n_with_negative) / n_negatives**2
        + 2.0 * _spread(of_positives, of_negatives, n_clusters) / (n_positives * n_negatives)
    )
    return Estimate(value, sqrt(max(variance, 0.0)))


def _spread(first: Floats, second: Floats, n_clusters: int) -> float:
    return float(first @ second) * n_clusters / (n_clusters - 1)

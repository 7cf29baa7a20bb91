"""Fits calibrations: Platt scaling, and isotonic knots where there are enough orders for them.

Needs logits and labels of leads that nothing else was fitted on: the calibration split. Platt
scaling: J. C. Platt, Probabilistic Outputs for Support Vector Machines and Comparisons to
Regularized Likelihood Methods, in Advances in Large Margin Classifiers, 1999. Isotonic regression
as a calibration: B. Zadrozny and C. Elkan, Transforming Classifier Scores into Accurate Multiclass
Probability Estimates, KDD 2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from scoring.calibration import Calibration, Knot, probability
from scoring.floats import Floats
from scoring.metrics.metrics import expected_calibration_error

MIN_SLOPE = 1e-3

MIN_POSITIVES_FOR_PLATT = 10
"""Orders that Platt's two numbers need before they are served; the share of orders is then known to
a factor of two."""

MIN_POSITIVES_FOR_ISOTONIC = 1_000
"""With fewer orders, the steps of an isotonic fit follow the noise of the sample."""

MIN_POSITIVES_PER_KNOT = 25
"""A knot's log odds then have a standard error of at most 0.2."""


def fit_calibration(logits: Floats, labels: Floats, weights: Floats) -> Calibration:
    """Fits Platt scaling and, from MIN_POSITIVES_FOR_ISOTONIC orders on, isotonic knots. `weights`
    undo the sampling of negatives."""
    platt = fit_platt(logits, labels, weights)
    if labels.sum() < MIN_POSITIVES_FOR_ISOTONIC:
        return platt
    knots = isotonic_knots(logits, labels, weights)
    return Calibration(a=platt.a, b=platt.b, knots=knots if len(knots) > 1 else ())


def fit_platt(logits: Floats, labels: Floats, weights: Floats) -> Calibration:
    """Fits probability = sigmoid(a * logit + b) (Platt 1999). Practically unregularised: two
    parameters only. The mean probability is the share of orders, also where the slope is held at
    MIN_SLOPE."""
    model = LogisticRegression(C=1e6).fit(logits[:, None], labels, weights)
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    if slope < MIN_SLOPE:
        slope, intercept = MIN_SLOPE, _intercept(MIN_SLOPE * logits, labels, weights)
    return Calibration(a=slope, b=intercept)


def _intercept(log_odds: Floats, labels: Floats, weights: Floats) -> float:
    """What to add to `log_odds` so that their mean probability is the share of orders."""
    share = float(np.average(labels, weights=weights))

    def excess(b: float) -> float:
        return float(np.average(expit(log_odds + b), weights=weights)) - share

    alone = float(logit(share))
    # A rounding error wide of where all would say too little, and all too much.
    low, high = alone - log_odds.max() - 1e-6, alone - log_odds.min() + 1e-6
    return float(brentq(excess, low, high))


def doubts(calibration: Calibration, n_positive: int) -> list[str]:
    """Sentences that a reader of the calibrated probabilities has to know; empty when all is
    well."""
    sentences = []
    if calibration.a <= MIN_SLOPE:
        sentences.append(
            "on the calibrating slice a higher score did not mean more orders, so the slope was "
            f"held at {MIN_SLOPE:g} and all probabilities are nearly alike: do not serve it; look "
            "at what changed since the rows it was fitted on, or take more orders"
        )
    if n_positive < MIN_POSITIVES_FOR_PLATT:
        sentences.append(
            f"the calibrating slice has {n_positive} orders, probabilities need at least "
            f"{MIN_POSITIVES_FOR_PLATT}: read the order of leads, not the percentages"
        )
    return sentences


def isotonic_knots(logits: Floats, labels: Floats, weights: Floats) -> tuple[Knot, ...]:
    """Fits the knots of the isotonic calibration, one per block of the isotonic regression
    (Zadrozny and Elkan 2002). Neighbours are pooled until each block has MIN_POSITIVES_PER_KNOT
    orders and a lead without one, so that log odds are finite and rise."""
    ascending = np.argsort(logits, kind="stable")
    x, y, w = logits[ascending], labels[ascending], weights[ascending]
    fitted = IsotonicRegression().fit_transform(x, y, sample_weight=w)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(fitted)) + 1))
    sums = [np.add.reduceat(each, starts) for each in (y, 1 - y, w * y, w, w * x)]
    blocks = _pooled(np.stack(sums, axis=1))
    return tuple(
        (float(wx / total), float(np.log(won / (total - won)))) for _, _, won, total, wx in blocks
    )


def _pooled(blocks: Floats) -> list[Floats]:
    """Pools neighbouring blocks. Rows are (orders, others, weight of orders, weight, weighted
    logits), lowest logit first."""
    pooled: list[Floats] = []
    held = np.zeros(blocks.shape[1])
    for block in blocks:
        held = held + block
        if held[0] >= MIN_POSITIVES_PER_KNOT and held[1] >= 1:
            pooled.append(held)
            held = np.zeros(blocks.shape[1])
    if held[3] > 0:
        pooled = [*pooled[:-1], pooled[-1] + held] if pooled else [held]
    return pooled


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a calibration is on leads that it was not fitted on. `mean_*` are shares of
    orders."""

    ece: float
    mean_probability: float
    mean_observed: float


def cross_fitted_quality(
    logits: Floats, labels: Floats, weights: Floats, rng: np.random.Generator
) -> Quality:
    """Estimates what the calibration of the whole sample is worth at least: two halves, each judged
    by the calibration that was fitted on the other."""
    half = np.empty(len(labels), dtype=bool)
    for label in (0.0, 1.0):
        members = rng.permutation(np.flatnonzero(labels == label))
        half[members] = np.arange(len(members)) % 2 == 0
    probabilities = np.empty(len(labels))
    for judged in (half, ~half):
        fitted = fit_calibration(logits[~judged], labels[~judged], weights[~judged])
        probabilities[judged] = [probability(logit, fitted) for logit in logits[judged]]
    return Quality(
        ece=expected_calibration_error(probabilities, labels, weights=weights),
        mean_probability=float(np.average(probabilities, weights=weights)),
        mean_observed=float(np.average(labels, weights=weights)),
    )

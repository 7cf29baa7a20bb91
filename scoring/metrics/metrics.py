"""Measures how well scores order leads and how well probabilities are calibrated: a number each.

Larger scores mean "call first". `outcomes` are labels, or true probabilities where they are known
(the simulator's): then the labels are integrated out, which leaves no label noise, so that few
leads suffice to compare two models. Of a ratio (average precision, recall) this gives the ratio of
the expectations. `weights`: see `scoring.metrics.thresholds`. `scoring.metrics.bootstrap` puts
intervals around them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.floats import Floats
from scoring.metrics.thresholds import (
    aucs,
    average_precisions,
    best_mass,
    caught,
    floats,
    rank_by,
    sums,
    tally,
    weighting_rows,
)

MIN_PROBABILITY = 1e-12
"""What a log loss is computed from at least: a claim of certainty costs much, not everything."""


def auc(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Returns the chance that a random positive scores above a random negative, ties counting
    half.

    >>> auc([0.9, 0.8, 0.3, 0.1], [1, 0, 1, 0])
    0.75
    """
    return expected_auc(scores, labels, weights)


def expected_auc(
    scores: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Returns the AUC where each lead counts as `p` of a positive and `1 - p` of a negative and is
    never paired with itself. O(n log n). With probabilities 0 and 1 it is the AUC; NaN when there
    are not two leads to compare."""
    return float(aucs(tally(rank_by(scores, probabilities), weights))[0])


def average_precision(
    scores: ArrayLike, outcomes: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Returns the area under the steps of precision over recall. NaN without positives.

    >>> average_precision([0.9, 0.8, 0.3, 0.1], [1, 0, 0, 1])
    0.75
    """
    return float(average_precisions(tally(rank_by(scores, outcomes), weights))[0])


@dataclass(frozen=True, slots=True)
class TopGroup:
    """The `n_called` leads with the highest scores. `precision`: the share of positives among them;
    `recall`: the share of all positives that is among them; `lift`: precision divided by the share
    of positives among all leads."""

    n_called: float
    precision: float
    recall: float
    lift: float


def top_group(
    scores: ArrayLike, outcomes: ArrayLike, fraction: float, weights: ArrayLike | None = None
) -> TopGroup:
    """Measures the `fraction` of leads with the highest scores, at least one lead; of a group tied
    at the boundary the mean counts. Recall and lift are NaN without positives.

    >>> top_group([0.9, 0.8, 0.3, 0.1], [1, 0, 0, 0], 0.5)
    TopGroup(n_called=2.0, precision=0.5, recall=1.0, lift=2.0)
    """
    table = tally(rank_by(scores, outcomes), weights)
    n_called = best_mass(table, fraction)
    hits = float(caught(table, n_called)[0])
    n, n_positive = float(table.called[0, -1]), float(table.positives[0, -1])
    precision = hits / float(n_called[0])
    nothing = n_positive <= 0.0
    return TopGroup(
        n_called=float(n_called[0]),
        precision=precision,
        recall=float("nan") if nothing else hits / n_positive,
        lift=float("nan") if nothing else precision * n / n_positive,
    )


def expected_precision_at(
    scores: ArrayLike,
    probabilities: ArrayLike,
    fraction: float,
    weights: ArrayLike | None = None,
) -> float:
    """Returns the mean of `probabilities` (or labels) over the `fraction` of leads with the highest
    scores, at least one lead."""
    return top_group(scores, probabilities, fraction, weights).precision


def log_loss(
    probabilities: ArrayLike, outcomes: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Returns the mean log loss, in nats per lead."""
    return _mean(log_losses(probabilities, outcomes), weights)


def brier(probabilities: ArrayLike, outcomes: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Returns the mean squared error of the probabilities.

    G. W. Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review
    78, 1950."""
    return _mean(squared_errors(probabilities, outcomes), weights)


def log_losses(probabilities: ArrayLike, outcomes: ArrayLike) -> Floats:
    """Returns the log loss of each lead, in nats."""
    predicted, observed = _probabilities(probabilities, outcomes)
    predicted = np.clip(predicted, MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)
    return -(observed * np.log(predicted) + (1.0 - observed) * np.log1p(-predicted))


def squared_errors(probabilities: ArrayLike, outcomes: ArrayLike) -> Floats:
    """Returns the squared error of each lead; for an outcome that is a true probability, the mean
    over labels drawn with it."""
    predicted, observed = _probabilities(probabilities, outcomes)
    return observed * (1.0 - predicted) ** 2 + (1.0 - observed) * predicted**2


def expected_calibration_error(
    probabilities: ArrayLike,
    outcomes: ArrayLike,
    n_bins: int = 10,
    weights: ArrayLike | None = None,
) -> float:
    """Returns the mean gap between predicted and observed share over bins of equal mass.

    >>> expected_calibration_error([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 0], n_bins=2)
    0.25
    """
    bins = reliability(probabilities, outcomes, n_bins, weights)
    return float(bins.mass @ np.abs(bins.predicted - bins.observed) / bins.mass.sum())


@dataclass(frozen=True, slots=True)
class Reliability:
    """Predicted and observed shares by bin: one entry for each bin with leads, by ascending
    prediction."""

    mass: Floats
    predicted: Floats
    observed: Floats


def reliability(
    probabilities: ArrayLike,
    outcomes: ArrayLike,
    n_bins: int = 10,
    weights: ArrayLike | None = None,
) -> Reliability:
    """Computes predicted and observed share in bins of equal mass."""
    predicted, observed = _probabilities(probabilities, outcomes)
    mass = weighting_rows(weights, len(predicted))[0]
    bin_of = equal_mass_bins(predicted, n_bins, mass)
    in_bin = sums(bin_of, mass, n_bins)
    used = in_bin > 0.0
    means = [
        sums(bin_of, mass * values, n_bins)[used] / in_bin[used] for values in (predicted, observed)
    ]
    return Reliability(in_bin[used], *means)


def equal_mass_bins(values: ArrayLike, n_bins: int, weights: ArrayLike | None) -> NDArray[np.intp]:
    """Returns the bin of each value, 0 for the smallest. Equal values share one bin, that of their
    middle: which of them comes first in a file must not matter."""
    distinct, group_of = np.unique(floats(values), return_inverse=True)
    mass = sums(group_of, weighting_rows(weights, len(group_of))[0], len(distinct))
    middle = np.cumsum(mass) - 0.5 * mass
    bin_of_group = np.floor(middle / mass.sum() * n_bins).astype(np.intp)
    bin_of: NDArray[np.intp] = np.minimum(bin_of_group, n_bins - 1)[group_of]
    return bin_of


def calibration_noise(
    probabilities: ArrayLike, n_bins: int = 10, weights: ArrayLike | None = None
) -> float:
    """Returns the calibration error that labels drawn with exactly these probabilities would show
    on average, by the normal approximation: less than about this says nothing against a model."""
    predicted = floats(probabilities)
    mass = weighting_rows(weights, len(predicted))[0]
    bin_of = equal_mass_bins(predicted, n_bins, mass)
    variance = sums(bin_of, mass**2 * predicted * (1.0 - predicted), n_bins)
    return float(np.sqrt(2.0 / np.pi) * np.sqrt(variance).sum() / mass.sum())


def _mean(values: Floats, weights: ArrayLike | None) -> float:
    return float(np.average(values, weights=weighting_rows(weights, len(values))[0]))


def _probabilities(probabilities: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, Floats]:
    predicted, observed = floats(probabilities), floats(outcomes)
    if len(predicted) != len(observed) or not len(predicted):
        raise ValueError(
            f"{len(predicted)} probabilities and {len(observed)} outcomes; "
            "need equally many, 1 or more"
        )
    if not ((predicted >= 0.0) & (predicted <= 1.0)).all():
        raise ValueError("a probability is outside [0, 1] or NaN")
    return predicted, observed

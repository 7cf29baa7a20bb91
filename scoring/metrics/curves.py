"""Computes the points of a model's curves: ROC, precision and recall, lift, calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.floats import Floats
from scoring.metrics.metrics import reliability
from scoring.metrics.thresholds import rank_by, tally, weighting_rows


@dataclass(frozen=True, slots=True)
class Curves:
    """The points (x, y) of four curves. `calibration`: (predicted, observed) of each bin."""

    roc: list[tuple[float, float]]
    precision_recall: list[tuple[float, float]]
    lift: list[tuple[float, float]]
    calibration: list[tuple[float, float]]


N_POINTS = 200


def curves_of(
    scores: Floats, probabilities: Floats, labels: Floats, weights: Floats | None = None
) -> Curves:
    """Computes the curves of a model whose `scores` order the rows, with at most N_POINTS points
    each. The lift curve begins at the best 20 rows; left of them it is noise. Needs labels of both
    kinds."""
    table = tally(rank_by(scores, labels), weighting_rows(weights, len(labels)))
    positives, negatives, called = table.positives[0], table.negatives[0], table.called[0]
    n, n_positives, n_negatives = called[-1], positives[-1], negatives[-1]
    bins = reliability(probabilities, labels, weights=weights)
    precision = positives / np.maximum(called, 1e-12)
    is_shown = called >= min(20.0, n)
    return Curves(
        roc=[(0.0, 0.0), *_points(negatives / n_negatives, positives / n_positives)],
        precision_recall=_points(positives / n_positives, precision),
        lift=_points((called / n)[is_shown], (precision * n / n_positives)[is_shown]),
        calibration=list(zip(bins.predicted.tolist(), bins.observed.tolist(), strict=True)),
    )


def _points(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """Picks points, more of them at the left, where the top of the queue is."""
    spread = np.linspace(0.0, 1.0, min(N_POINTS, len(x))) ** 2 * (len(x) - 1)
    shown = np.unique(np.round(spread).astype(np.intp))
    return list(zip(x[shown].tolist(), y[shown].tolist(), strict=True))

"""What a report shows beside the metrics: the same model by queue, stage and transcript length, and
the points of its curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.delong import delong
from scoring.metrics import expected_auc, reliability
from scoring.tally import Floats, rank_by, tally
from training.evaluation.judged import Judged, Scored
from training.evaluation.measures import N_BINS


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one value of queue, stage or transcript length. `half_width`: DeLong's."""

    kind: str
    value: str
    n: int
    n_positives: int
    observed: float
    predicted: float
    auc: float
    half_width: float
    expected_auc: float


@dataclass(frozen=True, slots=True)
class Curves:
    """Points (x, y). `calibration`: (predicted, observed) of each bin."""

    roc: list[tuple[float, float]]
    precision_recall: list[tuple[float, float]]
    lift: list[tuple[float, float]]
    calibration: list[tuple[float, float]]


def groups_of(judged: Judged, model: Scored, level: float) -> list[Group]:
    return [
        _group(judged, model, kind, str(value), np.flatnonzero(of_row == value), level)
        for kind, of_row in judged.groups.items()
        for value in np.unique(of_row)
    ]


def _group(
    judged: Judged, model: Scored, kind: str, value: str, rows: NDArray[np.intp], level: float
) -> Group:
    labels, weights = judged.labels[rows], judged.weights[rows]
    scores, said = model.scores[rows], model.probabilities[rows]
    estimate = delong(scores, labels, clusters=judged.clusters[rows])
    return Group(
        kind=kind,
        value=value,
        n=len(rows),
        n_positives=int(labels.sum()),
        observed=float(np.average(labels, weights=weights)),
        predicted=float(np.average(said, weights=weights)),
        auc=estimate.value,
        half_width=estimate.half_width(level),
        expected_auc=expected_auc(scores, judged.truth[rows], weights)
        if judged.has_truth
        else float("nan"),
    )


N_POINTS = 200


def curves_of(judged: Judged, model: Scored) -> Curves:
    """On the labels, thinned to N_POINTS; the lift curve begins at the best 20 leads, left of
    which it is noise."""
    table = tally(rank_by(model.scores, judged.labels), judged.weights)
    positives, negatives, called = table.positives[0], table.negatives[0], table.called[0]
    n, n_positives, n_negatives = called[-1], positives[-1], negatives[-1]
    bins = reliability(model.probabilities, judged.labels, N_BINS, judged.weights)
    precision = positives / np.maximum(called, 1e-12)
    is_shown = called >= min(20.0, n)
    return Curves(
        roc=[(0.0, 0.0), *_points(negatives / n_negatives, positives / n_positives)],
        precision_recall=_points(positives / n_positives, precision),
        lift=_points((called / n)[is_shown], (precision * n / n_positives)[is_shown]),
        calibration=list(zip(bins.predicted.tolist(), bins.observed.tolist(), strict=True)),
    )


def _points(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """Denser at the left, where the top of the queue is."""
    spread = np.linspace(0.0, 1.0, min(N_POINTS, len(x))) ** 2 * (len(x) - 1)
    kept = np.unique(np.round(spread).astype(np.intp))
    return list(zip(x[kept].tolist(), y[kept].tolist(), strict=True))

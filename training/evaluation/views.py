"""The same model by group: by queue, stage and transcript length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.metrics.delong import delong
from scoring.metrics.metrics import expected_auc
from training.evaluation.judged import JudgedRows, Scored


@dataclass(frozen=True, slots=True)
class Group:
    """The rows with one value of queue, stage or transcript length. `half_width`: of the AUC, by
    DeLong."""

    kind: str
    value: str
    n: int
    n_positives: int
    observed: float
    predicted: float
    auc: float
    half_width: float
    expected_auc: float


def groups_of(judged: JudgedRows, model: Scored, level: float) -> list[Group]:
    return [
        _group(judged, model, kind, str(value), np.flatnonzero(of_row == value), level)
        for kind, of_row in judged.groups.items()
        for value in np.unique(of_row)
    ]


def _group(
    judged: JudgedRows, model: Scored, kind: str, value: str, rows: NDArray[np.intp], level: float
) -> Group:
    labels, weights = judged.labels[rows], judged.weights[rows]
    scores, probabilities = model.scores[rows], model.probabilities[rows]
    estimate = delong(scores, labels, clusters=judged.clusters[rows])
    return Group(
        kind=kind,
        value=value,
        n=len(rows),
        n_positives=int(labels.sum()),
        observed=float(np.average(labels, weights=weights)),
        predicted=float(np.average(probabilities, weights=weights)),
        auc=estimate.value,
        half_width=estimate.half_width(level),
        expected_auc=expected_auc(scores, judged.truth[rows], weights)
        if judged.has_truth
        else float("nan"),
    )

"""Calibrates a fitted baseline and measures it on the later splits of its own dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scoring.calibration import Calibration, probability
from scoring.floats import Floats
from scoring.metrics.metrics import auc, average_precision, expected_calibration_error, log_loss
from training.baselines.baseline import Predictor, labels_of
from training.baselines.logistic import LogisticPredictor
from training.baselines.tree import TreePredictor, with_held_out
from training.calibrate import MIN_POSITIVES_FOR_PLATT, fit_calibration
from training.dataset.example import Examples
from training.dataset.manifest import DatasetError, Split


@dataclass(frozen=True, slots=True)
class Worth:
    """The calibration of a baseline and its metrics. `calibration` is the identity where the
    calibration split has too few orders. `metrics` are of the test split, empty where that has one
    class only."""

    calibration: Calibration
    metrics: Mapping[str, float]


def check_enough(examples: Examples, min_positives: int) -> None:
    """Raises DatasetError, which proposes the rule, for fewer leads with an order than
    `min_positives`."""
    n_positive = examples.of(Split.FIT).n_who_ordered
    if n_positive < min_positives:
        raise DatasetError(
            f"split {Split.FIT} has orders of {n_positive} leads, a model that learns needs "
            f"{min_positives}: serve the rule until there are more (`asllr baseline rule`; its "
            "scores say evidence low), or build the dataset from a longer log"
        )


def logits_to_calibrate(model: Predictor, examples: Examples) -> Floats:
    """The logits of all rows; those of the calibration split by a model that has not learned from
    them. `examples` hold the calibration rows that the model was fitted with."""
    logits = model.logits(examples)
    if isinstance(model, TreePredictor | LogisticPredictor):
        return with_held_out(logits, model.held_out, examples)
    return logits


def calibrate(
    logits: Floats, examples: Examples, at_least: int = MIN_POSITIVES_FOR_PLATT
) -> Calibration | None:
    """Fits a calibration on the calibration split. `logits` are of all rows of `examples`; the
    other splits are not looked at. None where fewer than `at_least` leads ordered there, or fewer
    other rows are there."""
    inside = examples.split == Split.CALIBRATE.value
    labels = labels_of(examples)[inside]
    n_others = len(labels) - int(labels.sum())
    if min(examples.of(Split.CALIBRATE).n_who_ordered, n_others) < at_least:
        return None
    return fit_calibration(logits[inside], labels, examples.weight[inside])


def worth_of(logits: Floats, examples: Examples, calibration: Calibration) -> Worth:
    """Measures calibrated logits on the test split. `logits` are of all rows of `examples`."""
    inside = examples.split == Split.TEST.value
    labels, weights = labels_of(examples)[inside], examples.weight[inside]
    if not 0 < labels.sum() < len(labels):
        return Worth(calibration, {})
    probabilities = np.array([probability(float(logit), calibration) for logit in logits[inside]])
    return Worth(
        calibration,
        {
            "test_auc": auc(probabilities, labels, weights),
            "test_average_precision": average_precision(probabilities, labels, weights),
            "test_log_loss": log_loss(probabilities, labels, weights),
            "test_calibration_error": expected_calibration_error(
                probabilities, labels, weights=weights
            ),
            "test_orders": float(labels.sum()),
        },
    )

"""The artifact's rivals, fitted on simulated leads of a seed of their own: trees on the table,
trees on table and text, and the stack of the latter with the artifact's language model.

All are tuned with the same budget on the same leads and calibrated on the same later ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scoring.calibration import Calibration, probability
from scoring.tally import Floats
from training.baselines.baseline import Budget
from training.baselines.stack import StackPredictor, stack_prepared
from training.baselines.tree import TreePredictor, fit_tree, prepare_columns, tune_prepared
from training.baselines.tree_tabular import fit_feature_columns
from training.baselines.tree_text import fit_text_columns
from training.calibrate import fit_calibration
from training.evaluation.judged import Scored
from training.examples.example import Examples
from training.examples.manifest import Split

TABULAR, TEXT, STACK = "tree_tabular", "tree_text", "stack"
Log = Callable[[str], None]


class Reader(Protocol):
    """The language model's logit of each row; None for an artifact that has none."""

    def __call__(self, examples: Examples) -> Floats | None: ...


@dataclass(frozen=True, slots=True)
class Rivals:
    """`stack` None: the artifact has no language model."""

    tabular: TreePredictor
    text: TreePredictor
    stack: StackPredictor | None
    calibrations: dict[str, Calibration]

    def scored(self, examples: Examples, read: Floats | None) -> list[Scored]:
        logits = _logits(self, examples, read)
        return [
            Scored(name, values, _probabilities(values, self.calibrations[name]))
            for name, values in logits.items()
        ]


def fit_rivals(examples: Examples, reader: Reader, budget: Budget, log: Log) -> Rivals:
    """On the splits fit and judge; calibrated on the split calibrate. Raises DatasetError where a
    split has one class only."""

    def named(name: str) -> Log:
        return lambda line: log(f"{name}: {line}")

    tabular = fit_tree(examples, budget, fit_feature_columns, named(TABULAR))
    prepared = prepare_columns(examples, budget, fit_text_columns)
    text = TreePredictor(tune_prepared(prepared, budget, named(TEXT)), prepared.columns)
    read = reader(examples)
    stack = None if read is None else stack_prepared(prepared, examples, read, budget, named(STACK))
    fitted = Rivals(tabular, text, stack, {})
    newest = np.flatnonzero(examples.split == Split.CALIBRATE.value)
    later = examples.take(newest)
    logits = _logits(fitted, later, None if read is None else read[newest])
    orders = later.label.astype(np.float64)
    calibrations = {
        name: fit_calibration(values, orders, later.weight) for name, values in logits.items()
    }
    return Rivals(tabular, text, stack, calibrations)


def _logits(rivals: Rivals, examples: Examples, read: Floats | None) -> dict[str, Floats]:
    logits = {
        TABULAR: rivals.tabular.logits(examples),
        TEXT: rivals.text.logits(examples),
    }
    if rivals.stack is not None and read is not None:
        logits[STACK] = rivals.stack.logits(examples, read)
    return logits


def _probabilities(logits: Floats, calibration: Calibration) -> Floats:
    return np.array([probability(float(logit), calibration) for logit in logits])

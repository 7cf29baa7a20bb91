"""What every baseline has in common: it is fitted on examples within a budget and gives logits.

All are fitted on the train and validation splits and read nothing later. The validation rows choose
between trials; then the chosen settings are fitted again on both splits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.dataset.example import Examples
from training.dataset.manifest import DatasetError, Split

TRAIN_AND_VALIDATION = (Split.FIT, Split.JUDGE)


class Predictor(Protocol):
    """A fitted baseline."""

    def logits(self, examples: Examples) -> Floats:
        """(n,), larger = call first. Log odds at the natural share of orders, except for the ranker
        and the rule, whose numbers only give an order."""
        ...

    @property
    def described(self) -> dict[str, float | int | str]:
        """The settings that were chosen, for a report."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """How much each baseline may search, the same for all: the number of settings to try, and the
    seed they are drawn from."""

    n_trials: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises DatasetError."""
        if self.n_trials < 1:
            raise DatasetError(f"{self.n_trials} trials choose no settings; ask for at least 1")

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)


Fit = Callable[[Examples, Budget, WriteLine], Predictor]


def check_classes(examples: Examples, *splits: Split) -> None:
    """Raises DatasetError for a split in which all labels are the same."""
    for split in splits:
        labels = examples.of(split).label
        n_positive = int(labels.sum())
        if not 0 < n_positive < len(labels):
            raise DatasetError(
                f"split {split} has {n_positive} orders in {len(labels)} rows, a model needs rows "
                "with and without; build the dataset from a longer log, or serve the rule "
                "(`asllr baseline rule`)"
            )


def labels_of(examples: Examples) -> Floats:
    return examples.label.astype(np.float64)


def log_loss(logits: Floats, labels: Floats, weights: Floats) -> float:
    """The weighted mean log loss of logits, without overflow for any finite logit."""
    return float(np.average(losses_of(logits, labels), weights=weights))


def losses_of(logits: Floats, labels: Floats) -> Floats:
    """(n,) the log loss of each row."""
    losses: Floats = np.logaddexp(0.0, logits) - labels * logits
    return losses

"""What every baseline is: fitted on examples with a budget, it gives each example a logit.

All are fitted on the splits `fit` and `judge` (the judging rows choose between trials, then join
for the last fit) and see nothing later.
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
    def logits(self, examples: Examples) -> Floats:
        """(n,), larger = call first. Log odds at the natural share of orders, but for rankers and
        the rule, whose numbers only order."""
        ...

    @property
    def described(self) -> dict[str, float | int | str]:
        """The chosen settings, for a report."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """The same for all: how many settings each may try, and from which seed they are drawn."""

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
    """Raises DatasetError where there is nothing to tell apart."""
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
    """Weighted mean, without overflow for any finite logit."""
    losses = np.logaddexp(0.0, logits) - labels * logits
    return float(np.average(losses, weights=weights))

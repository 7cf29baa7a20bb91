"""LightGBM on the features of `scoring.features`: the baseline to beat, and it can be served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.baselines.baseline import Budget
from training.baselines.tree import Columns, Rows, TreePredictor, fit_tree
from training.examples.example import Examples
from training.trials import Log


@dataclass(frozen=True, slots=True)
class FeatureColumns:
    """As they are in the dataset: serving computes the same."""

    def rows(self, examples: Examples) -> Rows:
        return examples.features


def fit_feature_columns(examples: Examples, rng: np.random.Generator) -> tuple[Rows, Columns]:
    return examples.features, FeatureColumns()


def fit_tree_tabular(examples: Examples, budget: Budget, log: Log) -> TreePredictor:
    return fit_tree(examples, budget, fit_feature_columns, log)

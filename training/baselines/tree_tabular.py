"""The baselines tree_tabular and tree_fields: LightGBM on the table.

`tree_tabular` reads the features that the domain declares and can be served; `tree_fields` also
reads a business's own fields and is for measuring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget
from training.baselines.columns.encoding import Rows
from training.baselines.columns.own_fields import OwnFields, fit_own_fields
from training.baselines.tree import FittedColumns, TreePredictor, fit_tree
from training.dataset.example import Examples


@dataclass(frozen=True, slots=True)
class FeatureColumns:
    """The features as they are in the dataset: serving computes the same."""

    def rows(self, examples: Examples) -> Rows:
        return examples.features


@dataclass(frozen=True, slots=True)
class FieldColumns:
    """The features, then the business's own fields."""

    own: OwnFields

    def rows(self, examples: Examples) -> Rows:
        return self.own.beside_features(examples)


def fit_feature_columns(examples: Examples, rng: np.random.Generator) -> tuple[Rows, FittedColumns]:
    return examples.features, FeatureColumns()


def fit_field_columns(examples: Examples, rng: np.random.Generator) -> tuple[Rows, FittedColumns]:
    columns = FieldColumns(fit_own_fields(examples))
    return columns.rows(examples), columns


def fit_tree_tabular(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_tree(examples, budget, fit_feature_columns, log)


def fit_tree_fields(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_tree(examples, budget, fit_field_columns, log)

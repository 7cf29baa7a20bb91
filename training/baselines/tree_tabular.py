"""The baselines tree_tabular and tree_fields: LightGBM on the features, and on own fields too."""

from __future__ import annotations

import numpy as np

from scoring.columns.encoding import Rows
from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget
from training.baselines.columns.table import fit_field_table, table_of
from training.baselines.tree import FittedColumns, TreePredictor, fit_tree
from training.dataset.example import Examples


def fit_feature_columns(examples: Examples, rng: np.random.Generator) -> tuple[Rows, FittedColumns]:
    return examples.features, table_of(examples)


def fit_field_columns(examples: Examples, rng: np.random.Generator) -> tuple[Rows, FittedColumns]:
    table = fit_field_table(examples)
    return table.rows(examples), table


def fit_tree_tabular(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_tree(examples, budget, fit_feature_columns, log)


def fit_tree_fields(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_tree(examples, budget, fit_field_columns, log)

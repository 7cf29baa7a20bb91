"""Boosted trees over columns of the caller's choice: the search that all tree baselines share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from scoring.columns.encoding import Rows
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget, check_classes, labels_of
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.trees.boosted_trees import TreeTable, TunedTree, choose_settings, grow_tree


class FittedColumns(Protocol):
    """What a model reads of each example; fitted on some of them."""

    def rows(self, examples: Examples) -> Rows:
        """(n, columns), NaN = unknown."""
        ...


FitColumns = Callable[[Examples, np.random.Generator], tuple[Rows, FittedColumns]]
"""Fits columns; returns the rows of the examples they were fitted on, too. Where columns look at
labels, these rows must be out of fold, or a tree trusts them more than it can trust new ones."""


@dataclass(frozen=True, slots=True)
class PreparedColumns:
    """Columns that were fitted twice: on `train`, so that the `validation` rows are new to them,
    and on `refit`, which is both, for the last fit. Several models may be grown on one of these."""

    train: tuple[Examples, Rows]
    validation: tuple[Examples, Rows]
    refit: tuple[Examples, Rows]
    columns: FittedColumns


@dataclass(frozen=True, slots=True)
class TreePredictor:
    """Fitted trees with what turns examples into their columns."""

    tree: TunedTree
    columns: FittedColumns

    @property
    def validation_loss(self) -> float:
        return self.tree.validation_loss

    @property
    def described(self) -> dict[str, float | int | str]:
        return {**self.tree.settings, "rounds": self.tree.n_rounds}

    def logits(self, examples: Examples) -> Floats:
        return self.tree.logits(self.columns.rows(examples))


def fit_tree(
    examples: Examples, budget: Budget, fit_columns: FitColumns, log: WriteLine
) -> TreePredictor:
    """Fits columns, chooses settings on the validation split and grows the trees. Raises
    DatasetError for a split with one class only."""
    prepared = prepare_columns(examples, budget, fit_columns)
    return TreePredictor(tune_prepared(prepared, budget, log), prepared.columns)


def prepare_columns(examples: Examples, budget: Budget, fit_columns: FitColumns) -> PreparedColumns:
    """Fits the columns of `examples`, once for the search and once for the last fit."""
    check_classes(examples, *TRAIN_AND_VALIDATION)
    train, validation = examples.of(Split.FIT), examples.of(Split.JUDGE)
    train_rows, early = fit_columns(train, budget.rng())
    refit = examples.of(*TRAIN_AND_VALIDATION)
    refit_rows, columns = fit_columns(refit, budget.rng())
    return PreparedColumns(
        (train, train_rows), (validation, early.rows(validation)), (refit, refit_rows), columns
    )


def tune_prepared(prepared: PreparedColumns, budget: Budget, log: WriteLine) -> TunedTree:
    """Chooses settings on the validation rows and grows the trees again on train and validation."""
    judged_table = _table([prepared.train, prepared.validation], len(prepared.validation[0]))
    best = choose_settings(judged_table, budget.rng(), n_trials=budget.n_trials, log=log)
    grown = grow_tree(_table([prepared.refit], 0), best.settings, best.size)
    return replace(grown, validation_loss=best.loss)


def _table(parts: list[tuple[Examples, Rows]], n_validation: int) -> TreeTable:
    return TreeTable(
        rows=np.concatenate([rows for _, rows in parts]),
        labels=np.concatenate([labels_of(part) for part, _ in parts]),
        weights=np.concatenate([part.weight for part, _ in parts]),
        n_validation=n_validation,
    )

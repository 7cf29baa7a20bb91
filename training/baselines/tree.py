"""Boosted trees over columns of the caller's choice: the search that all tree baselines share.

The trees that are kept also learn from the rows that calibrate. What calibrates are the logits that
these rows had from trees of the same settings which had not yet learned from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from scoring.columns.encoding import Rows
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import (
    TRAIN_AND_VALIDATION,
    Budget,
    check_classes,
    labels_of,
    log_loss,
)
from training.baselines.choosing import choices
from training.baselines.columns.linear_reading import folds_of
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.trees.boosted_trees import (
    TreeSettings,
    TreeTable,
    TunedTree,
    choose_settings,
    grow_tree,
    rounds_for,
)
from training.trees.trials import Trial


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
    """Columns that were fitted twice: `early` on `train`, so that the `validation` rows are new to
    them, and `columns` on `refit`, which is both, for the last fit; the `calibration` rows are new
    to those. Several models may be grown on one of these."""

    train: tuple[Examples, Rows]
    validation: tuple[Examples, Rows]
    refit: tuple[Examples, Rows]
    calibration: tuple[Examples, Rows]
    early: FittedColumns
    columns: FittedColumns


@dataclass(frozen=True, slots=True)
class GrownTrees:
    """`tree` learned from the train, validation and calibration rows. `held_out`: the logits of the
    calibration rows, in their order, by trees that learned from the others only."""

    tree: TunedTree
    held_out: Floats


@dataclass(frozen=True, slots=True)
class TreePredictor:
    """Fitted trees with what turns examples into their columns. `held_out` as in GrownTrees."""

    tree: TunedTree
    columns: FittedColumns
    held_out: Floats
    words: str = ""
    """What words were worth in the search; empty where none were on offer."""

    @property
    def validation_loss(self) -> float:
        return self.tree.validation_loss

    @property
    def described(self) -> dict[str, float | int | str]:
        words = {"words": self.words} if self.words else {}
        return {**self.tree.settings, "rounds": self.tree.n_rounds, **words}

    def logits(self, examples: Examples) -> Floats:
        return self.tree.logits(self.columns.rows(examples))


def fit_tree(
    examples: Examples, budget: Budget, fit_columns: FitColumns, log: WriteLine
) -> TreePredictor:
    """Fits columns, chooses settings on the validation split and grows the trees. Raises
    DatasetError for a split with one class only."""
    return predictor_of(prepare_columns(examples, budget, fit_columns), budget, log)


def predictor_of(prepared: PreparedColumns, budget: Budget, log: WriteLine) -> TreePredictor:
    grown = tune_prepared(prepared, budget, log)
    return TreePredictor(grown.tree, prepared.columns, grown.held_out)


def with_held_out(logits: Floats, held_out: Floats, examples: Examples) -> Floats:
    replaced = logits.copy()
    replaced[examples.split == Split.CALIBRATE.value] = held_out
    return replaced


def prepare_columns(examples: Examples, budget: Budget, fit_columns: FitColumns) -> PreparedColumns:
    """Fits the columns of `examples`, once for the search and once for the last fit."""
    check_classes(examples, *TRAIN_AND_VALIDATION)
    train, validation = examples.of(Split.FIT), examples.of(Split.JUDGE)
    train_rows, early = fit_columns(train, budget.rng())
    refit = examples.of(*TRAIN_AND_VALIDATION)
    refit_rows, columns = fit_columns(refit, budget.rng())
    calibration = examples.of(Split.CALIBRATE)
    return PreparedColumns(
        train=(train, train_rows),
        validation=(validation, early.rows(validation)),
        refit=(refit, refit_rows),
        calibration=(calibration, columns.rows(calibration)),
        early=early,
        columns=columns,
    )


def tune_prepared(prepared: PreparedColumns, budget: Budget, log: WriteLine) -> GrownTrees:
    """Chooses settings on the validation rows and grows the trees twice: on train and validation,
    for the logits to calibrate, and on the calibration rows, too, to keep."""
    best = search_prepared(prepared, budget, log)
    early = grow_tree(_table([prepared.refit], 0), best.settings, best.size)
    whole = _table([prepared.refit, prepared.calibration], 0)
    n_rounds = rounds_for(best.size, len(prepared.refit[0]), len(whole.labels))
    kept = grow_tree(whole, best.settings, n_rounds)
    held_out = early.logits(prepared.calibration[1])
    return GrownTrees(replace(kept, validation_loss=best.loss), held_out)


def loss_in_turn(
    examples: Examples, tree: TunedTree, fit_columns: FitColumns, budget: Budget
) -> float:
    """The log loss of the chosen settings over `choices`: columns and trees are fitted anew for
    each. `tree` was grown on the rows of `examples` before the test."""
    n_rows = len(examples.of(*BEFORE_TEST))
    losses, weights = [], []
    for learned, chooses in choices(examples):
        rows, columns = fit_columns(learned, budget.rng())
        n_rounds = rounds_for(tree.n_rounds, n_rows, len(learned))
        grown = grow_tree(_table([(learned, rows)], 0), tree.settings, n_rounds)
        logits = grown.logits(columns.rows(chooses))
        losses.append(log_loss(logits, labels_of(chooses), chooses.weight))
        weights.append(chooses.weight.sum())
    return float(np.average(losses, weights=weights))


def tree_logits_in_folds(
    examples: Examples, tree: TunedTree, fit_columns: FitColumns, budget: Budget
) -> Floats:
    """The logits of the train and validation rows, in their order: each by trees of the chosen
    settings, on columns of their own, that did not learn from its cluster."""
    rows = examples.of(*TRAIN_AND_VALIDATION)
    n_rows = len(examples.of(*BEFORE_TEST))
    folds = folds_of(rows.cluster, b"logits in folds")
    logits = np.zeros(len(rows))
    for fold in np.unique(folds):
        inside = np.flatnonzero(folds == fold)
        learned = rows.take(np.flatnonzero(folds != fold))
        read, columns = fit_columns(learned, budget.rng())
        n_rounds = rounds_for(tree.n_rounds, n_rows, len(learned))
        grown = grow_tree(_table([(learned, read)], 0), tree.settings, n_rounds)
        logits[inside] = grown.logits(columns.rows(rows.take(inside)))
    return logits


def search_prepared(
    prepared: PreparedColumns, budget: Budget, log: WriteLine
) -> Trial[TreeSettings]:
    """The settings of least log loss on the validation rows."""
    table = _table([prepared.train, prepared.validation], len(prepared.validation[0]))
    return choose_settings(table, budget.rng(), n_trials=budget.n_trials, log=log)


def _table(parts: list[tuple[Examples, Rows]], n_validation: int) -> TreeTable:
    return TreeTable(
        rows=np.concatenate([rows for _, rows in parts]),
        labels=np.concatenate([labels_of(part) for part, _ in parts]),
        weights=np.concatenate([part.weight for part, _ in parts]),
        n_validation=n_validation,
    )

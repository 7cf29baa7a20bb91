"""The baselines tree_words and tree_text: LightGBM on features, own fields, aggregates and text.

`fit_tree_words` reads TF-IDF through an SVD and through a linear model of the order.
`fit_tree_text` is the fair rival of a language model: it also reads wrap-up codes and funnel moves
that were predicted from the same words, because language models are trained on those labels.
"""

from __future__ import annotations

import numpy as np

from scoring.columns.columns import Columns
from scoring.columns.encoding import Rows
from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget, labels_of
from training.baselines.columns.aggregates import fit_aggregates
from training.baselines.columns.bag_of_words import fit_words
from training.baselines.columns.linear_reading import Target, fit_out_of_fold, folds_of
from training.baselines.columns.own_fields import fit_own_fields
from training.baselines.columns.table import TableColumns, table_of
from training.baselines.tree import FittedColumns, TreePredictor, fit_tree
from training.dataset.example import Examples

ORDER_PENALTIES = (0.3, 3.0)
CODE_PENALTY = 1.0
"""There are many codes with many rows each: one strength is enough."""

MOVE_PENALTY = 1.0


def fit_word_columns(examples: Examples, rng: np.random.Generator) -> tuple[Rows, FittedColumns]:
    return _fit_columns(examples, rng, _order_targets(examples))


def fit_text_columns(examples: Examples, rng: np.random.Generator) -> tuple[Rows, FittedColumns]:
    targets = [*_order_targets(examples), *_code_targets(examples), *_move_targets(examples)]
    return _fit_columns(examples, rng, targets)


def fit_tree_words(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_tree(examples, budget, fit_word_columns, log)


def fit_tree_text(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_tree(examples, budget, fit_text_columns, log)


def _fit_columns(
    examples: Examples, rng: np.random.Generator, targets: list[Target]
) -> tuple[Rows, TableColumns]:
    """The readings come last. Of the rows they were fitted on they are out of fold, by models that
    are not kept; everything else is what serving computes."""
    bag = fit_words(examples, rng)
    folds = folds_of(examples.cluster)
    fitted = [fit_out_of_fold(bag.matrix, target, folds) for target in targets]
    words = bag.projected(tuple(reading for _, reading in fitted))
    table = table_of(examples, Columns(fit_own_fields(examples), fit_aggregates(examples), words))
    rows = table.rows(examples)
    if words is not None:
        rows[:, -len(targets) :] = np.column_stack([logits for logits, _ in fitted])
    return rows, table


def _order_targets(examples: Examples) -> list[Target]:
    labels = labels_of(examples)
    return [Target(labels, examples.weight, c) for c in ORDER_PENALTIES]


def _code_targets(examples: Examples) -> list[Target]:
    codes = examples.codes.astype(np.float64)
    return [Target(code, np.ones(len(examples)), CODE_PENALTY) for code in codes.T]


def _move_targets(examples: Examples) -> list[Target]:
    """One target for each rung above talking and below the end: whether the lead went as far within
    the horizon."""
    grades = examples.grade
    went = [(grades >= move).astype(np.float64) for move in range(2, examples.ladder.top)]
    return [Target(far, examples.weight, MOVE_PENALTY) for far in went]

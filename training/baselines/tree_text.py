"""The baselines tree_words and tree_text: LightGBM on features, own fields, aggregates and text.

`fit_tree_words` reads TF-IDF through an SVD and through a linear model of the order.
`fit_tree_text` is the fair rival of a language model: it also reads wrap-up codes and funnel moves
that were predicted from the same words, because language models are trained on those labels.

For evaluation only: an engine is given features and prompt, not the state, so an exported text
column would not be exactly the trained one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget, labels_of
from training.baselines.columns.aggregates import aggregate_rows
from training.baselines.columns.bag_of_words import Words, fit_words
from training.baselines.columns.encoding import Rows
from training.baselines.columns.linear_reading import (
    LinearReading,
    Target,
    fit_out_of_fold,
    folds_of,
)
from training.baselines.columns.own_fields import OwnFields, fit_own_fields
from training.baselines.tree import FittedColumns, TreePredictor, fit_tree
from training.dataset.example import Examples

ORDER_PENALTIES = (0.3, 3.0)
CODE_PENALTY = 1.0
"""There are many codes with many rows each: one strength is enough."""

MOVE_PENALTY = 1.0


@dataclass(frozen=True, slots=True)
class TextColumns:
    """Own fields, aggregates, the SVD of the words, and linear models of words as columns."""

    own: OwnFields
    words: Words
    readings: tuple[LinearReading, ...]

    def rows(self, examples: Examples) -> Rows:
        matrix = self.words.matrix(examples)
        read = [reading.logits(matrix) for reading in self.readings]
        return _joined(examples, self.own, self.words.components(matrix), read)


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
) -> tuple[Rows, TextColumns]:
    own = fit_own_fields(examples)
    matrix, words = fit_words(examples, rng)
    folds = folds_of(examples.cluster)
    fitted = [fit_out_of_fold(matrix, target, folds) for target in targets]
    columns = TextColumns(own, words, tuple(reading for _, reading in fitted))
    read = [logits for logits, _ in fitted]
    return _joined(examples, own, words.components(matrix), read), columns


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


def _joined(examples: Examples, own: OwnFields, components: Rows, read: list[np.ndarray]) -> Rows:
    columns = [own.beside_features(examples), aggregate_rows(examples), components, *read]
    return np.column_stack(columns).astype(np.float32)

"""The baselines tree_words and tree_text: LightGBM on features, own fields, aggregates and text.

`fit_tree_words` reads TF-IDF through an SVD and through a linear model of the order.
`fit_tree_text` is the fair rival of a language model: it also reads wrap-up codes and funnel moves
that were predicted from the same words, because language models are trained on those labels.

Every setting is also tried without words: columns that say nothing cost what fields would have
told, and where words gain nothing over fields the search says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scoring.columns.columns import Columns
from scoring.columns.encoding import Rows
from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget, labels_of
from training.baselines.columns.aggregates import fit_aggregates
from training.baselines.columns.bag_of_words import fit_components, fit_words
from training.baselines.columns.linear_reading import Target, fit_out_of_fold, folds_of
from training.baselines.columns.own_fields import fit_own_fields
from training.baselines.columns.table import TableColumns, table_of
from training.baselines.tree import (
    FittedColumns,
    PreparedColumns,
    TreePredictor,
    predictor_of,
    prepare_columns,
    search_prepared,
)
from training.baselines.words_worth import words_worth
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
    return fit_and_weigh_words(prepare_columns(examples, budget, fit_word_columns), budget, log)


def fit_tree_text(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_and_weigh_words(prepare_columns(examples, budget, fit_text_columns), budget, log)


def fit_and_weigh_words(prepared: PreparedColumns, budget: Budget, log: WriteLine) -> TreePredictor:
    """Grows trees on `prepared`, tries the same settings on the same columns without words, and
    says what words were worth on the validation rows."""
    reading = predictor_of(prepared, budget, log)
    if not _n_words(prepared.columns):
        return reading
    without = search_prepared(_without_words(prepared), budget, lambda line: None).loss
    sentence = words_worth("fields and counts", reading.validation_loss, without)
    log(sentence)
    return replace(reading, words=sentence)


def _without_words(prepared: PreparedColumns) -> PreparedColumns:
    """The same columns but for those of words, which are the last."""
    n_early, n = _n_words(prepared.early), _n_words(prepared.columns)
    return PreparedColumns(
        train=_but_last(prepared.train, n_early),
        validation=_but_last(prepared.validation, n_early),
        refit=_but_last(prepared.refit, n),
        calibration=_but_last(prepared.calibration, n),
        early=_wordless(prepared.early),
        columns=_wordless(prepared.columns),
    )


def _but_last(part: tuple[Examples, Rows], n: int) -> tuple[Examples, Rows]:
    examples, rows = part
    return examples, rows[:, : rows.shape[1] - n]


def _n_words(columns: FittedColumns) -> int:
    if not isinstance(columns, TableColumns) or columns.columns.words is None:
        return 0
    return columns.columns.words.vocabulary.n_outputs


def _wordless(columns: FittedColumns) -> FittedColumns:
    if not isinstance(columns, TableColumns):
        return columns
    return replace(columns, columns=replace(columns.columns, words=None))


def _fit_columns(
    examples: Examples, rng: np.random.Generator, targets: list[Target]
) -> tuple[Rows, TableColumns]:
    """The readings come last. Of the rows they were fitted on they are out of fold, by models that
    are not kept; everything else is what serving computes."""
    bag = fit_words(examples)
    components = fit_components(bag.matrix, rng)
    folds = folds_of(examples.cluster)
    fitted = [fit_out_of_fold(bag.matrix, target, folds) for target in targets]
    coefficients = [reading.coefficients(len(bag.terms)) for _, reading in fitted]
    words = bag.projected(
        np.array([*components, *coefficients]),
        [0.0] * len(components) + [reading.intercept for _, reading in fitted],
    )
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

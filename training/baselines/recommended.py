"""Chooses among the baselines that can be served: what `asllr baseline` fits when no name is given.

The validation rows choose, as they choose between the settings of one model; the test rows are not
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget, labels_of, losses_of
from training.baselines.choosing import are_few_dealt, chooses_in_turn
from training.baselines.columns.table import TableColumns
from training.baselines.logistic import LogisticPredictor, fit_logistic, fit_logistic_words
from training.baselines.logistic import logits_in_folds as logistic_logits_in_folds
from training.baselines.registry import Baseline
from training.baselines.stack import StackPredictor, fit_stack
from training.baselines.tree import FitColumns, TreePredictor, loss_in_turn, tree_logits_in_folds
from training.baselines.tree_tabular import fit_feature_columns, fit_field_columns, fit_tree_fields
from training.baselines.tree_text import (
    fit_text_columns,
    fit_tree_text,
    fit_tree_words,
    fit_word_columns,
)
from training.dataset.example import Examples

TREE_COLUMNS: Mapping[str, FitColumns] = {
    Baseline.TREE_FIELDS.value: fit_field_columns,
    Baseline.TREE_WORDS.value: fit_word_columns,
    Baseline.TREE_TEXT.value: fit_text_columns,
}


STANDARD_ERRORS = 2.0
"""Trees are taken for so much where fewer than ENOUGH_ORDERS teach: their size was chosen on rows
that compare, and at the top of a list, which is all that is called, they follow few orders."""

ENOUGH_ORDERS = 1_000
"""With orders of so many leads the least loss chooses: of 1,500 it was right on four of four public
splits, by half to one and a half standard errors (docs/experiments/plain-models.md)."""


@dataclass(frozen=True, slots=True)
class Recommended:
    """The chosen model, and all that were fitted to choose from. `why`: the losses that chose it,
    as a sentence; `in_folds`: its `logits_in_folds`, where these chose."""

    name: str
    model: LogisticPredictor | TreePredictor
    why: str
    models: Mapping[str, LogisticPredictor | TreePredictor]
    in_folds: Floats | None = None


def fit_recommended(examples: Examples, budget: Budget, log: WriteLine) -> Recommended:
    """Fits logistic regressions on own fields and on words, too, and trees on own fields and on
    counts and words, too, each with the whole budget; takes the one of least log loss on the rows
    that choose (`training.baselines.choosing`), the simpler of two equals. Where few
    were dealt by chance, all train and validation rows choose, in turn, and trees have to be ahead
    by STANDARD_ERRORS unless there are ENOUGH_ORDERS. Raises DatasetError for a split with one
    class only."""
    teaches_codes = examples.codes.shape[1] > 0
    richest = Baseline.TREE_TEXT if teaches_codes else Baseline.TREE_WORDS
    fits: dict[str, Callable[[Examples, Budget, WriteLine], LogisticPredictor | TreePredictor]] = {
        Baseline.LOGISTIC.value: fit_logistic,
        Baseline.LOGISTIC_WORDS.value: fit_logistic_words,
        Baseline.TREE_FIELDS.value: fit_tree_fields,
        richest.value: fit_tree_text if teaches_codes else fit_tree_words,
    }
    models = {name: fit(examples, budget, _named(name, log)) for name, fit in fits.items()}
    if are_few_dealt(examples):
        in_folds = {n: logits_in_folds(m, examples, budget, n) for n, m in models.items()}
        name, why = of_paired_losses(in_folds, examples.of(*TRAIN_AND_VALIDATION))
        return Recommended(name, models[name], why, models, in_folds[name])
    losses = {}
    for name, model in models.items():
        losses[name] = model.validation_loss
        if isinstance(model, TreePredictor) and chooses_in_turn(examples):
            losses[name] = loss_in_turn(examples, model.tree, TREE_COLUMNS[name], budget)
    name = min(models, key=lambda each: losses[each])
    return Recommended(name, models[name], _why(name, losses), models)


def fit_stack_of_least_loss(
    examples: Examples, read: Floats, budget: Budget, log: WriteLine
) -> tuple[StackPredictor, TableColumns]:
    """Fits stacks on the features, on own fields too, and on counts and words too; returns the one
    of least log loss on the validation rows, the simpler of two equals. `read`: the language
    model's logit of each example. Raises DatasetError for a split with one class only."""
    fit_richest = fit_text_columns if examples.codes.shape[1] else fit_word_columns
    fits = {"features": fit_feature_columns, "fields": fit_field_columns, "words": fit_richest}
    stacks = {
        name: fit_stack(examples, read, budget, fit_columns, _named(f"stack on {name}", log))
        for name, fit_columns in fits.items()
    }
    losses = {name: stack.tree.validation_loss for name, stack in stacks.items()}
    name = min(stacks, key=lambda each: losses[each])
    log(_why(f"stack on {name}", {f"stack on {each}": loss for each, loss in losses.items()}))
    stack = stacks[name]
    if not isinstance(stack.columns, TableColumns):
        raise TypeError(f"{name} columns cannot be served")
    return stack, stack.columns


def logits_in_folds(
    model: LogisticPredictor | TreePredictor, examples: Examples, budget: Budget, name: str
) -> Floats:
    """The logits of the train and validation rows, in their order, by models of the same settings
    that did not learn from the row's cluster. `name`: of the baseline that `model` is."""
    if isinstance(model, TreePredictor):
        return tree_logits_in_folds(examples, model.tree, TREE_COLUMNS[name], budget)
    return logistic_logits_in_folds(examples, model)


def of_paired_losses(logits: Mapping[str, Floats], rows: Examples) -> tuple[str, str]:
    """The name of the model to take, and why: a richer one where its loss is less; trees, where
    fewer than ENOUGH_ORDERS choose, by more than STANDARD_ERRORS. `logits` of `rows` by name, the
    simplest model first."""
    labels = labels_of(rows)
    losses = {name: losses_of(each, labels) for name, each in logits.items()}
    means = {name: float(np.average(each, weights=rows.weight)) for name, each in losses.items()}
    name, *richer = losses
    are_enough = rows.n_who_ordered >= ENOUGH_ORDERS
    for other in richer:
        gain = losses[name] - losses[other]
        is_doubted = other in TREE_COLUMNS and not are_enough
        least = STANDARD_ERRORS * _standard_error(gain, rows) if is_doubted else 0.0
        if means[name] - means[other] > least:
            name = other
    others = ", ".join(f"{each} {loss:.4f}" for each, loss in means.items() if each != name)
    why = f"{name} has a log loss of {means[name]:.4f} on leads it did not learn from; {others}"
    if means[name] > min(means.values()):
        why += f"; trees would have to be better by {STANDARD_ERRORS:g} standard errors"
    return name, why


def _standard_error(values: Floats, rows: Examples) -> float:
    """Of the weighted mean of values, where the rows of a cluster are one observation."""
    mean = float(np.average(values, weights=rows.weight))
    _, cluster = np.unique(rows.cluster, return_inverse=True)
    sums = np.bincount(cluster, weights=rows.weight * (values - mean))
    return float(np.sqrt((sums**2).sum()) / rows.weight.sum())


def _why(name: str, losses: Mapping[str, float]) -> str:
    others = ", ".join(f"{each} {loss:.4f}" for each, loss in losses.items() if each != name)
    return f"{name} has the least log loss on the rows that choose, {losses[name]:.4f}; {others}"


def _named(name: str, log: WriteLine) -> WriteLine:
    return lambda line: log(f"{name}: {line}")

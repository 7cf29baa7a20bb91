"""Chooses among the baselines that can be served: what `asllr baseline` fits when no name is given.

The validation rows choose, as they choose between the settings of one model; the test rows are not
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget, Predictor
from training.baselines.choosing import chooses_in_turn
from training.baselines.columns.table import TableColumns
from training.baselines.logistic import LogisticPredictor, fit_logistic, fit_logistic_words
from training.baselines.registry import Baseline
from training.baselines.stack import StackPredictor, fit_stack
from training.baselines.tree import FitColumns, TreePredictor, loss_in_turn
from training.baselines.tree_tabular import fit_feature_columns, fit_field_columns, fit_tree_fields
from training.baselines.tree_text import (
    fit_text_columns,
    fit_tree_text,
    fit_tree_words,
    fit_word_columns,
)
from training.dataset.example import Examples


@dataclass(frozen=True, slots=True)
class Recommended:
    """The chosen model, and all that were fitted to choose from. `why`: the losses that chose it,
    as a sentence."""

    name: str
    model: Predictor
    why: str
    models: Mapping[str, Predictor]


def fit_recommended(examples: Examples, budget: Budget, log: WriteLine) -> Recommended:
    """Fits logistic regressions on own fields and on words, too, and trees on own fields and on
    counts and words, too, each with the whole budget; takes the one of least log loss on the rows
    that choose (`training.baselines.choosing`), the simpler of two equals. Raises DatasetError for
    a split with one class only."""
    teaches_codes = examples.codes.shape[1] > 0
    richest = Baseline.TREE_TEXT if teaches_codes else Baseline.TREE_WORDS
    fits: dict[str, Callable[[Examples, Budget, WriteLine], LogisticPredictor | TreePredictor]] = {
        Baseline.LOGISTIC.value: fit_logistic,
        Baseline.LOGISTIC_WORDS.value: fit_logistic_words,
        Baseline.TREE_FIELDS.value: fit_tree_fields,
        richest.value: fit_tree_text if teaches_codes else fit_tree_words,
    }
    tree_columns: dict[str, FitColumns] = {
        Baseline.TREE_FIELDS.value: fit_field_columns,
        richest.value: fit_text_columns if teaches_codes else fit_word_columns,
    }
    models = {name: fit(examples, budget, _named(name, log)) for name, fit in fits.items()}
    losses = {}
    for name, model in models.items():
        losses[name] = model.validation_loss
        if isinstance(model, TreePredictor) and chooses_in_turn(examples):
            losses[name] = loss_in_turn(examples, model.tree, tree_columns[name], budget)
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


def _why(name: str, losses: Mapping[str, float]) -> str:
    others = ", ".join(f"{each} {loss:.4f}" for each, loss in losses.items() if each != name)
    return f"{name} has the least log loss on the rows that choose, {losses[name]:.4f}; {others}"


def _named(name: str, log: WriteLine) -> WriteLine:
    return lambda line: log(f"{name}: {line}")

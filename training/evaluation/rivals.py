"""Scores an artifact's rivals: baselines that are fitted on the rows before the test, calibrated on
the newest of those, and applied to the test rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from scoring.calibration import probability
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget
from training.baselines.fitted import calibrate, logits_to_calibrate
from training.baselines.registry import Baseline, fit_baseline
from training.baselines.stack import stack_prepared
from training.baselines.tree import fit_tree, prepare_columns
from training.baselines.tree_tabular import fit_feature_columns
from training.baselines.tree_text import fit_and_weigh_words, fit_text_columns
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.evaluation.judged import EvaluationError, Scored

TABULAR, TEXT, STACK = Baseline.TREE_TABULAR.value, Baseline.TREE_TEXT.value, "stack"

ReadRows = Callable[[Examples], Floats | None]
"""Rows -> the language model's logit of each; None for an artifact without a language model."""


def score_baselines(
    names: Sequence[Baseline],
    before_test: Examples,
    judged: Examples,
    budget: Budget,
    log: WriteLine,
) -> list[Scored]:
    """Fits and scores the baselines `names`. Raises DatasetError where the train or validation
    split has one class only."""
    scored = []
    for name in names:
        model = fit_baseline(name, before_test, budget, _named(name.value, log))
        to_calibrate = logits_to_calibrate(model, before_test)
        scored.append(calibrated(name.value, before_test, to_calibrate, model.logits(judged)))
    return scored


def score_trees_and_stack(
    before_test: Examples, judged: Examples, reader: ReadRows, budget: Budget, log: WriteLine
) -> list[Scored]:
    """Fits and scores trees on the table, trees on table and text, and a stack of the latter with a
    language model, left out without one. The last two share their columns."""
    tabular = fit_tree(before_test, budget, fit_feature_columns, _named(TABULAR, log))
    prepared = prepare_columns(before_test, budget, fit_text_columns)
    text = fit_and_weigh_words(prepared, budget, _named(TEXT, log))
    logits = {
        name: (logits_to_calibrate(tree, before_test), tree.logits(judged))
        for name, tree in ((TABULAR, tabular), (TEXT, text))
    }
    logits_before_test, judged_logits = reader(before_test), reader(judged)
    if logits_before_test is not None and judged_logits is not None:
        stack = stack_prepared(
            prepared, before_test, logits_before_test, budget, _named(STACK, log)
        )
        logits[STACK] = (
            stack.logits_to_calibrate(before_test, logits_before_test),
            stack.logits(judged, judged_logits),
        )
    return [calibrated(name, before_test, *both) for name, both in logits.items()]


def calibrated(
    name: str, before_test: Examples, logits_before_test: Floats, judged_logits: Floats
) -> Scored:
    """Calibrates a rival on the calibration split. `logits_before_test` of its rows are by a model
    that was not fitted on them."""
    fitted = calibrate(logits_before_test, before_test, at_least=1)
    if fitted is None:
        later = before_test.of(Split.CALIBRATE)
        raise EvaluationError(
            f"split {Split.CALIBRATE} has {int(later.label.sum())} orders in {len(later)} rows; "
            "calibration needs rows with and without: build the dataset from a longer log, or give "
            "that split more (`asllr dataset --shares`)"
        )
    probabilities = np.array([probability(float(logit), fitted) for logit in judged_logits])
    return Scored(name, judged_logits, probabilities)


def _named(name: str, log: WriteLine) -> WriteLine:
    return lambda line: log(f"{name}: {line}")

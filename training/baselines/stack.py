"""The stack: boosted trees on the table, or on table and text, plus the logit of a language model.

The logit comes as a column beside the examples: no language model is run here. Give it rows that
the language model was not fitted on (`training.baselines.unseen`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scoring.columns.encoding import Rows
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget
from training.baselines.tree import (
    FitColumns,
    FittedColumns,
    PreparedColumns,
    prepare_columns,
    tune_prepared,
    with_held_out,
)
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.trees.boosted_trees import TunedTree


@dataclass(frozen=True, slots=True)
class StackPredictor:
    """A fitted stack. `logits` needs the language model's logits of the same rows. That logit is
    the last column, where `scoring.engines.stack` appends it. `held_out` as in GrownTrees."""

    tree: TunedTree
    columns: FittedColumns
    held_out: Floats

    @property
    def described(self) -> dict[str, float | int | str]:
        return {**self.tree.settings, "rounds": self.tree.n_rounds}

    def logits(self, examples: Examples, read: Floats) -> Floats:
        return self.tree.logits(_beside(self.columns.rows(examples), read))

    def logits_to_calibrate(self, examples: Examples, read: Floats) -> Floats:
        """As `logits`; those of the calibration rows by trees that have not learned from them."""
        return with_held_out(self.logits(examples, read), self.held_out, examples)


def fit_stack(
    examples: Examples, read: Floats, budget: Budget, fit_columns: FitColumns, log: WriteLine
) -> StackPredictor:
    """Fits columns and trees. `read`: the language model's logit of each example. Raises
    DatasetError for a split with one class only."""
    return stack_prepared(
        prepare_columns(examples, budget, fit_columns), examples, read, budget, log
    )


def stack_prepared(
    prepared: PreparedColumns, examples: Examples, read: Floats, budget: Budget, log: WriteLine
) -> StackPredictor:
    """Fits the trees of a stack on columns that another model was already grown on."""
    if len(read) != len(examples):
        raise ValueError(f"{len(read)} logits for {len(examples)} examples; need one for each")

    def with_logit(part: tuple[Examples, Rows], *splits: Split) -> tuple[Examples, Rows]:
        inside = np.isin(examples.split, [split.value for split in splits])
        return part[0], _beside(part[1], read[inside])

    extended = replace(
        prepared,
        train=with_logit(prepared.train, Split.FIT),
        validation=with_logit(prepared.validation, Split.JUDGE),
        refit=with_logit(prepared.refit, *TRAIN_AND_VALIDATION),
        calibration=with_logit(prepared.calibration, Split.CALIBRATE),
    )
    grown = tune_prepared(extended, budget, log)
    return StackPredictor(grown.tree, prepared.columns, grown.held_out)


def _beside(rows: Rows, read: Floats) -> Rows:
    return np.column_stack([rows, read.astype(np.float32)]).astype(np.float32)

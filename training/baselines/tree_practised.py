"""The baseline tree_practised: LightGBM on the features and on the codes that a tagger finds, which
had the same practice as the demo's base.

The columns are those of the demo's trees; only the reader of the calls is another one. It means
something on simulated leads only: the tagger knows nothing but the simulator's talk. For evaluation
only, as `tree_text`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.columns.encoding import Rows
from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget
from training.baselines.columns.practice import Tagger, practised_tagger
from training.baselines.tree import FittedColumns, TreePredictor, fit_tree
from training.dataset.example import Examples


@dataclass(frozen=True, slots=True)
class PractisedColumns:
    """The features, then the tagger's codes."""

    tagger: Tagger

    def rows(self, examples: Examples) -> Rows:
        held = self.tagger.held(examples)
        return np.column_stack([examples.features, held]).astype(np.float32)


def fit_practised_columns(
    examples: Examples, rng: np.random.Generator
) -> tuple[Rows, FittedColumns]:
    """The columns of `examples`. The tagger was trained on none of the leads, so that its columns
    need no folds."""
    columns = PractisedColumns(practised_tagger())
    return columns.rows(examples), columns


def fit_tree_practised(examples: Examples, budget: Budget, log: WriteLine) -> TreePredictor:
    return fit_tree(examples, budget, fit_practised_columns, log)

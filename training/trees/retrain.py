"""Trains trees again on what was known at a moment, for a backtest's `--retrain-every`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scoring.floats import Floats
from training.trees.boosted_trees import TreeTable, tune_tree

N_TRIALS = 6
"""Trials of each retraining: from month to month the data change, not the best settings."""

NEWEST_SHARE = 0.2


def learn_trees(
    rows: NDArray[np.float32], labels: Floats, weights: Floats, *, seed: int
) -> Callable[[NDArray[np.float32]], Floats]:
    """Fits trees on rows in the order of time, of which the newest choose the settings; returns a
    function from features to probabilities."""
    table = TreeTable(rows, labels, weights, max(1, round(NEWEST_SHARE * len(rows))))
    tree = tune_tree(table, np.random.default_rng(seed), n_trials=N_TRIALS)

    def probabilities(features: NDArray[np.float32]) -> Floats:
        estimates: Floats = 1.0 / (1.0 + np.exp(-tree.logits(features)))
        return estimates

    return probabilities

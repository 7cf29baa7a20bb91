"""Fits gradient-boosted trees on a table: the baseline to beat, and the upper half of the stack.

Both get the same search: random trials, stumps among them, scored on the newest leads; the number
of rounds from early stopping; then a refit on every lead. G. Ke and others, LightGBM: A Highly
Efficient Gradient Boosting Decision Tree, NIPS 2017.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.trees.trials import Trial, search

TreeSettings = dict[str, float | int]

MAX_ROUNDS = 1500
PATIENCE_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class TreeTable:
    """Rows in order of time; `labels` are 0 or 1, `weights` undo the sampling of negatives. The
    newest `n_validation` rows are the validation set, which chooses between trials."""

    rows: NDArray[np.float32]
    labels: Floats
    weights: Floats
    n_validation: int

    def cut(self, start: int, stop: int) -> TreeTable:
        """The rows from `start` to `stop`, none of them for validation."""
        part = slice(start, stop)
        return TreeTable(self.rows[part], self.labels[part], self.weights[part], 0)

    @property
    def init_logit(self) -> float:
        """The log odds of the share of positives, where boosting starts."""
        share = float(np.clip(np.average(self.labels, weights=self.weights), 1e-6, 1 - 1e-6))
        return float(np.log(share / (1 - share)))


@dataclass(frozen=True, slots=True)
class TunedTree:
    """Fitted trees. `validation_loss`: of the chosen settings in the search, NaN without a
    search."""

    booster: lightgbm.Booster
    init_logit: float
    settings: TreeSettings
    n_rounds: int
    validation_loss: float

    def logits(self, rows: NDArray[np.float32]) -> Floats:
        raw = self.booster.predict(rows, raw_score=True, num_threads=1)
        return np.asarray(raw, dtype=np.float64) + self.init_logit


def tune_tree(
    table: TreeTable, rng: np.random.Generator, *, n_trials: int, log: WriteLine = lambda line: None
) -> TunedTree:
    """Chooses the settings with the least log loss on the validation rows; refits them on all
    rows."""
    best = choose_settings(table, rng, n_trials=n_trials, log=log)
    return replace(grow_tree(table, best.settings, best.size), validation_loss=best.loss)


def choose_settings(
    table: TreeTable, rng: np.random.Generator, *, n_trials: int, log: WriteLine
) -> Trial[TreeSettings]:
    """Grows trees on the older rows and compares them on the validation rows. `size` of the result
    is the number of rounds for a fit on all rows, a little more than for the older ones."""
    n_train = len(table.rows) - table.n_validation
    train, validation = table.cut(0, n_train), table.cut(n_train, len(table.rows))
    drawn = [draw_settings(rng, number) for number in range(n_trials)]
    n_at_once = os.cpu_count() or 1  # LightGBM lets go of the interpreter
    best = search(lambda i: _trial(train, validation, drawn[i]), n_trials, log, n_at_once)
    return replace(best, size=rounds_for(best.size, n_train, len(table.rows)))


def rounds_for(n_rounds: int, n_rows: int, n_more: int) -> int:
    """The rounds for `n_more` rows, where `n_rounds` were best for `n_rows`: a little more."""
    return max(1, round(n_rounds * math.sqrt(n_more / n_rows)))


def grow_tree(table: TreeTable, settings: TreeSettings, n_rounds: int) -> TunedTree:
    """Fits trees with these settings on all rows."""
    start = table.init_logit
    booster = lightgbm.train(_parameters(settings), _dataset(table, start), n_rounds)
    return TunedTree(booster, start, settings, n_rounds, float("nan"))


def draw_settings(rng: np.random.Generator, trial: int) -> TreeSettings:
    """Random settings. Every third trial grows stumps: with a thousand orders they often win."""
    return {
        "num_leaves": 2 if trial % 3 == 0 else int(rng.choice([3, 4, 6, 8, 15, 31])),
        "learning_rate": float(10 ** rng.uniform(-1.7, -0.8)),
        "min_data_in_leaf": int(10 ** rng.uniform(1.0, 2.8)),
        "lambda_l2": float(10 ** rng.uniform(-1.0, 2.0)),
        "feature_fraction": float(rng.uniform(0.4, 1.0)),
        "bagging_fraction": float(rng.uniform(0.6, 1.0)),
        "max_bin": int(rng.choice([31, 63, 255])),
    }


def _trial(train: TreeTable, validation: TreeTable, settings: TreeSettings) -> Trial[TreeSettings]:
    start = train.init_logit
    train_set = _dataset(train, start)
    booster = lightgbm.train(
        _parameters(settings),
        train_set,
        MAX_ROUNDS,
        valid_sets=[_dataset(validation, start, reference=train_set)],
        callbacks=[lightgbm.early_stopping(PATIENCE_ROUNDS, verbose=False)],
    )
    loss = float(booster.best_score["valid_0"]["binary_logloss"])
    return Trial(loss, settings, booster.best_iteration)


def _dataset(
    table: TreeTable, init_logit: float, reference: lightgbm.Dataset | None = None
) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        table.rows,
        table.labels,
        weight=table.weights,
        init_score=np.full(len(table.rows), init_logit),
        reference=reference,
    )


def _parameters(settings: TreeSettings) -> dict[str, Any]:
    return {
        **settings,
        "objective": "binary",
        "metric": "binary_logloss",
        "bagging_freq": 1,
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": 0,
        "verbose": -1,
    }

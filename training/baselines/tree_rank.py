"""The baseline tree_rank: LightGBM LambdaRank on the funnel's grades, which is HPRO's idea with a
practitioner's tool.

Leads of one queue in one stretch of time compete in a list. A list holds few orders, so most of its
pairs are about the other moves down the funnel. Settings are chosen by the AUC of orders, because
its numbers are not log odds; Platt scaling on the validation rows turns them into such. LambdaRank:
C. J. C. Burges, From RankNet to LambdaRank to LambdaMART: An Overview, 2010, Microsoft Research
MSR-TR-2010-82. HPRO: C. Zhang and others, Rethinking Sales Lead Scoring with LLM-based Hierarchical
Preference Ranking, 2026, arXiv 2606.04387.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from scoring.calibration import Calibration
from scoring.columns.encoding import Rows
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import (
    TRAIN_AND_VALIDATION,
    Budget,
    Predictor,
    check_classes,
    labels_of,
)
from training.baselines.columns.table import TableColumns, fit_field_table
from training.calibrate import fit_platt
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.trees.boosted_trees import MAX_ROUNDS, PATIENCE_ROUNDS, TreeSettings, draw_settings
from training.trees.trials import Trial, search

LIST_SIZES = (200, 1_000)
TRUNCATIONS = (30, 100, 300)
"""How deep into a list pairs are looked for; LightGBM's own 30 leaves most orders out."""

SplitRows = tuple[Examples, Rows]


@dataclass(frozen=True, slots=True)
class RankPredictor:
    """A fitted ranker with the calibration that turns its numbers into log odds."""

    columns: TableColumns
    booster: lightgbm.Booster
    calibration: Calibration
    settings: TreeSettings
    n_rounds: int

    @property
    def described(self) -> dict[str, float | int | str]:
        return {**self.settings, "rounds": self.n_rounds}

    def logits(self, examples: Examples) -> Floats:
        raw = _raw(self.booster, self.columns.rows(examples))
        return self.calibration.a * raw + self.calibration.b


def fit_tree_rank(examples: Examples, budget: Budget, log: WriteLine) -> Predictor:
    """Fits it; settings and calibration come from the validation split. Raises DatasetError for a
    split with one class only."""
    check_classes(examples, *TRAIN_AND_VALIDATION)
    train, validation = examples.of(Split.FIT), examples.of(Split.JUDGE)
    rng, table = budget.rng(), fit_field_table(train)
    train_rows, validation_rows = table.rows(train), table.rows(validation)
    boosters: dict[int, lightgbm.Booster] = {}

    def run(number: int) -> Trial[tuple[int, TreeSettings]]:
        settings = _settings(rng, number)
        booster = _grow((train, train_rows), settings, MAX_ROUNDS, (validation, validation_rows))
        boosters[number] = booster
        loss = -float(booster.best_score["validation"]["auc_of_orders"])
        return Trial(loss, (number, settings), max(1, booster.best_iteration))

    best = search(run, budget.n_trials, log)
    number, settings = best.settings
    early = _raw(boosters[number], validation_rows)
    calibration = fit_platt(early, labels_of(validation), validation.weight)
    refit = examples.of(*TRAIN_AND_VALIDATION)
    n_rounds = max(1, round(best.size * (len(refit) / len(train)) ** 0.5))
    table = fit_field_table(refit)
    booster = _grow((refit, table.rows(refit)), settings, n_rounds)
    return RankPredictor(table, booster, calibration, settings, n_rounds)


def lists_of(examples: Examples, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Puts the rows into lists: row numbers by queue and time, and the lengths of the lists they
    fall into, at most `size` each and as even as a queue allows."""
    order = np.lexsort((examples.as_of_ms, examples.queue))
    _, counts = np.unique(examples.queue[order], return_counts=True)
    lengths = [len(part) for n in counts for part in np.array_split(np.arange(n), -(-n // size))]
    return order, np.array(lengths, dtype=np.int64)


def _grow(
    part: SplitRows, settings: TreeSettings, n_rounds: int, validation: SplitRows | None = None
) -> lightgbm.Booster:
    examples, rows = part
    order, lengths = lists_of(examples, int(settings["list_size"]))
    train_set = lightgbm.Dataset(rows[order], examples.grade[order].astype(np.int32), group=lengths)
    if validation is None:
        return lightgbm.train(_parameters(settings), train_set, n_rounds)
    validation_examples, validation_rows = validation
    validation_set = lightgbm.Dataset(
        validation_rows,
        validation_examples.grade.astype(np.int32),
        group=[len(validation_examples)],
        reference=train_set,
    )
    return lightgbm.train(
        _parameters(settings),
        train_set,
        n_rounds,
        valid_sets=[validation_set],
        valid_names=["validation"],
        feval=_auc_of_orders(validation_examples),
        callbacks=[lightgbm.early_stopping(PATIENCE_ROUNDS, verbose=False)],
    )


def _auc_of_orders(
    validation: Examples,
) -> Callable[[Floats, lightgbm.Dataset], tuple[str, float, bool]]:
    labels, weights = labels_of(validation), validation.weight
    won, lost = weights * labels, weights * (1 - labels)

    def metric(raw: Floats, _: lightgbm.Dataset) -> tuple[str, float, bool]:
        tied = np.unique(raw, return_inverse=True)[1]
        positive, negative = np.bincount(tied, won), np.bincount(tied, lost)
        below = np.concatenate(([0.0], np.cumsum(negative)[:-1]))
        pairs = won.sum() * lost.sum()
        return "auc_of_orders", float(positive @ (below + negative / 2) / pairs), True

    return metric


def _settings(rng: np.random.Generator, trial: int) -> TreeSettings:
    return {
        **draw_settings(rng, trial),
        "list_size": int(rng.choice(LIST_SIZES)),
        "lambdarank_truncation_level": int(rng.choice(TRUNCATIONS)),
    }


MAX_GRADES = 66
"""A domain has at most 64 stages; gains of grades that no lead has change nothing."""


def _parameters(settings: TreeSettings) -> dict[str, Any]:
    return {
        **{name: value for name, value in settings.items() if name != "list_size"},
        "objective": "lambdarank",
        "metric": "None",
        "label_gain": [2**grade - 1 for grade in range(MAX_GRADES)],
        "bagging_freq": 1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": 0,
        "verbose": -1,
    }


def _raw(booster: lightgbm.Booster, rows: Rows) -> Floats:
    raw = booster.predict(rows, raw_score=True, num_threads=1)
    return np.asarray(raw, dtype=np.float64)

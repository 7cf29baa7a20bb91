"""Logistic regression on features and own fields: one-hot words, scaled numbers, unknown too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from scoring.prompt.declaration import Bins, Kind
from training.baselines.baseline import (
    KNOWN,
    Budget,
    Floats,
    Predictor,
    check_classes,
    labels_of,
    log_loss,
)
from training.baselines.columns.own_fields import OwnFields, fit_own_fields
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.trees.trials import Log, Trial, search

MAX_STEPS = 2_000
LOG10_C = (-4.0, 2.0)


@dataclass(frozen=True, slots=True)
class Encoding:
    """`kinds` of each column; `centres` and `spreads`: of log(1 + |value|), signed as the value."""

    kinds: tuple[tuple[Kind, Bins], ...]
    centres: Floats
    spreads: Floats

    def rows(self, table: NDArray[np.float32]) -> Floats:
        columns: list[Floats] = []
        for at, (kind, bins) in enumerate(self.kinds):
            values = table[:, at].astype(np.float64)
            columns += [(values == level).astype(np.float64) for level in _levels(kind, bins)]
            columns.append(np.isnan(values).astype(np.float64))
            if kind is Kind.NUMBER:
                columns.append(self.scaled(values, at))
        return np.column_stack(columns)

    def scaled(self, values: Floats, at: int) -> Floats:
        """Of column `at`; unknown is 0, the centre."""
        scaled: Floats = np.nan_to_num((_logs(values) - self.centres[at]) / self.spreads[at])
        return scaled


def _logs(values: Floats) -> Floats:
    logs: Floats = np.sign(values) * np.log1p(np.abs(values))
    return logs


def _levels(kind: Kind, bins: Bins) -> Sequence[float]:
    match kind:
        case Kind.CATEGORY:
            return [float(i) for i in range(len(bins) + 1)]
        case Kind.AGE:
            return [float(bound) for bound, _ in bins]
        case Kind.FLAG:
            return [0.0, 1.0]
        case Kind.NUMBER:
            return [0.0]


def fit_encoding(table: NDArray[np.float32], kinds: tuple[tuple[Kind, Bins], ...]) -> Encoding:
    logs = _logs(table.astype(np.float64))
    known = ~np.isnan(logs)
    n = np.maximum(known.sum(axis=0), 1)
    centres = np.where(known, logs, 0.0).sum(axis=0) / n
    spreads = np.sqrt(np.where(known, (logs - centres) ** 2, 0.0).sum(axis=0) / n)
    return Encoding(kinds, centres, np.where(spreads > 0, spreads, 1.0))


@dataclass(frozen=True, slots=True)
class LogisticPredictor:
    own: OwnFields
    encoding: Encoding
    model: LogisticRegression
    c: float

    @property
    def described(self) -> dict[str, float | int | str]:
        return {"c": self.c}

    def logits(self, examples: Examples) -> Floats:
        rows = self.encoding.rows(self.own.beside_features(examples))
        return np.asarray(self.model.decision_function(rows), dtype=np.float64)


def fit_logistic(examples: Examples, budget: Budget, log: Log) -> Predictor:
    """Raises DatasetError where a split has one class only."""
    check_classes(examples, *KNOWN)
    older, judging = examples.of(Split.FIT), examples.of(Split.JUDGE)
    rng = budget.rng()

    def run(number: int) -> Trial[float]:
        c = float(10 ** rng.uniform(*LOG10_C))
        logits = _fit(older, c).logits(judging)
        return Trial(log_loss(logits, labels_of(judging), judging.weight), c)

    return _fit(examples.of(*KNOWN), search(run, budget.n_trials, log).settings)


def _fit(examples: Examples, c: float) -> LogisticPredictor:
    """Weights undo the sampling but keep the effective number of rows, which `c` is against."""
    own = fit_own_fields(examples)
    table = own.beside_features(examples)
    encoding = fit_encoding(table, own.kinds)
    rows, weights = encoding.rows(table), examples.weight / examples.weight.mean()
    model = LogisticRegression(C=c, max_iter=MAX_STEPS)
    return LogisticPredictor(own, encoding, model.fit(rows, examples.label, weights), c)

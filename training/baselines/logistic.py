"""Logistic regression on the features: one-hot words, standardised numbers, unknown on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from scoring.declaration import Feature, Kind
from scoring.features import FEATURES
from training.baselines.baseline import (
    KNOWN,
    Budget,
    Floats,
    Predictor,
    check_classes,
    labels_of,
    log_loss,
)
from training.examples.example import Examples
from training.examples.manifest import Split
from training.trials import Log, Trial, search

MAX_STEPS = 2_000
LOG10_C = (-4.0, 2.0)


@dataclass(frozen=True, slots=True)
class Encoding:
    """`centres` and `spreads`: of log(1 + value), for each feature."""

    centres: Floats
    spreads: Floats

    def rows(self, features: NDArray[np.float32]) -> Floats:
        columns: list[Floats] = []
        for at, feature in enumerate(FEATURES):
            values = features[:, at].astype(np.float64)
            columns += [(values == level).astype(np.float64) for level in _levels(feature)]
            columns.append(np.isnan(values).astype(np.float64))
            if feature.kind is Kind.NUMBER:
                columns.append(self.scaled(values, at))
        return np.column_stack(columns)

    def scaled(self, values: Floats, at: int) -> Floats:
        """Of feature `at`; unknown is 0, the centre."""
        logs = np.log1p(np.abs(values))
        scaled: Floats = np.nan_to_num((logs - self.centres[at]) / self.spreads[at])
        return scaled


def _levels(feature: Feature) -> Sequence[float]:
    match feature.kind:
        case Kind.CATEGORY:
            return [float(i) for i in range(len(feature.bins) + 1)]
        case Kind.AGE:
            return [float(bound) for bound, _ in feature.bins]
        case Kind.FLAG:
            return [0.0, 1.0]
        case Kind.NUMBER:
            return [0.0]


def fit_encoding(features: NDArray[np.float32]) -> Encoding:
    logs = np.log1p(np.abs(features.astype(np.float64)))
    known = ~np.isnan(logs)
    n = np.maximum(known.sum(axis=0), 1)
    centres = np.where(known, logs, 0.0).sum(axis=0) / n
    spreads = np.sqrt(np.where(known, (logs - centres) ** 2, 0.0).sum(axis=0) / n)
    return Encoding(centres, np.where(spreads > 0, spreads, 1.0))


@dataclass(frozen=True, slots=True)
class LogisticPredictor:
    encoding: Encoding
    model: LogisticRegression
    c: float

    @property
    def described(self) -> dict[str, float | int | str]:
        return {"c": self.c}

    def logits(self, examples: Examples) -> Floats:
        rows = self.encoding.rows(examples.features)
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
    encoding = fit_encoding(examples.features)
    rows, weights = encoding.rows(examples.features), examples.weight / examples.weight.mean()
    model = LogisticRegression(C=c, max_iter=MAX_STEPS)
    return LogisticPredictor(encoding, model.fit(rows, examples.label, weights), c)

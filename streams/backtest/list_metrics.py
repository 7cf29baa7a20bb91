"""How well models order and calibrate the places on daily lists; leads are drawn as wholes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scoring.backtest.daily_calls import Ints
from scoring.floats import Floats
from scoring.metrics.bootstrap import Bootstrap, Interval, Statistic, auc_statistic, replicates
from scoring.metrics.curves import Curves, curves_of
from scoring.metrics.metrics import log_losses
from scoring.metrics.verdict import Judgement, judge

N_RESAMPLES = 200
"""Few, because one row for each lead and day makes these the most expensive intervals of a
backtest."""

UNKNOWN = Interval(float("nan"), float("nan"), float("nan"), 0.95)


@dataclass(frozen=True, slots=True)
class Metrics:
    """AUC, log loss and curves of one model over all places on lists, with whole leads resampled.
    NaN, and no curves, where it did not know somebody who was listed, or all ended alike."""

    n_rows: int
    n_positive: int

    auc: Interval = UNKNOWN
    log_loss: Interval = UNKNOWN
    curves: Curves | None = None


@dataclass(frozen=True, slots=True)
class PairedMetrics:
    """The difference of two models: `ours` less `theirs` on the same resamples. `judgement` is
    about the AUC."""

    ours: str
    theirs: str
    auc: Interval
    log_loss: Interval
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class ListMetrics:
    """The metrics of all models. `paired`: every other model against the first of those that have
    metrics."""

    models: Mapping[str, Metrics] = field(default_factory=dict)
    paired: tuple[PairedMetrics, ...] = ()


def metrics_of(scores: Mapping[str, Floats], labels: Floats, leads: Ints, seed: int) -> ListMetrics:
    """Computes the metrics of all models on the same rows. `scores`: (n,) probabilities by model;
    nothing for no rows."""
    if not len(labels):
        return ListMetrics()
    n_rows, n_positive = len(labels), int(labels.sum())
    names = [name for name, said in scores.items() if not np.isnan(said).any()]
    models = dict.fromkeys(scores, Metrics(n_rows, n_positive))
    if not names or not 0 < n_positive < n_rows:
        return ListMetrics(models)
    bootstrap = Bootstrap(np.random.default_rng(seed), N_RESAMPLES)
    statistics = [_statistic(scores[name], labels) for name in names]
    drawn = replicates(statistics, n_rows, bootstrap, clusters=leads)
    for i, name in enumerate(names):
        curves = curves_of(scores[name], scores[name], labels)
        auc, loss = drawn.interval(i, 0), drawn.interval(i, 1)
        models[name] = Metrics(n_rows, n_positive, auc, loss, curves)
    n_buyers = len(np.unique(leads[labels > 0.0]))
    paired = []
    for i, ours in enumerate(names[1:], start=1):
        auc, loss = drawn.difference(i, 0, 0), drawn.difference(i, 0, 1)
        paired.append(PairedMetrics(ours, names[0], auc, loss, judge(auc, n_buyers)))
    return ListMetrics(models, tuple(paired))


def _statistic(said: Floats, labels: Floats) -> Statistic:
    """AUC and log loss."""
    of_auc, losses = auc_statistic(said, labels), log_losses(said, labels)

    def values(weightings: Floats) -> Floats:
        loss = weightings @ losses / weightings.sum(axis=1)
        return np.concatenate([of_auc(weightings), loss[:, None]], axis=1)

    return values

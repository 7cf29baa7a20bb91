"""How well models order and calibrate the places on daily lists; leads are drawn as wholes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scoring.daily_calls import Ints
from scoring.metrics import log_losses
from scoring.resampling import Bootstrap, Interval, auc_statistic, replicates
from scoring.tally import Floats

N_RESAMPLES = 200
"""A row a lead and day makes these the dearest intervals of a backtest."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of one model over places on lists, leads drawn as wholes. NaN where it did not know somebody
    who was listed, or all ended alike."""

    n_rows: int
    n_positive: int

    auc: Interval
    log_loss: Interval


def metrics_of(
    scores: Mapping[str, Floats], labels: Floats, leads: Ints, seed: int
) -> dict[str, Metrics]:
    """`scores`: (n,) probabilities by model; nothing for no rows."""
    if not len(labels):
        return {}
    return {name: _of_model(said, labels, leads, seed) for name, said in scores.items()}


def _of_model(said: Floats, labels: Floats, leads: Ints, seed: int) -> Metrics:
    n_positive = int(labels.sum())
    if np.isnan(said).any() or not 0 < n_positive < len(labels):
        unknown = Interval(float("nan"), float("nan"), float("nan"), 0.95)
        return Metrics(len(labels), n_positive, unknown, unknown)
    bootstrap = Bootstrap(np.random.default_rng(seed), N_RESAMPLES)
    of_auc, losses = auc_statistic(said, labels), log_losses(said, labels)

    def values(weightings: Floats) -> Floats:
        loss = weightings @ losses / weightings.sum(axis=1)
        return np.concatenate([of_auc(weightings), loss[:, None]], axis=1)

    drawn = replicates([values], len(labels), bootstrap, clusters=leads)
    return Metrics(len(labels), n_positive, drawn.interval(0, 0), drawn.interval(0, 1))

"""How far a model has come on the way from a baseline to the best possible score, in expected
AUC."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.metrics.bootstrap import (
    Bootstrap,
    Interval,
    Replicates,
    auc_statistic,
    percentile_interval,
    replicates,
)
from training.evaluation.judged import JudgedRows, Scored


def shares_of_the_way(
    judged: JudgedRows, models: Sequence[Scored], start: str, bootstrap: Bootstrap
) -> dict[str, Interval]:
    """Model -> 0 where it orders the leads as `start` does, 1 where it orders them as the true
    probabilities do. Needs those; the interval is over leads, for these fitted models."""
    names = [model.name for model in models]
    statistics = [auc_statistic(model.scores, judged.truth) for model in models]
    statistics.append(auc_statistic(judged.truth, judged.truth))
    resampled = replicates(
        statistics,
        len(judged),
        bootstrap,
        weights=judged.weights,
        clusters=judged.clusters,
    )
    end = len(models)
    return {
        name: share_of_the_way(resampled, i, names.index(start), end)
        for i, name in enumerate(names)
    }


def share_of_the_way(resampled: Replicates, at: int, start: int, end: int) -> Interval:
    """The share for one model, from the first value of the statistics."""
    values, drawn = resampled.values[:, 0], resampled.drawn[:, :, 0]
    value = (values[at] - values[start]) / (values[end] - values[start])
    shares = (drawn[:, at] - drawn[:, start]) / (drawn[:, end] - drawn[:, start])
    return percentile_interval(float(value), shares, resampled.level)

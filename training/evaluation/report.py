"""The report as values: what is computed for each model and each pair, before it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scoring.floats import Floats
from scoring.metrics.bootstrap import Bootstrap, Interval, Replicates, replicates
from scoring.metrics.cost import Cost
from scoring.metrics.curves import Curves, curves_of
from scoring.metrics.delong import delong, delong_difference
from scoring.metrics.metrics import calibration_noise, expected_auc
from scoring.metrics.verdict import Judgement, judge
from training.evaluation.judged import EvaluationError, JudgedRows, Scored
from training.evaluation.measures import (
    LESS_IS_BETTER,
    METRICS,
    N_BINS,
    expected_half_widths,
    measures,
)
from training.evaluation.views import Group, groups_of

COMPARED = ("auc", "average_precision", "p_at_1pct", "p_at_capacity", "log_loss", "brier")
"""The metrics of which the difference of a pair gets a verdict."""


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """How to judge: calls of a queue per day, number of resamples and their seed, level of the
    intervals."""

    calls_per_day: float
    n_resamples: int = 1000
    seed: int = 1
    level: float = 0.95

    def bootstrap(self) -> Bootstrap:
        return Bootstrap(np.random.default_rng(self.seed), self.n_resamples, self.level)


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric with its interval. `expected_half_width`: how wide theory expects the interval to be
    for this number of positives; NaN without a formula."""

    interval: Interval
    expected_half_width: float


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The report on one model. `expected` is against the true probability, empty where that is
    unknown. `calibration_noise`: the ECE that a perfectly calibrated model would show on these
    labels."""

    name: str
    engine: str | None
    digest: str | None
    metrics: dict[str, Measured]
    expected: dict[str, Interval]
    delong_standard_error: float
    calibration_noise: float
    groups: list[Group]
    curves: Curves
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """`ours - theirs` on the same rows. For losses less is better, which the verdict takes into
    account. `p_value`: DeLong's, for the AUC on labels only."""

    ours: str
    theirs: str
    metric: str
    is_expected: bool
    interval: Interval
    p_value: float | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The report on all models. `asked`: how they were judged. `bayes`: the expected AUC of the
    true probabilities, which no model can exceed; None where they are unknown."""

    n: int
    n_positives: int
    n_leads: int
    n_who_ordered: int
    prevalence: float
    asked: EvaluationRequest
    models: list[ModelReport]
    differences: list[PairedDifference]
    bayes: float | None


def build_report(
    judged: JudgedRows, models: Sequence[Scored], request: EvaluationRequest
) -> EvaluationReport:
    """Computes the report; all models share the same resamples. Raises EvaluationError for scores
    that do not fit."""
    for model in models:
        if not len(model.scores) == len(model.probabilities) == len(judged):
            raise EvaluationError(
                f"{model.name} has {len(model.scores)} scores for {len(judged)} rows; score the "
                "same rows"
            )
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise EvaluationError(f"two models share a name: {', '.join(names)}; name them apart")
    on_labels = _resampled(judged, models, judged.labels, request)
    on_truth = _resampled(judged, models, judged.truth, request) if judged.has_truth else None
    return EvaluationReport(
        n=len(judged),
        n_positives=judged.n_positives,
        n_leads=judged.n_leads,
        n_who_ordered=judged.n_who_ordered,
        prevalence=judged.prevalence,
        asked=request,
        models=[
            _model(judged, model, i, on_labels, on_truth, request) for i, model in enumerate(models)
        ],
        differences=_differences(judged, models, on_labels, on_truth),
        bayes=expected_auc(judged.truth, judged.truth, judged.weights) if on_truth else None,
    )


def _resampled(
    judged: JudgedRows, models: Sequence[Scored], outcomes: Floats, request: EvaluationRequest
) -> Replicates:
    return replicates(
        [measures(model, judged, outcomes, request.calls_per_day) for model in models],
        len(judged),
        request.bootstrap(),
        weights=judged.weights,
        clusters=judged.clusters,
    )


def _model(
    judged: JudgedRows,
    model: Scored,
    number: int,
    on_labels: Replicates,
    on_truth: Replicates | None,
    request: EvaluationRequest,
) -> ModelReport:
    intervals = {name: on_labels.interval(number, i) for i, name in enumerate(METRICS)}
    values = {name: interval.value for name, interval in intervals.items()}
    widths = expected_half_widths(values, judged, request.calls_per_day, request.level)
    expected = (
        {name: on_truth.interval(number, i) for i, name in enumerate(METRICS)} if on_truth else {}
    )
    return ModelReport(
        name=model.name,
        engine=model.engine,
        digest=model.digest,
        metrics={name: Measured(intervals[name], widths[name]) for name in METRICS},
        expected=expected,
        delong_standard_error=delong(
            model.scores, judged.labels, clusters=judged.clusters
        ).standard_error,
        calibration_noise=calibration_noise(model.probabilities, N_BINS, judged.weights),
        groups=groups_of(judged, model, request.level),
        curves=curves_of(model.scores, model.probabilities, judged.labels, judged.weights),
        cost=model.cost,
    )


def _differences(
    judged: JudgedRows, models: Sequence[Scored], on_labels: Replicates, on_truth: Replicates | None
) -> list[PairedDifference]:
    return [
        _difference(judged, models, (i, j), metric, resampled, is_expected)
        for i, j in combinations(range(len(models)), 2)
        for metric in COMPARED
        for resampled, is_expected in ((on_labels, False), (on_truth, True))
        if resampled is not None
    ]


def _difference(
    judged: JudgedRows,
    models: Sequence[Scored],
    pair: tuple[int, int],
    metric: str,
    resampled: Replicates,
    is_expected: bool,
) -> PairedDifference:
    ours, theirs = (models[i] for i in pair)
    interval = resampled.difference(*pair, METRICS.index(metric))
    better = interval
    if metric in LESS_IS_BETTER:
        better = Interval(-interval.value, -interval.high, -interval.low, interval.level)
    p_value = None
    if metric == "auc" and not is_expected:
        test = delong_difference(
            ours.scores, theirs.scores, judged.labels, clusters=judged.clusters
        )
        p_value = test.p_value
    return PairedDifference(
        ours=ours.name,
        theirs=theirs.name,
        metric=metric,
        is_expected=is_expected,
        interval=interval,
        p_value=p_value,
        judgement=judge(better, None if is_expected else judged.n_who_ordered),
    )

"""A slow model is told what its time is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scoring.metrics.cost import Cost
from tests.training.evaluation.rows import judged, model
from training.evaluation.report import EvaluationReport, EvaluationRequest, build_report
from training.evaluation.words import lines, worth_their_time

N = 2_000
GOOD, BAD = 0.1, 4.0


def report(first: tuple[float, float], second: tuple[float, float]) -> EvaluationReport:
    """Each model: its noise, and its milliseconds a lead."""
    rows = judged(N)
    models = [
        replace(model(rows, noise, name, seed), cost=Cost(ms * N / 1_000, N))
        for name, (noise, ms), seed in (("first", first, 4), ("second", second, 5))
    ]
    return build_report(rows, models, EvaluationRequest(calls_per_day=6.0, n_resamples=200))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ((GOOD, 300.0), (BAD, 0.5), "first takes 300 ms a lead, second 0.5 ms: it earns them"),
        ((BAD, 0.5), (GOOD, 300.0), "second takes 300 ms a lead, first 0.5 ms: it earns them"),
        ((BAD, 300.0), (GOOD, 0.5), "first takes 300 ms a lead, second 0.5 ms: it does not earn"),
        ((1.0, 0.5), (1.0, 300.0), "second takes 300 ms a lead, first 0.5 ms: cannot tell"),
    ],
)
def test_the_slower_of_two_is_judged_by_who_is_ahead(
    first: tuple[float, float], second: tuple[float, float], said: str
) -> None:
    found = report(first, second)
    (line,) = worth_their_time(found)
    assert line.startswith(said)
    assert line in lines(found)


@pytest.mark.parametrize("second_ms", [40.0, 0.02])
def test_models_of_like_time_or_of_no_time_are_not(second_ms: float) -> None:
    slower = (GOOD, 300.0 if second_ms > 1 else 0.9)
    assert not list(worth_their_time(report(slower, (BAD, second_ms))))

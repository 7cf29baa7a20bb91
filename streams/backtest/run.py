"""Runs a backtest, from a recording and artifacts on disk to its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.timestamps import from_ms
from scoring.artifact import load_manifest
from scoring.backtest.daily_calls import CallTerms
from scoring.engines.loading import load_scorer
from scoring.metrics.cost import Cost
from scoring.score import Scorer
from streams.backtest.backtest import (
    BacktestTerms,
    Learn,
    Result,
    first_day_of,
    judge_models,
    orders_learned,
    span_of,
)
from streams.backtest.known_events import RecordedEvents
from streams.backtest.standings import Pass, standings
from streams.recording.erased import erased_leads
from streams.recording.folder import RecordingFolder, open_recording
from streams.replay.replay import ProgressOf, end_of, silent


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What a backtest is asked to do. `horizon_days` None: the first artifact's; `embargo_days`
    None: the horizon; `first_day` None: the first that no model can have learned from."""

    artifacts: Mapping[str, Path]
    capacity: int
    rest_days: int
    horizon_days: float | None
    embargo_days: float | None
    first_day: int | None
    until_ms: int | None
    period_days: int
    seed: int
    landmark_days: float | None = None


@dataclass(frozen=True, slots=True)
class Backtested:
    """A finished backtest. `costs` and `scorers` by artifact; `recording`: where the events are
    that moved somebody."""

    terms: BacktestTerms
    result: Result
    costs: Mapping[str, Cost]
    recording: RecordingFolder
    scorers: Mapping[str, Scorer]


def run_backtest(
    source: Path, request: BacktestRequest, learn: Learn | None, progress: ProgressOf = silent
) -> Backtested:
    """Runs a backtest of the recording at `source`. Raises RecordingError, ArtifactError. Holds the
    features of every score in memory."""
    recording = open_recording(source)
    ranges = recording.input_ranges()
    end_ms = end_of(recording, None if request.until_ms is None else from_ms(request.until_ms))
    manifests = {name: load_manifest(path) for name, path in request.artifacts.items()}
    horizon_days = request.horizon_days
    if horizon_days is None:
        horizon_days = float(next(iter(manifests.values())).horizon_days)
    embargo_days = horizon_days if request.embargo_days is None else request.embargo_days
    first_ms = min(part.first_ms for part in ranges if part.first_ms is not None)
    first_day = request.first_day
    if first_day is None:
        first_day = first_day_of(manifests, first_ms, end_ms, embargo_days)
    terms = BacktestTerms(
        CallTerms(request.capacity, horizon_days, request.rest_days),
        span_of(first_day, end_ms, horizon_days),
        embargo_days,
        request.period_days,
        request.seed,
        request.landmark_days,
    )
    scorers = [load_scorer(path) for path in request.artifacts.values()]
    total = sum(part.n_records for part in ranges)
    erased = erased_leads(recording, progress("looked for erased leads in", total))
    fold_pass = Pass(
        events=RecordedEvents(recording, request.until_ms),
        erased=erased,
        renderings=[scorer.rendering for scorer in scorers],
        scorers=scorers,
        first_day=first_day,
        end_day=terms.span.end_day,
        end_ms=end_ms,
        has_features=learn is not None,
    )
    if learn is not None:  # without scoring, which may take an hour
        orders_learned(standings(replace(fold_pass, scorers=())), terms)
    all_standings = standings(fold_pass, progress("replayed", total))
    names = list(request.artifacts)
    return Backtested(
        terms,
        judge_models(all_standings, names, terms, learn),
        dict(zip(names, all_standings.costs, strict=True)),
        recording,
        dict(zip(names, scorers, strict=True)),
    )

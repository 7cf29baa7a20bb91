"""What each model's daily calls would have been worth, computed from one pass of the fold.

Outcomes are first orders that occurred within the horizon after a list; days whose horizon the
recording does not cover are left out, and those that a model may have learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from schemas.timestamps import DAY_MS, from_ms, to_ms
from scoring.artifact import Manifest
from scoring.backtest.backtest import Backtest, backtest
from scoring.backtest.daily_calls import Bools, CallTerms, DailyLists, Ints, calls_made, labels_of
from scoring.floats import Floats
from scoring.metrics.bootstrap import Bootstrap
from streams.backtest.list_changes import ListChanges, Places, changes_of
from streams.backtest.list_metrics import ListMetrics, metrics_of
from streams.backtest.standings import FeatureRows, Standings
from streams.recording.event_file import RecordingError

CHANCE = "by chance"
"""The name of a model that ranks by chance: what the capacity alone reaches."""

MIN_TO_LEARN = 20
"""The fewest orders to train on; with fewer, trees learn little but noise."""

Learn = Callable[[FeatureRows, Floats, Floats], Callable[[FeatureRows], Floats]]
"""Trains a model: (features, labels, weights) in order of time -> a function from features to
probabilities."""


@dataclass(frozen=True, slots=True)
class DaySpan:
    """The days that are judged, from `first_day` up to but not including `end_day`."""

    first_day: int
    end_day: int


@dataclass(frozen=True, slots=True)
class BacktestTerms:
    call_terms: CallTerms
    span: DaySpan
    embargo_days: float
    period_days: int
    seed: int
    landmark_days: float | None = None
    n_resamples: int = 1000


@dataclass(frozen=True, slots=True)
class Period:
    first_day: int
    end_day: int
    backtest: Backtest


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that a backtest computes. `whole.paired` is against the first model; `metrics` are
    of all places on all lists, `landmark` of each lead's first one so long after it became known;
    `changes` are of the models that were named; `retraining`: the trees that were retrained against
    the same ones left as they were."""

    whole: Backtest
    metrics: ListMetrics
    landmark: ListMetrics
    changes: tuple[ListChanges, ...]
    periods: tuple[Period, ...]
    retraining: Backtest | None
    n_orders_learned: Mapping[int, int] = field(default_factory=dict)


ONCE, AGAIN = "trees, trained once", "trees, retrained"


def first_day_of(
    manifests: Mapping[str, Manifest], first_ms: int, end_ms: int, embargo_days: float
) -> int:
    """The first day that no model can have learned from. Raises RecordingError when none is
    left in the recording."""
    first = -(-first_ms // DAY_MS)
    for name, manifest in manifests.items():
        learned_until_ms = to_ms(manifest.data_window.end)
        free = -(-(learned_until_ms + int(embargo_days * DAY_MS)) // DAY_MS)
        if free * DAY_MS > end_ms:
            raise RecordingError(
                f"{name} learned from leads until {manifest.data_window.end:%Y-%m-%d}; with an "
                f"embargo of {embargo_days:g} days the recording, which ends on "
                f"{from_ms(end_ms):%Y-%m-%d}, holds nothing later. If these leads are new to it, "
                f"--from {from_ms(first * DAY_MS):%Y-%m-%d} judges them all the same"
            )
        first = max(first, free)
    return first


def span_of(first_day: int, end_ms: int, horizon_days: float) -> DaySpan:
    """The days that can be judged. Raises RecordingError when the recording covers the horizon of
    no day."""
    end_day = (end_ms - int(horizon_days * DAY_MS)) // DAY_MS + 1
    if end_day <= first_day:
        raise RecordingError(
            f"the outcomes of {from_ms(first_day * DAY_MS):%Y-%m-%d} are known "
            f"{horizon_days:g} days later, the recording ends on {from_ms(end_ms):%Y-%m-%d}: "
            "take a longer recording, a shorter --horizon, or an earlier --from"
        )
    return DaySpan(first_day, end_day)


def judge_models(
    standings: Standings, names: list[str], terms: BacktestTerms, learn: Learn | None
) -> Result:
    """Backtests all models on the same lists. `names`: the names of the columns of
    `standings.probabilities`. Raises RecordingError when nobody was listed, or there are too few
    orders to learn from."""
    boards, standing = boards_of(standings, terms.span)
    scores = {name: standings.probabilities[standing, i] for i, name in enumerate(names)}
    learned: dict[int, int] = {}
    if learn is not None:
        learned = orders_learned(standings, terms)
        once, again = _retrained(standings, terms, learn)
        period = (boards.day - terms.span.first_day) // terms.period_days
        scores |= {ONCE: once[standing], AGAIN: again[period, standing]}
    rng = np.random.default_rng(terms.seed)
    called = {
        name: calls_made(boards, of_model, terms.call_terms) for name, of_model in scores.items()
    }
    called[CHANCE] = calls_made(boards, rng.random(len(boards.day)), terms.call_terms)

    def backtest_of(models: Mapping[str, Bools], within: Bools | None = None) -> Backtest:
        bootstrap = Bootstrap(np.random.default_rng(terms.seed), terms.n_resamples)
        return backtest(boards, models, terms.call_terms, bootstrap, within)

    labels = labels_of(boards, terms.call_terms)
    places = Places(boards, standings.leads, standings.queues, standings.first[standing])

    def metrics(rows: Bools) -> ListMetrics:
        scores_of_rows = {name: of_rows[rows] for name, of_rows in scores.items()}
        labels_of_rows = labels[rows].astype(np.float64)
        return metrics_of(scores_of_rows, labels_of_rows, boards.lead[rows], terms.seed)

    return Result(
        whole=backtest_of(called),
        metrics=metrics(np.ones(len(standing), dtype=np.bool_)),
        landmark=metrics(_landmark(standings, boards, terms)),
        changes=changes_of(places, {name: scores[name] for name in names}, labels),
        periods=tuple(
            Period(start, end, backtest_of(called, within))
            for start, end in _periods(terms)
            if (within := boards.during(start, end)).any()
        ),
        retraining=backtest_of({name: called[name] for name in (ONCE, AGAIN)}) if learn else None,
        n_orders_learned=learned,
    )


def boards_of(standings: Standings, span: DaySpan) -> tuple[DailyLists, Ints]:
    """The daily lists of `span`, and for each of their rows the index of its standing. A lead that
    had ordered, even where nobody knew yet, makes no row: nothing is left to predict. Raises
    RecordingError without rows."""
    first = np.maximum(standings.first, span.first_day)
    n_days = np.maximum(np.minimum(standings.end, span.end_day) - first, 0)
    standing = np.repeat(np.arange(len(first)), n_days)
    before = np.cumsum(n_days) - n_days
    day = first[standing] + np.arange(len(standing)) - before[standing]
    ordered = np.where(np.isinf(standings.ordered_ms), np.nan, standings.ordered_ms / DAY_MS)
    is_open = ~(ordered[standings.lead[standing]] <= day)
    standing, day = standing[is_open], day[is_open]
    if not len(day):
        raise RecordingError(
            f"nobody was listed at midnight from {from_ms(span.first_day * DAY_MS):%Y-%m-%d} to "
            f"{from_ms(span.end_day * DAY_MS):%Y-%m-%d}"
        )
    return DailyLists(day, standings.queue[standing], standings.lead[standing], ordered), standing


def known_rows(
    standings: Standings, known_day: int, horizon_days: float, embargo_days: float
) -> tuple[FeatureRows, Floats, Floats]:
    """The training rows of one day: (features, labels, weights) of the lists whose outcomes were
    known on `known_day`, an embargo before it, by time; an order that became known later does not
    count. A standing is at most one row of each label, weighted by its days."""
    ordered_ms = np.where(standings.heard_ms <= known_day * DAY_MS, standings.ordered_ms, np.inf)
    ordered = (ordered_ms / DAY_MS)[standings.lead]
    last = int(np.floor(known_day - horizon_days - embargo_days))
    end = np.minimum(np.minimum(standings.end, last + 1), np.ceil(ordered))
    n_days = np.maximum(end - standings.first, 0)
    first_positive = np.maximum(standings.first, np.ceil(ordered - horizon_days))
    n_positive = np.clip(end - first_positive, 0, n_days)
    parts = [(n_positive, 1.0), (n_days - n_positive, 0.0)]
    at = np.concatenate([np.flatnonzero(n > 0) for n, _ in parts])
    labels = np.concatenate([np.full(np.count_nonzero(n > 0), label) for n, label in parts])
    weights = np.concatenate([n[n > 0] for n, _ in parts]).astype(np.float64)
    order = np.argsort(standings.first[at], kind="stable")
    return standings.features[at[order]], labels[order], weights[order]


def orders_learned(standings: Standings, terms: BacktestTerms) -> dict[int, int]:
    """For the first day of each period, how many orders trees can train on by then. Raises
    RecordingError when there are too few; needs no probabilities."""
    learned = {start: _n_orders(standings, start, terms) for start, _ in _periods(terms)}
    day, n = next(iter(learned.items()))  # they only become more
    if n < MIN_TO_LEARN:
        raise RecordingError(
            f"on {from_ms(day * DAY_MS):%Y-%m-%d} the outcomes of {n} orders were known, trees "
            f"need {MIN_TO_LEARN}: begin later with --from, or leave --retrain-every out"
        )
    return learned


def _retrained(standings: Standings, terms: BacktestTerms, learn: Learn) -> tuple[Floats, Floats]:
    """The probabilities of trees that were trained once, (n,), and of trees that were trained again
    at the beginning of each period, (periods, n), one for each standing."""
    probabilities = []
    for start, _ in _periods(terms):
        rows = known_rows(standings, start, terms.call_terms.horizon_days, terms.embargo_days)
        probabilities.append(learn(*rows)(standings.features))
    return probabilities[0], np.stack(probabilities)


def _n_orders(standings: Standings, day: int, terms: BacktestTerms) -> int:
    is_known = standings.heard_ms <= day * DAY_MS
    last = day - terms.embargo_days
    return int(np.count_nonzero(is_known & (standings.ordered_ms <= last * DAY_MS)))


def _periods(terms: BacktestTerms) -> list[tuple[int, int]]:
    first, end = terms.span.first_day, terms.span.end_day
    step = terms.period_days
    return [(start, min(start + step, end)) for start in range(first, end, step)]


def _landmark(standings: Standings, boards: DailyLists, terms: BacktestTerms) -> Bools:
    """Marks one row for each lead: the first list `landmark_days` after it became known. A lead
    that had come so far before the first judged day is left out."""
    is_landmark = np.zeros(len(boards.day), dtype=np.bool_)
    if terms.landmark_days is not None:
        due_day = np.ceil(standings.known_ms / DAY_MS + terms.landmark_days)[boards.lead]
        is_landmark[:] = boards.day == due_day
    return is_landmark

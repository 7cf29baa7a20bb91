"""Backtests by replay: who stands on which day's list, and what may be learned when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from schemas.codec import topic_of
from schemas.events import EventBase, StageChanged
from schemas.timestamps import DAY_MS, to_ms
from scoring.artifact import load_manifest
from scoring.backtest.daily_calls import CallTerms
from scoring.engines.loading import load_scorer
from scoring.floats import Floats
from streams.backtest.backtest import (
    AGAIN,
    CHANCE,
    ONCE,
    BacktestTerms,
    DaySpan,
    boards_of,
    first_day_of,
    judge_models,
    known_rows,
    span_of,
)
from streams.backtest.known_events import RecordedEvents
from streams.backtest.standings import FeatureRows, Pass, Standings, standings
from streams.recording.event_file import RecordedEvent, RecordingError, write_recording
from streams.recording.folder import open_recording
from streams.recording.record import record_file
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.leads.daily_leads import DAY, START, forty_days, joins, orders


def _seen(
    folder: Path,
    events: Iterable[EventBase],
    late: Callable[[EventBase], float] = lambda event: 0.0,
) -> Standings:
    """Ingested `late` days after it occurred."""
    logged = [
        RecordedEvent(topic_of(one), one.occurred_at + timedelta(days=late(one)), one)
        for one in events
    ]
    write_recording(folder / "log.jsonl", sorted(logged, key=lambda one: one.ingested_at))
    record_file(folder / "log.jsonl", folder / "log", 2)
    recording = open_recording(folder / "log")
    scorer = load_scorer(build_rule_artifact(folder / "rule"))
    end_ms = max(one.last_ms for one in recording.input_ranges() if one.last_ms)
    return standings(
        Pass(
            RecordedEvents(recording, None),
            frozenset(),
            [scorer.rendering],
            [scorer],
            first_day=0,
            end_day=end_ms // DAY_MS + 1,
            end_ms=end_ms,
        )
    )


def _listed(seen: Standings, span: DaySpan) -> list[tuple[int, str]]:
    boards, _ = boards_of(seen, span)
    names = [seen.leads[lead].removeprefix("acme/") for lead in boards.lead]
    return sorted(zip((boards.day - DAY).tolist(), names, strict=True))


def test_a_lead_stands_on_each_midnight_from_its_first_event_to_its_order(tmp_path: Path) -> None:
    seen = _seen(tmp_path, [joins("a", 0.5), orders("a", 3.5), joins("b", 1.5), joins("c", 5)])
    listed = _listed(seen, DaySpan(DAY, DAY + 5))
    assert listed == [(1, "a"), (2, "a"), (2, "b"), (3, "a"), (3, "b"), (4, "b")]


def test_an_order_that_nobody_had_heard_of_leaves_no_row(tmp_path: Path) -> None:
    events = [joins("a", 0.5), orders("a", 1.5), joins("b", 4.5)]
    seen = _seen(tmp_path, events, lambda event: 2.0 * isinstance(event, StageChanged))
    assert _listed(seen, DaySpan(DAY, DAY + 4)) == [(1, "a")]


def test_a_lead_that_changes_queue_stands_on_one_list_a_day(tmp_path: Path) -> None:
    seen = _seen(tmp_path, [joins("a", 0.5), joins("a", 1.5, "south"), joins("b", 3.5)])
    boards, _ = boards_of(seen, DaySpan(DAY, DAY + 4))
    assert [seen.queues[queue] for queue in boards.queue[np.argsort(boards.day)]] == [
        "acme/north", "acme/south", "acme/south",
    ]  # fmt: skip


def test_nothing_is_learned_from_outcomes_that_were_not_known_yet(tmp_path: Path) -> None:
    events = [joins("a", 0.5), orders("a", 4.5), joins("b", 0.5), joins("z", 30)]
    seen = _seen(tmp_path, events, lambda event: 1.0 * isinstance(event, StageChanged))

    def learned(day: int, embargo_days: float = 0.0) -> tuple[float, float]:
        _, labels, weights = known_rows(seen, DAY + day, 3.0, embargo_days)
        return float(weights[labels == 1].sum()), float(weights[labels == 0].sum())

    assert learned(3) == (0.0, 0.0)  # no list's horizon is over
    assert learned(5) == (0.0, 4.0)  # days 1 and 2 of both; the order is not heard of before 5.5
    assert learned(7) == (3.0, 5.0)  # a on days 2, 3, 4 of 1..4; b on 1..4
    assert learned(8, embargo_days=1.0) == learned(7)


def test_days_that_a_model_may_have_learned_from_are_left_out(tmp_path: Path) -> None:
    manifest = load_manifest(build_rule_artifact(tmp_path / "rule"))  # until 2026-02-01
    began, end = to_ms(datetime(2026, 1, 10, tzinfo=UTC)), to_ms(START)
    first = first_day_of({"rule": manifest}, began, end, 14.0)
    assert first * DAY_MS == to_ms(datetime(2026, 2, 15, tzinfo=UTC))
    with pytest.raises(RecordingError, match=r"rule learned from leads until 2026-02-01.*--from"):
        first_day_of({"rule": manifest}, began, end, 40.0)


def test_a_day_whose_horizon_the_recording_does_not_cover_is_not_judged() -> None:
    end_ms = (DAY + 20) * DAY_MS + 5
    assert span_of(DAY, end_ms, 14.0) == DaySpan(DAY, DAY + 7)
    with pytest.raises(RecordingError, match="shorter --horizon"):
        span_of(DAY + 7, end_ms, 14.0)


def _knows(rows: FeatureRows, labels: Floats, weights: Floats) -> Callable[[FeatureRows], Floats]:
    """Learns how common orders are, and no more."""
    share = float(np.average(labels, weights=weights))
    return lambda asked: np.full(len(asked), share)


def test_models_retrained_models_and_chance_are_judged_on_the_same_lists(tmp_path: Path) -> None:
    seen = _seen(tmp_path, forty_days())
    asked = BacktestTerms(
        CallTerms(2, 3.0), DaySpan(DAY + 28, DAY + 38), 0.0, 5, 1, landmark_days=1, n_resamples=50
    )
    result = judge_models(seen, ["rule"], asked, _knows)
    assert list(result.whole.models) == ["rule", ONCE, AGAIN, CHANCE]
    assert [one.first_day - DAY for one in result.periods] == [28, 33]
    assert [len(one.backtest.days) for one in result.periods] == [5, 5]
    assert result.n_orders_learned[DAY + 33] > result.n_orders_learned[DAY + 28] >= 20
    assert result.retraining is not None
    assert [one.ours for one in result.retraining.paired] == [AGAIN]
    assert result.landmark.models["rule"].n_rows == 30
    assert result.landmark.models["rule"].n_positive == 10
    # by their words: NaN is not equal to itself
    assert repr(judge_models(seen, ["rule"], asked, _knows)) == repr(result)


def test_too_few_orders_to_learn_from_are_counted(tmp_path: Path) -> None:
    seen = _seen(tmp_path, forty_days())
    asked = BacktestTerms(CallTerms(2, 3.0), DaySpan(DAY + 8, DAY + 20), 0.0, 30, 1)
    with pytest.raises(RecordingError, match=r"the outcomes of . orders were known, trees need 20"):
        judge_models(seen, ["rule"], asked, _knows)

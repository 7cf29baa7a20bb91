"""What a model's daily lists would have been worth on a history of events: a backtest beside
calling who came in last, as teams without a model do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from schemas.events import EventBase
from schemas.timestamps import DAY_MS, from_ms, to_ms
from scoring.backtest.backtest import Backtest, backtest
from scoring.backtest.daily_calls import CallTerms, calls_made
from scoring.metrics.bootstrap import Bootstrap
from scoring.score import Scorer
from streams.backtest.backtest import DaySpan, boards_of
from streams.backtest.standings import Pass, Standings, standings
from streams.recording.event_file import RecordingError, history
from streams.recording.folder import open_recording
from streams.recording.record import record_events

NEWEST = "calling the newest first"
N_RESAMPLES = 1000


class CannotTell(ValueError):
    """Nothing can be judged; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class ExportTrial:
    """What a trial on a user's export judges, and on which terms. `learned_until`: the model may
    have learned from outcomes up to then; None: not from these leads. At most `last_days` lists are
    judged."""

    scorer: Scorer
    name: str
    terms: CallTerms
    last_days: int
    learned_until: datetime | None = None


def judge_history(
    events: Sequence[EventBase], trial: ExportTrial, advanced: Callable[[int], None]
) -> Backtest:
    """Backtests one model on a history of events. `events` in order of time; what occurred was
    known at once. `advanced` is called with the number of events replayed. Raises CannotTell."""
    if not events:
        raise CannotTell("there is no event")
    span = _span(to_ms(events[0].occurred_at), to_ms(events[-1].occurred_at), trial)
    try:
        all_standings = _standings(events, trial.scorer, span, advanced)
        boards, standing = boards_of(all_standings, span)
    except RecordingError as error:
        raise CannotTell(str(error)) from None
    called = {
        NEWEST: calls_made(boards, all_standings.known_ms[boards.lead], trial.terms),
        trial.name: calls_made(boards, all_standings.probabilities[standing, 0], trial.terms),
    }
    bootstrap = Bootstrap(np.random.default_rng(0), N_RESAMPLES)
    judged = backtest(boards, called, trial.terms, bootstrap)
    if not judged.n_buyers:
        raise CannotTell(
            f"no lead ordered within {trial.terms.horizon_days:g} days of standing on one of the "
            f"{len(judged.days):,} daily lists judged"
        )
    return judged


def _span(first_ms: int, last_ms: int, trial: ExportTrial) -> DaySpan:
    """The last lists whose horizon has passed and that the model did not learn from."""
    horizon_ms = int(trial.terms.horizon_days * DAY_MS)
    end_day = (last_ms - horizon_ms) // DAY_MS + 1
    first_day = max(first_ms // DAY_MS + 1, end_day - trial.last_days)
    free = first_day
    if trial.learned_until is not None:
        free = -(-(to_ms(trial.learned_until) + horizon_ms) // DAY_MS)
    if first_day >= end_day:
        raise CannotTell(
            f"who orders within {trial.terms.horizon_days:g} days of a list is known for no list: "
            f"the exports go from {from_ms(first_ms):%Y-%m-%d} to {from_ms(last_ms):%Y-%m-%d}; "
            "take a longer time"
        )
    if free >= end_day:
        raise CannotTell(
            f"{trial.name} learned from leads until {trial.learned_until:%Y-%m-%d} and their "
            f"outcomes {trial.terms.horizon_days:g} days on; take leads that came in later"
        )
    return DaySpan(max(first_day, free), end_day)


def _standings(
    events: Sequence[EventBase], scorer: Scorer, span: DaySpan, advanced: Callable[[int], None]
) -> Standings:
    with tempfile.TemporaryDirectory(prefix="asllr-try-") as folder:
        path = Path(folder) / "recording"
        record_events(map(history, events), path, n_partitions=1)
        fold_pass = Pass(
            recording=open_recording(path),
            erased=frozenset(),
            renderings=[scorer.rendering],
            scorers=[scorer],
            first_day=span.first_day,
            end_day=span.end_day,
            until_ms=None,
            end_ms=to_ms(events[-1].occurred_at),
        )
        return standings(fold_pass, advanced)

"""What models' daily lists would have been worth on a history of events: a backtest beside
calling who came in last, as teams without a model do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from schemas.events import EventBase
from schemas.timestamps import DAY_MS, from_ms, to_ms
from scoring.backtest.backtest import Backtest, backtest
from scoring.backtest.daily_calls import CallTerms, DailyLists, calls_made
from scoring.floats import Floats
from scoring.metrics.bootstrap import Bootstrap
from scoring.prompt.rendering import Rendering
from scoring.score import Scorer
from streams.backtest.backtest import DaySpan, boards_of
from streams.backtest.known_events import EventsOfExport
from streams.backtest.standings import Pass, Standings, standings
from streams.recording.event_file import RecordingError

NEWEST = "calling the newest first"
N_RESAMPLES = 1000


class CannotTell(ValueError):
    """Nothing can be judged; the message says why, and what would help."""


OWN, RULE, DEMO = "your model", "the rule", "the demo model"


@dataclass(frozen=True, slots=True)
class ExportTrial:
    """What a trial on a user's export judges, and on which terms. `scorers` by name: the first is
    the one that is asked about. `learned_until`: it may have learned from outcomes up to then, and
    those of `from_day` on judge it; None: not from these leads. At most `last_days` lists are
    judged."""

    scorers: Mapping[str, Scorer]
    terms: CallTerms
    last_days: int
    learned_until: datetime | None = None
    from_day: int | None = None

    @property
    def name(self) -> str:
        return next(iter(self.scorers))


@dataclass(frozen=True, slots=True)
class JudgedLists:
    """Daily lists and what each model said of their rows. `leads`: the keys behind the numbers of
    `boards.lead`; `scores` (n_rows,) by name, NEWEST first."""

    boards: DailyLists
    leads: tuple[str, ...]
    scores: Mapping[str, Floats]


def daily_lists(
    events: Sequence[EventBase], trial: ExportTrial, advanced: Callable[[int], None]
) -> JudgedLists:
    """The lists that judge models on a history of events, scored by all of them and by calling the
    newest first. `events` in order of time; what occurred was known at once. `advanced` is called
    with the number of events replayed. Raises CannotTell."""
    if not events:
        raise CannotTell("there is no event")
    span = _span(to_ms(events[0].occurred_at), to_ms(events[-1].occurred_at), trial)
    try:
        all_standings = _standings(events, [*trial.scorers.values()], span, advanced)
        boards, standing = boards_of(all_standings, span)
    except RecordingError as error:
        raise CannotTell(str(error)) from None
    known_ms = all_standings.known_ms[boards.lead]
    scores = {NEWEST: known_ms}
    for i, name in enumerate(trial.scorers):
        of_rows = all_standings.probabilities[standing, i]
        scores[name] = newest_of_equals(of_rows, known_ms) if name == RULE else of_rows
    return JudgedLists(boards, all_standings.leads, scores)


def first_day_within(events: Sequence[EventBase], trial: ExportTrial, most: int) -> tuple[int, int]:
    """The first day from which on the lists of the trial need at most `most` scores of each model,
    and how many they need: of the last day's list where even that needs more. Raises CannotTell."""
    span = _span(to_ms(events[0].occurred_at), to_ms(events[-1].occurred_at), trial)
    renderings = [scorer.rendering for scorer in trial.scorers.values()]
    try:
        stood = _standings(events, (), span, lambda n: None, renderings)
    except RecordingError as error:
        raise CannotTell(str(error)) from None
    ends = np.sort(stood.end[stood.first < span.end_day])
    for day in range(span.first_day, span.end_day):
        n_scores = len(ends) - int(np.searchsorted(ends, day, side="right"))
        if n_scores <= most:
            break
    return day, n_scores


def judge_lists(lists: JudgedLists, terms: CallTerms) -> Backtest:
    """Backtests the scores of daily lists; each is paired with the first. Raises CannotTell."""
    called = {name: calls_made(lists.boards, each, terms) for name, each in lists.scores.items()}
    bootstrap = Bootstrap(np.random.default_rng(0), N_RESAMPLES)
    judged = backtest(lists.boards, called, terms, bootstrap)
    if not judged.n_buyers:
        raise CannotTell(
            f"no lead ordered within {terms.horizon_days:g} days of standing on one of the "
            f"{len(judged.days):,} daily lists judged"
        )
    return judged


def newest_of_equals(scores: Floats, known_ms: Floats) -> Floats:
    """(n,) places by score, and of equal scores the newest lead the greater: a rule has few
    scores, and would call by name."""
    places = np.empty(len(scores))
    places[np.lexsort((known_ms, scores))] = np.arange(len(scores), dtype=np.float64)
    return places


def _span(first_ms: int, last_ms: int, trial: ExportTrial) -> DaySpan:
    """The last lists whose horizon has passed and that the model did not learn from."""
    horizon_ms = int(trial.terms.horizon_days * DAY_MS)
    end_day = (last_ms - horizon_ms) // DAY_MS + 1
    first_day = max(first_ms // DAY_MS + 1, end_day - trial.last_days)
    if trial.from_day is not None:
        first_day = max(first_day, trial.from_day)
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
    events: Sequence[EventBase],
    scorers: Sequence[Scorer],
    span: DaySpan,
    advanced: Callable[[int], None],
    renderings: Sequence[Rendering] = (),
) -> Standings:
    """`renderings`: of models that are not asked."""
    fold_pass = Pass(
        events=EventsOfExport(events),
        erased=frozenset(),
        renderings=[*(scorer.rendering for scorer in scorers), *renderings],
        scorers=scorers,
        first_day=span.first_day,
        end_day=span.end_day,
        end_ms=to_ms(events[-1].occurred_at),
        has_features=False,
    )
    return standings(fold_pass, advanced)

"""What a model's daily lists would have been worth on a history of events, day by day.

Each midnight (UTC) the leads listed then are scored by what was known; who ordered within the
horizon is a buyer. The rival calls who came in last, as teams without a model do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.events import EventBase, Stage, StageChanged
from schemas.ids import LeadKey
from scoring.backtest import Backtest, backtest
from scoring.daily_calls import Boards, Terms, calls_made
from scoring.edges import edges
from scoring.fold import evolve, initial_state, listing, to_ms
from scoring.history import DAY_MS
from scoring.resampling import Bootstrap
from scoring.score import Scorer
from scoring.state import LeadState
from streams.rank_file import score_leads

NEWEST = "calling the newest first"
N_RESAMPLES = 1000


@dataclass(slots=True)
class _Lead:
    """`stale_ms`: from when its probability may be another one; None: only with an event."""

    state: LeadState
    first_ms: int
    probability: float = float("nan")
    stale_ms: int | None = 0


@dataclass(slots=True)
class _Rows:
    day: list[int]
    queue: list[str]
    lead: list[str]
    ours: list[float]
    newest: list[float]


def judge_history(
    events: Sequence[EventBase],
    scorer: Scorer,
    name: str,
    terms: Terms,
    last_days: int,
    advance: Callable[[int], None],
) -> Backtest | None:
    """`events` in order of time. None where no list of the last `last_days` whose horizon has
    passed holds anybody. `advance` hears of each day."""
    if not events:
        return None
    end_ms = to_ms(events[-1].occurred_at)
    end_day = int((end_ms - terms.horizon_days * DAY_MS) // DAY_MS) + 1
    first_day = max(to_ms(events[0].occurred_at) // DAY_MS + 1, end_day - last_days)
    ordered = _first_orders(events)
    rows = _rows(events, scorer, ordered, range(first_day, end_day), advance)
    if not rows.day:
        return None
    leads, lead = np.unique(rows.lead, return_inverse=True)
    queue = np.unique(rows.queue, return_inverse=True)[1]
    when = np.array([ordered.get(one, np.nan) for one in leads])
    boards = Boards(np.array(rows.day), queue, lead, when)
    called = {
        NEWEST: calls_made(boards, np.array(rows.newest), terms),
        name: calls_made(boards, np.array(rows.ours), terms),
    }
    return backtest(boards, called, terms, Bootstrap(np.random.default_rng(0), N_RESAMPLES))


def _first_orders(events: Sequence[EventBase]) -> dict[str, float]:
    """Lead -> days since 1970."""
    found: dict[str, float] = {}
    for event in events:
        if isinstance(event, StageChanged) and event.stage is Stage.ORDER:
            found.setdefault(event.lead, to_ms(event.occurred_at) / DAY_MS)
    return found


def _rows(
    events: Sequence[EventBase],
    scorer: Scorer,
    ordered: dict[str, float],
    days: range,
    advance: Callable[[int], None],
) -> _Rows:
    leads: dict[LeadKey, _Lead] = {}
    rows, at = _Rows([], [], [], [], []), 0
    for day in days:
        while at < len(events) and to_ms(events[at].occurred_at) <= day * DAY_MS:
            _take(leads, events[at])
            at += 1
        queues = {
            key: queue
            for key, one in leads.items()
            if (queue := listing(one.state).queue) and not ordered.get(key.lead, np.inf) <= day
        }
        _rescore(leads, queues, scorer, day * DAY_MS)
        for key, queue in queues.items():
            rows.day.append(day)
            rows.queue.append(queue)
            rows.lead.append(key.lead)
            rows.ours.append(leads[key].probability)
            rows.newest.append(float(leads[key].first_ms))
        advance(1)
    return rows


def _take(leads: dict[LeadKey, _Lead], event: EventBase) -> None:
    before = leads.get(event.key) or _Lead(initial_state(), to_ms(event.occurred_at))
    state = evolve(before.state, event)
    leads[event.key] = _Lead(state, before.first_ms)


def _rescore(
    leads: dict[LeadKey, _Lead], listed: dict[LeadKey, str], scorer: Scorer, now_ms: int
) -> None:
    stale = [key for key in listed if (due := leads[key].stale_ms) is not None and due <= now_ms]
    states = {key: leads[key].state for key in stale}
    for scored in score_leads(stale, states, scorer, now_ms):
        lead = leads[scored.key]
        lead.probability = scored.probability
        lead.stale_ms = edges(scored.state, scored.as_of_ms)

"""A model of a user's own exports: where the past is cut to learn from one part of it and judge by
the other, and what the command needs of whoever fits models.

`streams` knows no training library; the front door fills a `Fitter` in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from schemas.events import MAX_PROFILE_FIELDS, Ending, EventBase, LeadUpserted, StageChanged
from schemas.ids import LeadKey
from schemas.timestamps import DAY_MS, to_ms
from scoring.prompt.rendering import Rendering

LEARNED_ORDERS = 0.6
"""The share of the orders that came before the judged lists: the others judge."""


class CannotLearn(ValueError):
    """No model can be fitted; the message says why, without a full stop."""


@dataclass(frozen=True, slots=True)
class LearnRequest:
    """What is learned. `undated`: who was won, where outcomes have no date. `until_ms`: the events
    were all that was known then; None: at the last of them. `baseline`: a model that was chosen
    before; None: choose one."""

    rendering: Rendering
    undated: Mapping[LeadKey, bool]
    until_ms: int | None = None
    baseline: str | None = None


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A model that was fitted: `baseline` names its kind, `why` says what chose it. `n_leads` and
    `n_orders`: leads it learned from, and of these who ordered."""

    baseline: str
    why: str
    n_leads: int
    n_orders: int


@dataclass(frozen=True, slots=True)
class Fitter:
    """Whoever fits models. `write_rule` writes the rule's artifact to a folder. `hindsight` returns
    the profile fields that know the outcome, with a sentence each; `learn` writes an artifact to a
    folder. Both raise CannotLearn, also where what they need is not installed."""

    write_rule: Callable[[Rendering, Path], None]
    hindsight: Callable[[Sequence[EventBase], LearnRequest], Mapping[str, str]]
    learn: Callable[[Sequence[EventBase], LearnRequest, Path], LearnedModel]


def first_judged_day(events: Sequence[EventBase], horizon_days: float, last_days: int) -> int:
    """The day whose list is the first to be judged: what came before is learned from. Of the lists
    whose horizon has passed at most `last_days`, and so few that LEARNED_ORDERS of the orders came
    before. `events` in order of time, at least one."""
    orders_ms = [to_ms(event.occurred_at) for event in events if is_won(event)]
    end_day = (to_ms(events[-1].occurred_at) - int(horizon_days * DAY_MS)) // DAY_MS + 1
    by_orders = int(np.quantile(orders_ms, LEARNED_ORDERS) // DAY_MS + 1) if orders_ms else 0
    return max(min(by_orders, end_day - 1), end_day - last_days)


def known_before(events: Sequence[EventBase], day: int) -> list[EventBase]:
    """The events that had occurred when `day` began."""
    return [event for event in events if to_ms(event.occurred_at) < day * DAY_MS]


def without_fields(events: Sequence[EventBase], names: Mapping[str, str]) -> Iterator[EventBase]:
    """The events without these profile fields, as if nobody had exported them."""
    for event in events:
        if isinstance(event, LeadUpserted) and not names.keys().isdisjoint(event.profile):
            kept = {name: value for name, value in event.profile.items() if name not in names}
            yield event.model_copy(update={"profile": kept})
        else:
            yield event


def with_creation(events: Sequence[EventBase], name: str) -> Iterator[EventBase]:
    """The events with the moment a lead came in as the profile field `name`: the leads' export has
    it as a column, and how old a lead is tells more than most columns."""
    first: dict[str, datetime] = {}
    for event in events:
        if isinstance(event, LeadUpserted) and len(event.profile) < MAX_PROFILE_FIELDS:
            at = first.setdefault(event.lead, event.occurred_at)
            yield event.model_copy(update={"profile": {**event.profile, name: at.isoformat()}})
        else:
            yield event


def is_won(event: EventBase) -> bool:
    return isinstance(event, StageChanged) and event.ending is Ending.WON

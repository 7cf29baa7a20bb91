"""A user's own exports, cut in time: what is learned from, and the lists that judge. What a model
may not know is taken out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np

from schemas.events import MAX_PROFILE_FIELDS, Ending, EventBase, LeadUpserted, StageChanged
from schemas.timestamps import DAY_MS, to_ms

LEARNED_ORDERS = 0.6
"""The share of the orders that came before the judged lists: the others judge."""


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

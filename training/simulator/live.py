"""The simulated leads as a stream: they arrive with their past, then call, click, order or vanish.

Pure: the caller gives the moment it starts and waits until each event is due. A lead's past keeps
its own times (it is imported late). From its last call on, things happen when they are due, hours
squeezed into seconds, so that ranks move while one watches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schemas.events import EventBase, LeadErased, LeadUpserted, TranscriptReady
from training.simulator.draws import Draws
from training.simulator.emit import SimulatedLead, simulate_lead
from training.simulator.journal import CRM, QA
from training.simulator.world import World

ERASED_SHARE = 0.015
WITHDRAWN_SHARE = 0.02
DRAFT_SHARE = 0.4
"""Shares of the leads that are erased or withdraw consent, and of the calls whose transcript first
comes as a partial revision 0."""

_LIVE_KEY = 1
"""Part of the key of the stream's own draws, which must differ from the leads'."""


@dataclass(frozen=True, slots=True)
class Due:
    """An event that is to be sent `after_s` seconds after the start."""

    after_s: float
    event: EventBase


def live_events(
    seed: int,
    *,
    start: datetime,
    rate_per_s: float,
    n_leads: int | None = None,
    concurrent: int = 100,
    world: World | None = None,
) -> Iterator[Due]:
    """The stream, ascending by `after_s`: Poisson at `rate_per_s`, endless without `n_leads`. At
    any moment up to `concurrent` leads are under way, each in its own order."""
    if rate_per_s <= 0.0:
        raise ValueError(f"rate_per_s {rate_per_s} is not positive")
    world = world or World()
    draws = Draws(seed, 0, _LIVE_KEY)
    under_way: list[list[_Step]] = []
    call_starts: dict[str, datetime] = {}
    n_started, after_s = 0, 0.0
    while under_way or n_leads is None or n_started < n_leads:
        after_s += draws.exponential(1.0 / rate_per_s)
        now = start + timedelta(milliseconds=int(after_s * 1000))
        place = draws.below(concurrent)
        if place >= len(under_way) and (n_leads is None or n_started < n_leads):
            lead = simulate_lead(seed, n_started, world=world, start=start)
            under_way.append(_script(lead, draws, now))
            n_started += 1
        place = min(place, len(under_way) - 1)
        yield Due(after_s, _dated(under_way[place].pop(), now, call_starts))
        if not under_way[place]:
            under_way[place] = under_way[-1]
            under_way.pop()


@dataclass(frozen=True, slots=True)
class _Step:
    """An event of a lead. `occurred_at` None: it occurs when it is due."""

    event: EventBase
    occurred_at: datetime | None


def _dated(step: _Step, now: datetime, call_starts: dict[str, datetime]) -> EventBase:
    """The event with its times. A call keeps the start that its first revision named: it is part of
    its identity."""
    event, at = step.event, step.occurred_at or now
    moved: dict[str, datetime] = {"occurred_at": at}
    if isinstance(event, TranscriptReady):
        started_at = at - (event.occurred_at - event.started_at)
        moved["started_at"] = call_starts.setdefault(event.call_id, started_at)
        if event.final:
            del call_starts[event.call_id]
    return event.model_copy(update=moved)


def _script(lead: SimulatedLead, draws: Draws, arrives_at: datetime) -> list[_Step]:
    """The steps of a lead: its past with its own times, relative to the moment it arrives, then
    what is live. The last step comes first, so that the next one can be popped."""
    last_call_at = lead.calls[-1].started_at
    steps: list[_Step] = []
    for event in lead.events:
        if event.source == QA:
            continue
        if event.occurred_at < last_call_at:
            steps.append(_Step(event, arrives_at - (last_call_at - event.occurred_at)))
        elif isinstance(event, TranscriptReady) and draws.chance(DRAFT_SHARE):
            steps.append(_Step(_draft(event), None))
            steps.append(_Step(event.model_copy(update={"revision": 1}), None))
        else:
            steps.append(_Step(event, None))
    if (farewell := _farewell(lead, draws)) is not None:
        steps.append(_Step(farewell, None))
    return steps[::-1]


def _farewell(lead: SimulatedLead, draws: Draws) -> EventBase | None:
    fate = draws.uniform()
    last = lead.events[-1]
    who: dict[str, Any] = {
        "source": CRM,
        "tenant": last.tenant,
        "lead": lead.lead,
        "occurred_at": last.occurred_at,
    }
    if fate < ERASED_SHARE:
        return LeadErased(id=f"{lead.lead}-erased", **who)
    if fate < ERASED_SHARE + WITHDRAWN_SHARE:
        return LeadUpserted(id=f"{lead.lead}-consent", consent=False, **who)
    return None


def _draft(event: TranscriptReady) -> TranscriptReady:
    """The transcript that ASR has while the call lasts: its first half."""
    half = event.segments[: (len(event.segments) + 1) // 2]
    return event.model_copy(
        update={"id": f"{event.id}-draft", "segments": half, "revision": 0, "final": False}
    )

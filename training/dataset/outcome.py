"""What became of a lead after `as_of`: its label and what it reached, which no model may read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.events import (
    Ending,
    EventBase,
    InteractionLogged,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import to_ms
from scoring.lead.state import LeadState
from training.dataset.ladder import CHANNEL, SPOKEN, STAGE, TALKED, WON


@dataclass(frozen=True, slots=True)
class Label:
    """The outcome of one row. `reached`: marks of what happened, for `training.dataset.ladder`.
    `order_ms`: when the first order within the horizon came, None without one and where outcomes
    have no date."""

    reached: frozenset[str]
    order_ms: int | None

    @property
    def label(self) -> int:
        return int(WON in self.reached)


def outcome_of(
    events: Iterable[EventBase], state: LeadState, as_of_ms: int, horizon_ms: int
) -> Label:
    """The outcome from those of the lead's `events` that occurred after `as_of_ms`, up to and
    including the end of the horizon. `state` is the lead at `as_of_ms`: a report of the stage it is
    already in does not count as a move."""
    reached: set[str] = set()
    order_ms = None
    known_calls = {call.call_id for call in state.transcripts} | {
        fact.call_id for fact in state.facts
    }
    for event in events:
        at_ms = to_ms(event.occurred_at)
        if not as_of_ms < at_ms <= as_of_ms + horizon_ms:
            continue
        match event:
            case StageChanged(ending=Ending.WON):
                order_ms = at_ms if order_ms is None else min(order_ms, at_ms)
            case StageChanged() if event.stage == state.value("stage"):
                continue
        reached.update(_marks(event, as_of_ms, known_calls))
    return Label(frozenset(reached), order_ms)


def _marks(event: EventBase, as_of_ms: int, known_calls: set[str | None]) -> Iterator[str]:
    match event:
        case StageChanged(ending=Ending.WON):
            yield WON
        case StageChanged():
            yield f"{STAGE}{event.stage}"
        case InteractionLogged():
            yield f"{CHANNEL}{event.channel}"
            is_new = event.call_id is None or event.call_id not in known_calls
            if is_new and event.duration_s:
                yield f"{SPOKEN}{event.channel}"
        case TranscriptReady():
            if to_ms(event.started_at) > as_of_ms and event.segments:
                yield TALKED


def is_order(event: EventBase) -> bool:
    return isinstance(event, StageChanged) and event.ending is Ending.WON


def first_order_ms(events: Iterable[EventBase]) -> int | None:
    return min((to_ms(event.occurred_at) for event in events if is_order(event)), default=None)

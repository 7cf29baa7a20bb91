"""What became of a lead after `as_of`: its label and its grade, which no model may read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.events import (
    Channel,
    Ending,
    EventBase,
    InteractionLogged,
    Stage,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import to_ms
from scoring.lead.state import LeadState
from training.dataset.example import Grade

_STAGES: dict[str, Grade] = {
    Stage.CONTACTED: Grade.CONTACTED,
    Stage.VISIT: Grade.VISIT,
    Stage.TEST_DRIVE: Grade.TEST_DRIVE,
    Stage.QUOTE: Grade.QUOTE,
}
_CHANNELS: dict[str, Grade] = {
    Channel.VISIT: Grade.VISIT,
    Channel.TEST_DRIVE: Grade.TEST_DRIVE,
    Channel.QUOTE: Grade.QUOTE,
}


@dataclass(frozen=True, slots=True)
class Label:
    """The outcome of one row. `order_ms`: when the first order within the horizon came, None
    without one and where outcomes have no date."""

    grade: Grade
    order_ms: int | None

    @property
    def label(self) -> int:
        return int(self.grade is Grade.ORDER)


def outcome_of(
    events: Iterable[EventBase], state: LeadState, as_of_ms: int, horizon_ms: int
) -> Label:
    """The outcome from those of the lead's `events` that occurred after `as_of_ms`, up to and
    including the end of the horizon. `state` is the lead at `as_of_ms`: a report of the stage it is
    already in does not count as a move."""
    grade, order_ms = Grade.NOTHING, None
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
        grade = max(grade, _grade(event, as_of_ms, known_calls))
    return Label(grade, order_ms)


def _grade(event: EventBase, as_of_ms: int, known_calls: set[str | None]) -> Grade:
    match event:
        case StageChanged(ending=Ending.WON):
            return Grade.ORDER
        case StageChanged():
            return _STAGES.get(event.stage, Grade.NOTHING)
        case InteractionLogged(channel=Channel.CALL):
            is_new = event.call_id is None or event.call_id not in known_calls
            return Grade.CONTACTED if is_new and event.duration_s else Grade.NOTHING
        case InteractionLogged():
            return _CHANNELS.get(event.channel, Grade.NOTHING)
        case TranscriptReady():
            is_later = to_ms(event.started_at) > as_of_ms
            return Grade.CONTACTED if is_later and event.segments else Grade.NOTHING
        case _:
            return Grade.NOTHING


def is_order(event: EventBase) -> bool:
    return isinstance(event, StageChanged) and event.ending is Ending.WON


def first_order_ms(events: Iterable[EventBase]) -> int | None:
    return min((to_ms(event.occurred_at) for event in events if is_order(event)), default=None)

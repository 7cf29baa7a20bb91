"""Describes an event in a few words, for the person who calls. Speaks of what happened and when;
never repeats what anybody said or what a profile field holds."""

from __future__ import annotations

from typing import assert_never, cast

from schemas.events import (
    Direction,
    Event,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadReopened,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import to_ms
from scoring.lead.fold import lift
from scoring.lead.history import history_of
from scoring.prompt.reason import MAX_TOPICS, REASON_DAYS
from scoring.prompt.rendering import Rendering
from scoring.prompt.sources import age_bin

MAX_FIELDS = 3
"""How many profile fields are named; a form may set sixty."""


def words_of(event: EventBase, as_of_ms: int, rendering: Rendering) -> str:
    """Describes an event in the domain's words: `visit yesterday`, `customer spoke of price and
    timing, call 3 days ago`."""
    happened = cast("Event", event)
    when = ago(to_ms(event.occurred_at), as_of_ms)
    match happened:
        case InteractionLogged():
            return f"{_interaction(happened, rendering)} {when}"
        case TranscriptReady():
            return _transcript(happened, as_of_ms, rendering)
        case LeadUpserted():
            return f"{_upserted(happened)} {when}"
        case StageChanged():
            return f"{_stage(happened.stage, rendering)} {when}"
        case LeadClosed():
            return f"closed {when}"
        case LeadReopened():
            return f"reopened {when}"
        case LeadErased():
            return f"erased {when}"
    assert_never(happened)


def _interaction(event: InteractionLogged, rendering: Rendering) -> str:
    who = "customer" if event.direction is Direction.INBOUND else "we"
    match rendering.channel_kinds.get(event.channel):
        case "milestone" | "click":
            return rendering.channel_words[event.channel]
        case "written":
            return f"{who} wrote"
        case "spoken":
            return f"{who} called"
    return "contact"


def _stage(word: str, rendering: Rendering) -> str:
    """A word that the domain does not name is a producer's text."""
    is_known = word in rendering.stage_names
    return f"stage became {word.replace('_', ' ')}" if is_known else "stage changed"


def _transcript(event: TranscriptReady, as_of_ms: int, rendering: Rendering) -> str:
    when = f"call {ago(to_ms(event.started_at), as_of_ms)}"
    [topics] = rendering.reader.customer_topics(history_of(lift(event)))
    if not topics:
        return f"what was said, {when}"
    return f"customer spoke of {' and '.join(topics[:MAX_TOPICS])}, {when}"


def _upserted(event: LeadUpserted) -> str:
    named = [name.replace("_", " ") for name, value in event.profile.items() if value is not None]
    cleared = [name.replace("_", " ") for name, value in event.profile.items() if value is None]
    parts = [
        f"profile told {_some(named)}" if named else "",
        f"profile lost {_some(cleared)}" if cleared else "",
        "queue set" if event.queue is not None else "",
        "owner set" if event.owner is not None else "",
        {None: "", True: "consent given", False: "consent withdrawn"}[event.consent],
    ]
    return ", ".join(filter(None, parts)) or "lead touched"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MAX_FIELDS} more" if len(names) > MAX_FIELDS else ""
    return ", ".join(names[:MAX_FIELDS]) + more


def ago(at_ms: int, as_of_ms: int) -> str:
    """When something happened, in REASON_DAYS: `today`, `yesterday`, `4 days ago`."""
    days = age_bin(at_ms, as_of_ms, REASON_DAYS)
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")

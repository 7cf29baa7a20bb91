"""Describes an event in a few words, for the person who calls. Speaks of what happened and when;
never repeats what anybody said or what a profile field holds."""

from __future__ import annotations

from typing import assert_never, cast

from schemas.events import (
    Channel,
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
from scoring.prompt.features import AGE_DAYS
from scoring.prompt.reason import KNOWN_STAGES, MAX_TOPICS, MILESTONES, WRITTEN, customer_topics
from scoring.prompt.sources import age_bin

MAX_FIELDS = 3
"""How many profile fields are named; a form may set sixty."""


def words_of(event: EventBase, as_of_ms: int) -> str:
    """Describes an event: `visit yesterday`, `customer spoke of price and timing, call 3 days
    ago`."""
    happened = cast("Event", event)
    ago = _ago(to_ms(event.occurred_at), as_of_ms)
    match happened:
        case InteractionLogged():
            return f"{_interaction(happened)} {ago}"
        case TranscriptReady():
            return _transcript(happened, as_of_ms)
        case LeadUpserted():
            return f"{_upserted(happened)} {ago}"
        case StageChanged():
            return f"{_stage(happened.stage)} {ago}"
        case LeadClosed():
            return f"closed {ago}"
        case LeadReopened():
            return f"reopened {ago}"
        case LeadErased():
            return f"erased {ago}"
    assert_never(happened)


def _interaction(event: InteractionLogged) -> str:
    channel = event.channel
    who = "customer" if event.direction is Direction.INBOUND else "we"
    if channel in MILESTONES:
        return MILESTONES[channel]
    if channel in WRITTEN:
        return f"{who} wrote"
    match channel:
        case Channel.WEB:
            return "click on the website"
        case Channel.APP:
            return "click in the app"
        case Channel.CALL:
            return f"{who} called"
    return "contact"


def _stage(word: str) -> str:
    """A word that asllr does not know is a producer's text."""
    return f"stage became {word.replace('_', ' ')}" if word in KNOWN_STAGES else "stage changed"


def _transcript(event: TranscriptReady, as_of_ms: int) -> str:
    when = f"call {_ago(to_ms(event.started_at), as_of_ms)}"
    topics = [topic for call in history_of(lift(event)).calls for topic in customer_topics(call)]
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


def _ago(at_ms: int, as_of_ms: int) -> str:
    days = age_bin(at_ms, as_of_ms, AGE_DAYS)
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")

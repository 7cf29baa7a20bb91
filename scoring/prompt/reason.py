"""Why a lead stands where it stands, in a few words for the person who calls, and how much is
known of it. Speaks of what happened and when; never repeats what anybody said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schemas.events import Direction
from schemas.outputs import Evidence
from scoring.lead.history import Contact, LeadHistory
from scoring.lead.state import PROFILE
from scoring.prompt.rendering import Rendering
from scoring.prompt.sources import age_bin, age_edges

MAX_CLAUSES = 2
"""A rep reads a reason in seconds."""

MAX_TOPICS = 2
REASON_DAYS = (0, 1, 2, 4, 7, 14, 30, 60, 90)
"""How old things are said to be. Not the domain's ages: "today" must be today in every business."""

SILENCE_DAYS = 14
"""From here on the silence is the news; it is one of REASON_DAYS."""

RECENT_DAYS = 30
"""Milestones older than this explain little."""


def reason(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> str:
    """At most MAX_CLAUSES clauses, what explains most first. Constant between edges."""
    clauses = [
        clause
        for clause in (
            _silence(history, as_of_ms),
            _talk(history, as_of_ms, rendering),
            _milestone(history, as_of_ms, rendering),
            _writing(history, as_of_ms, rendering),
            _unheard_call(history, as_of_ms, rendering),
        )
        if clause
    ]
    return ", ".join(clauses[:MAX_CLAUSES]) or _little(history, rendering)


def reason_edges(history: LeadHistory, rendering: Rendering) -> Iterable[int]:
    """When time alone changes a reason's words."""
    contacts = [
        _last_milestone(history, rendering),
        _last_written(history, rendering),
        _last_unheard_call(history, rendering),
    ]
    moments = [contact.at_ms for contact in contacts if contact]
    moments += [call.started_ms for call in history.calls[-1:]]
    if history.state.contact:
        moments.append(history.state.contact.last_ms)
    return (edge for moment in moments for edge in age_edges(moment, REASON_DAYS))


def evidence(history: LeadHistory, rendering: Rendering) -> Evidence:
    """How much is known, not how good the lead is: what was said weighs most, then contacts,
    profile and progress. What was said in a language without phrases is not known."""
    state = history.state
    n_contacts = sum(is_contact(contact, rendering) for contact in history.contacts)
    known = sum(name.startswith(PROFILE) for name in state.register_names())
    points = (
        2 * any(rendering.reader.customer_topics(history))
        + any(rendering.reader.knows(call.language) for call in history.calls)
        + (n_contacts > 0)
        + (n_contacts > 4)
        + (known > 4)
        + (state.value("stage") in rendering.late_stages)
    )
    if points >= 4:
        return Evidence.HIGH
    return Evidence.MEDIUM if points >= 2 else Evidence.LOW


def _silence(history: LeadHistory, as_of_ms: int) -> str | None:
    if history.state.contact is None:
        return None
    days = age_bin(history.state.contact.last_ms, as_of_ms, REASON_DAYS)
    return f"no contact for {days} days" if days >= SILENCE_DAYS else None


def _talk(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> str | None:
    if not history.calls:
        return None
    call = history.calls[-1]
    days = age_bin(call.started_ms, as_of_ms, REASON_DAYS)
    if days >= RECENT_DAYS:
        return None
    when = {0: "today's call", 1: "yesterday's call"}.get(days, f"call {days} days ago")
    topics = rendering.reader.customer_topics(history)[-1][:MAX_TOPICS]
    return f"customer spoke of {' and '.join(topics)}, {when}" if topics else when


def is_contact(contact: Contact, rendering: Rendering) -> bool:
    """Somebody was in contact with somebody; a channel that the domain does not name is one."""
    return rendering.channel_kinds.get(contact.channel) != "click"


def _milestone(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> str | None:
    last = _last_milestone(history, rendering)
    return _ago(rendering.channel_words[last.channel], last.at_ms, as_of_ms) if last else None


def _last_milestone(history: LeadHistory, rendering: Rendering) -> Contact | None:
    return _last_of("milestone", history.contacts, rendering)


def _writing(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> str | None:
    last = _last_written(history, rendering)
    return _ago("customer wrote", last.at_ms, as_of_ms) if last else None


def _last_written(history: LeadHistory, rendering: Rendering) -> Contact | None:
    inbound = [c for c in history.contacts if c.direction == Direction.INBOUND]
    return _last_of("written", inbound, rendering)


def _unheard_call(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> str | None:
    last = _last_unheard_call(history, rendering)
    return _ago("call without transcript", last.at_ms, as_of_ms) if last else None


def _last_unheard_call(history: LeadHistory, rendering: Rendering) -> Contact | None:
    """None where a later call has a transcript: that one is spoken of."""
    last = _last_of("spoken", history.contacts, rendering)
    return None if last is None or last.has_transcript else last


def _last_of(kind: str, contacts: Sequence[Contact], rendering: Rendering) -> Contact | None:
    kinds = rendering.channel_kinds
    return next((c for c in reversed(contacts) if kinds.get(c.channel) == kind), None)


def _ago(what: str, at_ms: int, as_of_ms: int) -> str | None:
    days = age_bin(at_ms, as_of_ms, REASON_DAYS)
    if days >= RECENT_DAYS:
        return None
    return f"{what} " + {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")


def _little(history: LeadHistory, rendering: Rendering) -> str:
    stage = history.state.value("stage")
    if stage in rendering.stage_names:  # another word is a producer's text
        return f"stage {stage}, no recent contact"
    if any(is_contact(contact, rendering) for contact in history.contacts):
        return "no recent contact"
    return "clicks only, no contact yet" if history.contacts else "no contact yet"

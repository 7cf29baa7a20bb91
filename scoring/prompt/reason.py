"""Why a lead stands where it stands, in a few words for the person who calls, and how much is
known of it. Speaks of what happened and when; never repeats what anybody said."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.events import Channel, Direction, Role, Stage
from schemas.outputs import Evidence
from scoring.lead.history import Call, Contact, LeadHistory
from scoring.lead.state import PROFILE
from scoring.lead.topics import TOPICS
from scoring.prompt.features import AGE_DAYS
from scoring.prompt.sources import age_bin, age_edges

MAX_CLAUSES = 2
"""A rep reads a reason in seconds."""

MAX_TOPICS = 2
SILENCE_DAYS = 14
"""From here on the silence is the news; it is one of AGE_DAYS."""

RECENT_DAYS = 30
"""Milestones older than this explain little."""

MILESTONES = {
    Channel.TEST_DRIVE.value: "test drive",
    Channel.VISIT.value: "visit",
    Channel.QUOTE.value: "quote",
}
LATE_STAGES = (Stage.VISIT.value, Stage.TEST_DRIVE.value, Stage.QUOTE.value)
KNOWN_STAGES = frozenset(stage.value for stage in Stage)
CLICKS = (Channel.WEB.value, Channel.APP.value)
WRITTEN = (Channel.MESSAGE.value, Channel.EMAIL.value)


def reason(history: LeadHistory, as_of_ms: int) -> str:
    """At most MAX_CLAUSES clauses, what explains most first. Constant between edges."""
    clauses = [
        clause
        for clause in (
            _silence(history, as_of_ms),
            _talk(history, as_of_ms),
            _milestone(history, as_of_ms),
            _writing(history, as_of_ms),
            _unheard_call(history, as_of_ms),
        )
        if clause
    ]
    return ", ".join(clauses[:MAX_CLAUSES]) or _little(history)


def reason_edges(history: LeadHistory) -> Iterable[int]:
    """When time alone changes a reason's words."""
    contacts = [_last_milestone(history), _last_written(history), _last_unheard_call(history)]
    moments = [contact.at_ms for contact in contacts if contact]
    moments += [call.started_ms for call in history.calls[-1:]]
    if history.state.contact:
        moments.append(history.state.contact.last_ms)
    return (edge for moment in moments for edge in age_edges(moment, AGE_DAYS))


def evidence(history: LeadHistory) -> Evidence:
    """How much is known, not how good the lead is: what was said weighs most, then contacts,
    profile and progress."""
    state = history.state
    n_contacts = sum(c.channel not in CLICKS for c in history.contacts)
    known = sum(name.startswith(PROFILE) for name in state.register_names())
    points = (
        2 * any(customer_topics(call) for call in history.calls)
        + bool(history.calls)
        + (n_contacts > 0)
        + (n_contacts > 4)
        + (known > 4)
        + (state.value("stage") in LATE_STAGES)
    )
    if points >= 4:
        return Evidence.HIGH
    return Evidence.MEDIUM if points >= 2 else Evidence.LOW


def _silence(history: LeadHistory, as_of_ms: int) -> str | None:
    if history.state.contact is None:
        return None
    days = age_bin(history.state.contact.last_ms, as_of_ms, AGE_DAYS)
    return f"no contact for {days} days" if days >= SILENCE_DAYS else None


def _talk(history: LeadHistory, as_of_ms: int) -> str | None:
    if not history.calls:
        return None
    call = history.calls[-1]
    days = age_bin(call.started_ms, as_of_ms, AGE_DAYS)
    if days >= RECENT_DAYS:
        return None
    when = {0: "today's call", 1: "yesterday's call"}.get(days, f"call {days} days ago")
    topics = customer_topics(call)[:MAX_TOPICS]
    return f"customer spoke of {' and '.join(topics)}, {when}" if topics else when


def customer_topics(call: Call) -> list[str]:
    letters = {
        letter
        for statement in call.statements
        if statement.role == Role.CUSTOMER.value
        for letter in statement.topics
    }
    return [name for letter, name in TOPICS.items() if letter in letters]


def _milestone(history: LeadHistory, as_of_ms: int) -> str | None:
    last = _last_milestone(history)
    return _ago(MILESTONES[last.channel], last.at_ms, as_of_ms) if last else None


def _last_milestone(history: LeadHistory) -> Contact | None:
    return next((c for c in reversed(history.contacts) if c.channel in MILESTONES), None)


def _writing(history: LeadHistory, as_of_ms: int) -> str | None:
    last = _last_written(history)
    return _ago("customer wrote", last.at_ms, as_of_ms) if last else None


def _last_written(history: LeadHistory) -> Contact | None:
    inbound = (
        c
        for c in reversed(history.contacts)
        if c.channel in WRITTEN and c.direction == Direction.INBOUND
    )
    return next(inbound, None)


def _unheard_call(history: LeadHistory, as_of_ms: int) -> str | None:
    last = _last_unheard_call(history)
    return _ago("call without transcript", last.at_ms, as_of_ms) if last else None


def _last_unheard_call(history: LeadHistory) -> Contact | None:
    """None where a later call has a transcript: that one is spoken of."""
    calls = (c for c in reversed(history.contacts) if c.channel == Channel.CALL.value)
    last = next(calls, None)
    return None if last is None or last.has_transcript else last


def _ago(what: str, at_ms: int, as_of_ms: int) -> str | None:
    days = age_bin(at_ms, as_of_ms, AGE_DAYS)
    if days >= RECENT_DAYS:
        return None
    return f"{what} " + {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")


def _little(history: LeadHistory) -> str:
    stage = history.state.value("stage")
    if stage in KNOWN_STAGES:  # another word is a producer's text
        return f"stage {stage}, no recent contact"
    if any(contact.channel not in CLICKS for contact in history.contacts):
        return "no recent contact"
    return "clicks only, no contact yet" if history.contacts else "no contact yet"

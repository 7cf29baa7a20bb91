"""A lead's state as a list of contacts that can be counted: one per interaction or call.

Derived at read time, never stored. A call that the CRM logged and the transcript of it are joined
here by `call_id` and count once. Knows no feature and no clock: ages take `as_of_ms`.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

import msgspec

from schemas.events import Channel
from scoring.lead.state import ID_CHARS, Fact, LeadState, Span
from scoring.lead.summary import Statement, summarise
from scoring.lead.talk import Pieces, Talk, Transcript, Writing


@dataclass(frozen=True, slots=True)
class Contact:
    """One interaction with a lead. `duration_ms` is 0 when nobody measured it."""

    at_ms: int
    channel: str
    direction: str | None
    duration_ms: int
    has_transcript: bool


class Call(Transcript):
    """A call whose transcript came."""

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Those worth reading, which renderer 1 and tables read: chosen when one of them does."""
        return summarise(self)


@dataclass(frozen=True, slots=True)
class LeadHistory:
    """A state with its contacts and calls, oldest first; `calls` has one transcript per call id."""

    state: LeadState
    contacts: tuple[Contact, ...]
    calls: tuple[Call, ...]

    @property
    def talk(self) -> Talk | None:
        """What was said and written, without the texts of contacts that were sent again without
        them. Decided when read: a state that forgot such a text would want back what the text had
        crowded out, and order would matter."""
        talk = self.state.talk
        if talk is None or not (versions := _written(talk)):
            return talk
        latest = {fact.stamp[:ID_CHARS]: (fact.at_ms, fact.stamp) for fact in self.state.facts}
        taken_back = {one for one in versions if latest.get(one[1][:ID_CHARS], one) > one}
        if not taken_back:
            return talk
        transcripts, writings = talk.pieces
        kept = tuple(one for one in writings if one[:2] not in taken_back)
        return Talk.of(Pieces(transcripts, kept)) if transcripts or kept else None

    @property
    def writings(self) -> tuple[Writing, ...]:
        return self.talk.pieces.writings if self.talk else ()

    def stage_since_ms(self) -> int | None:
        """When the lead entered its current stage: the first mention of the stage, or its last
        mention if another stage was reported in between."""
        stage = self.state.register("stage")
        if stage is None:
            return None
        span = self.state.stages.get(str(stage.value), Span(stage.at_ms, stage.at_ms))
        others = (s.last_ms for name, s in self.state.stages.items() if name != stage.value)
        return span.first_ms if max(others, default=span.first_ms) <= span.first_ms else stage.at_ms


def history_of(state: LeadState) -> LeadHistory:
    """Lists what happened to a lead, from its state.

    >>> from schemas.events import InteractionLogged
    >>> from scoring.lead.fold import fold
    >>> visit = InteractionLogged(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1", channel="visit",
    ...     direction="inbound", occurred_at="2026-03-01T09:30:00Z",
    ... )
    >>> [(contact.channel, contact.direction) for contact in history_of(fold([visit])).contacts]
    [('visit', 'inbound')]
    """
    calls = _calls(state.talk) if state.talk else ()
    logged: dict[str, list[Fact]] = {}
    contacts: list[Contact] = []
    for fact in state.facts:
        if fact.channel == Channel.CALL.value and fact.call_id is not None:
            logged.setdefault(fact.call_id, []).append(fact)
        else:
            contacts.append(_contact([fact], None))
    transcripts = {call.call_id: call for call in calls}
    contacts += [_contact(facts, transcripts.get(id_)) for id_, facts in logged.items()]
    contacts += [_contact([], call) for call in calls if call.call_id not in logged]
    contacts.sort(key=lambda c: (c.at_ms, c.channel, c.direction or "", c.duration_ms))
    return LeadHistory(state, tuple(contacts), calls)


class Said(NamedTuple):
    """One thing that was said or written: a call by its id, the text or the note of a contact by
    its event's stamp."""

    kind: Literal["call", "text", "note"]
    name: str


def all_said(history: LeadHistory) -> frozenset[Said]:
    """Everything that was said and written."""
    calls = {Said("call", call.call_id) for call in history.calls}
    texts = {Said("text", one.stamp) for one in history.writings if one.text is not None}
    notes = {Said("note", one.stamp) for one in history.writings if one.note is not None}
    return frozenset(calls | texts | notes)


def without_said(history: LeadHistory, hidden: Set[Said]) -> LeadHistory:
    """The history if nobody had heard or read what is `hidden`. Contacts and their counts stay:
    they are behaviour, not conversation."""
    if not hidden or history.talk is None:
        return history
    pieces = history.talk.pieces
    left = Pieces(
        tuple(one for one in pieces.transcripts if Said("call", one.call_id) not in hidden),
        tuple(one for one in (_unwritten(each, hidden) for each in pieces.writings) if one),
    )
    return replace(
        history,
        state=msgspec.structs.replace(history.state, talk=Talk.of(left) if any(left) else None),
        calls=tuple(one for one in history.calls if Said("call", one.call_id) not in hidden),
    )


def _unwritten(writing: Writing, hidden: Set[Said]) -> Writing | None:
    """None where nothing is left."""
    left = writing._replace(
        text=None if Said("text", writing.stamp) in hidden else writing.text,
        note=None if Said("note", writing.stamp) in hidden else writing.note,
    )
    return None if left.text is None and left.note is None else left


def age_ms(at_ms: int, as_of_ms: int) -> int:
    """Returns the time from `at_ms` to `as_of_ms`, at least 0: an event may be up to 5 minutes
    ahead of its record's clock and then counts as just now."""
    return max(0, as_of_ms - at_ms)


@lru_cache(maxsize=512)
def _written(talk: Talk) -> tuple[tuple[int, str], ...]:
    """(at_ms, stamp) of each writing, so that a talk is not opened for every look at it."""
    return tuple((one.at_ms, one.stamp) for one in talk.pieces.writings)


@lru_cache(maxsize=512)
def _calls(talk: Talk) -> tuple[Call, ...]:
    """Remembered by the digest of what was said: a lead is scored many times between two calls."""
    return tuple(Call(*transcript) for transcript in one_per_call_id(talk.pieces.transcripts))


def one_per_call_id(transcripts: Iterable[Transcript]) -> list[Transcript]:
    """A vendor that corrects a start time sends one call under two identities."""
    best: dict[str, Transcript] = {}
    for one in transcripts:
        other = best.get(one.call_id)
        best[one.call_id] = max(other, one, key=_version) if other else one
    return sorted(best.values(), key=lambda one: (one.started_ms, one.call_id))


def _version(transcript: Transcript) -> tuple[bool, int, int]:
    return transcript.final, transcript.revision, transcript.started_ms


def _contact(facts: list[Fact], call: Call | None) -> Contact:
    """`facts` are what the CRM logged of one interaction, oldest first; the transcript's start is
    the better time, the longest duration the better duration."""
    durations = [fact.duration_s or 0.0 for fact in facts] + ([call.duration_s] if call else [])
    directions = [fact.direction for fact in facts if fact.direction]
    return Contact(
        at_ms=call.started_ms if call else facts[0].at_ms,
        channel=facts[0].channel if facts else Channel.CALL.value,
        direction=directions[-1] if directions else None,
        duration_ms=round(max(durations) * 1000),
        has_transcript=call is not None,
    )

"""Columns from a lead's history beyond the declared features: counts in windows, ages, pace, talk.

Everything is read from the state as it was at the moment, so training knows no more than serving
does. Channels and stages are the words that the rows of the fit have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.events import Channel, Direction, Role
from schemas.timestamps import DAY_MS
from scoring.lead.history import Contact, LeadHistory, history_of
from scoring.lead.state import PROFILE, LeadState
from scoring.lead.summary import Statement
from scoring.prompt.rendering import Rendering, first_rendering
from scoring.prompt.units import TalkReader

WINDOWS_DAYS = (1, 3, 7, 14, 30, 90)
DIRECTIONS = (Direction.INBOUND.value, Direction.OUTBOUND.value)
SPOKEN = (Role.CUSTOMER.value, Role.AGENT.value)
MS_PER_HOUR = 3_600_000


MAX_WORDS = 64
"""Of channels and of stages: a state keeps no more stages."""

BusinessWord = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Named = tuple[str, float]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said in a lead's calls, and the topics by their letters."""

    statements: Sequence[Statement]
    topics: Mapping[str, str]


class Aggregates(BaseModel):
    """The channels and stages that are counted one by one, and whether what was said is counted as
    the artifact's renderer reads it, by the domain's topics; models from before that count by the
    summary and the topics of renderer 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Annotated[tuple[BusinessWord, ...], Field(max_length=MAX_WORDS)] = ()
    stages: Annotated[tuple[BusinessWord, ...], Field(max_length=MAX_WORDS)] = ()

    reads_as_rendered: bool = False

    def column_names(self, rendering: Rendering) -> tuple[str, ...]:
        return _names(self, tuple(self._reader(rendering).topic_names.items()))

    def numbers(self, history: LeadHistory, as_of_ms: int, rendering: Rendering) -> Iterator[float]:
        """One number for each column, NaN = never happened."""
        reader = self._reader(rendering)
        spoken = Spoken(reader.spoken(history), reader.topic_names)
        return (number for _, number in self.named(history, as_of_ms, spoken))

    def _reader(self, rendering: Rendering) -> TalkReader:
        return (rendering if self.reads_as_rendered else first_rendering()).reader

    def named(self, history: LeadHistory, as_of_ms: int, spoken: Spoken) -> Iterator[Named]:
        yield from _counts(history.contacts, self.channels, as_of_ms)
        yield from _ages(history, self.channels, as_of_ms)
        yield from _pace(history.contacts)
        yield from _progress(history, self.stages, as_of_ms)
        yield from _calendar(as_of_ms)
        yield from _talk(history, spoken)


@lru_cache(maxsize=64)
def _names(aggregates: Aggregates, topics: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    nobody = history_of(LeadState())
    return tuple(name for name, _ in aggregates.named(nobody, 0, Spoken((), dict(topics))))


def _counts(contacts: Sequence[Contact], channels: Sequence[str], as_of_ms: int) -> Iterator[Named]:
    for days in WINDOWS_DAYS:
        recent = [c for c in contacts if as_of_ms - c.at_ms < days * DAY_MS]
        last = f"in the last {days} days"
        for channel in channels:
            yield f"{channel} {last}", float(sum(c.channel == channel for c in recent))
        for direction in DIRECTIONS:
            yield f"{direction} {last}", float(sum(c.direction == direction for c in recent))
        yield f"minutes spoken {last}", sum(c.duration_ms for c in recent) / 60_000
        unanswered = sum(not c.duration_ms and c.channel == Channel.CALL.value for c in recent)
        yield f"calls without talk {last}", float(unanswered)


def _ages(history: LeadHistory, channels: Sequence[str], as_of_ms: int) -> Iterator[Named]:
    """Hours since the newest contact of each kind, as numbers and not in the features' words."""

    def hours(what: str, moments: Sequence[int]) -> Named:
        return f"hours since {what}", _hours(moments, as_of_ms)

    contacts = history.contacts
    for channel in channels:
        yield hours(channel, [c.at_ms for c in contacts if c.channel == channel])
    for direction in DIRECTIONS:
        yield hours(direction, [c.at_ms for c in contacts if c.direction == direction])
    yield hours("any contact", [c.at_ms for c in contacts])
    yield hours("a transcript", [call.started_ms for call in history.calls])
    since_ms = history.stage_since_ms()
    yield hours("the stage began", [] if since_ms is None else [since_ms])
    span = history.state.contact
    yield hours("the first contact", [] if span is None else [span.first_ms])


def _hours(moments: Sequence[int], as_of_ms: int) -> float:
    return (as_of_ms - max(moments)) / MS_PER_HOUR if moments else float("nan")


def _pace(contacts: Sequence[Contact]) -> Iterator[Named]:
    moments = np.array([c.at_ms for c in contacts], dtype=np.float64)
    gaps = np.diff(moments) / MS_PER_HOUR
    yield "mean hours between contacts", float(gaps.mean()) if len(gaps) else float("nan")
    yield "hours between the last contacts", float(gaps[-1]) if len(gaps) else float("nan")
    pace = float(gaps[-1] / max(gaps.mean(), 1e-3)) if len(gaps) else float("nan")
    yield "last gap over mean gap", pace
    spoken = [c.duration_ms / 60_000 for c in contacts if c.duration_ms]
    yield "longest talk", max(spoken, default=float("nan"))
    yield "mean talk", float(np.mean(spoken)) if spoken else float("nan")
    yield "last talk", spoken[-1] if spoken else float("nan")


def _progress(history: LeadHistory, stages: Sequence[str], as_of_ms: int) -> Iterator[Named]:
    state = history.state
    for stage in stages:
        span = state.stages.get(stage)
        yield (
            f"hours since stage {stage}",
            _hours([] if span is None else [span.first_ms], as_of_ms),
        )
    yield "stages seen", float(len(state.stages))
    n_fields = sum(name.startswith(PROFILE) for name in state.register_names())
    yield "profile fields known", float(n_fields)
    yield "interactions logged", float(len(state.facts))
    yield "notes", float(sum(fact.has_note for fact in state.facts))
    yield "interactions with codes", float(sum(bool(fact.codes) for fact in state.facts))


def _calendar(as_of_ms: int) -> Iterator[Named]:
    """Habits, not dates."""
    yield "hour of the day, UTC", float(as_of_ms // MS_PER_HOUR % 24)
    yield "day of the week, UTC", float((as_of_ms // DAY_MS + 3) % 7)


def _talk(history: LeadHistory, spoken: Spoken) -> Iterator[Named]:
    """Lengths and turns of the calls, and how often each side came to each topic."""
    calls = history.calls
    yield "transcripts", float(len(calls))
    yield "words transcribed", float(sum(call.n_words for call in calls))
    yield "turns transcribed", float(sum(call.n_segments for call in calls))
    yield "words of the last transcript", float(calls[-1].n_words) if calls else float("nan")
    yield "turns of the last transcript", float(calls[-1].n_segments) if calls else float("nan")
    statements = spoken.statements
    sides = {role: _Side.of(statements, role) for role in SPOKEN}
    for role, side in sides.items():
        yield f"turns of the {role}", side.n_turns
        yield f"words of the {role}", side.n_words
        yield f"questions of the {role}", side.n_questions
        mean = side.n_words / side.n_turns if side.n_turns else float("nan")
        yield f"words a turn of the {role}", mean
    total = sum(side.n_words for side in sides.values())
    share = sides[Role.CUSTOMER.value].n_words / total if total else float("nan")
    yield "the customer's share of the words", share
    for role in SPOKEN:
        for letter, topic in spoken.topics.items():
            n_times = sum(s.role == role and letter in s.topics for s in statements)
            yield f"{role} on {topic}", float(n_times)


@dataclass(frozen=True, slots=True)
class _Side:
    n_turns: float
    n_words: float
    n_questions: float

    @staticmethod
    def of(statements: Sequence[Statement], role: str) -> _Side:
        own = [s.text for s in statements if s.role == role]
        return _Side(
            float(len(own)),
            float(sum(len(text.split()) for text in own)),
            float(sum("?" in text or "？" in text for text in own)),
        )

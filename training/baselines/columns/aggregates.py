"""Columns from a lead's history beyond the declared features: counts in windows, ages, pace, talk.

Everything is read from the state as it was at `as_of`, so it knows no more than serving would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.events import Direction, Role
from schemas.timestamps import DAY_MS
from scoring.lead.history import Contact, LeadHistory, history_of
from scoring.lead.state import PROFILE
from scoring.lead.summary import Statement
from scoring.lead.topics import TOPICS
from scoring.prompt.rendering import Rendering
from training.dataset.example import Examples

WINDOWS_DAYS = (1, 3, 7, 14, 30, 90)
DIRECTIONS = (Direction.INBOUND.value, Direction.OUTBOUND.value)
SPOKEN = (Role.CUSTOMER.value, Role.AGENT.value)
MS_PER_HOUR = 3_600_000


def aggregate_rows(examples: Examples) -> NDArray[np.float32]:
    """All aggregates of each example: (n, columns), NaN = never happened."""
    words = examples.rendering
    rows = [
        list(_numbers(history_of(state), int(as_of_ms), words))
        for state, as_of_ms in zip(examples.states, examples.as_of_ms, strict=True)
    ]
    return np.array(rows, dtype=np.float32).reshape(len(examples), -1)


def _numbers(history: LeadHistory, as_of_ms: int, words: Rendering) -> Iterator[float]:
    yield from _counts(history.contacts, as_of_ms, words)
    yield from _ages(history, as_of_ms, words)
    yield from _pace(history.contacts)
    yield from _progress(history, as_of_ms, words)
    yield from _calendar(as_of_ms)
    yield from _talk(history)


def _counts(contacts: Sequence[Contact], as_of_ms: int, words: Rendering) -> Iterator[float]:
    kinds = words.channel_kinds
    for days in WINDOWS_DAYS:
        recent = [c for c in contacts if as_of_ms - c.at_ms < days * DAY_MS]
        for channel in kinds:
            yield float(sum(c.channel == channel for c in recent))
        for direction in DIRECTIONS:
            yield float(sum(c.direction == direction for c in recent))
        yield sum(c.duration_ms for c in recent) / 60_000
        yield float(sum(not c.duration_ms and kinds.get(c.channel) == "spoken" for c in recent))


def _ages(history: LeadHistory, as_of_ms: int, words: Rendering) -> Iterator[float]:
    """Hours since the newest contact of each kind, as numbers and not in the features' words."""
    contacts = history.contacts
    for channel in words.channel_kinds:
        yield _hours([c.at_ms for c in contacts if c.channel == channel], as_of_ms)
    for direction in DIRECTIONS:
        yield _hours([c.at_ms for c in contacts if c.direction == direction], as_of_ms)
    yield _hours([c.at_ms for c in contacts], as_of_ms)
    yield _hours([call.started_ms for call in history.calls], as_of_ms)
    since_ms = history.stage_since_ms()
    yield _hours([] if since_ms is None else [since_ms], as_of_ms)
    span = history.state.contact
    yield _hours([] if span is None else [span.first_ms], as_of_ms)


def _hours(moments: Sequence[int], as_of_ms: int) -> float:
    return (as_of_ms - max(moments)) / MS_PER_HOUR if moments else float("nan")


def _pace(contacts: Sequence[Contact]) -> Iterator[float]:
    moments = np.array([c.at_ms for c in contacts], dtype=np.float64)
    gaps = np.diff(moments) / MS_PER_HOUR
    yield float(gaps.mean()) if len(gaps) else float("nan")
    yield float(gaps[-1]) if len(gaps) else float("nan")
    yield float(gaps[-1] / max(gaps.mean(), 1e-3)) if len(gaps) else float("nan")
    spoken = [c.duration_ms / 60_000 for c in contacts if c.duration_ms]
    yield max(spoken, default=float("nan"))
    yield float(np.mean(spoken)) if spoken else float("nan")
    yield spoken[-1] if spoken else float("nan")


def _progress(history: LeadHistory, as_of_ms: int, words: Rendering) -> Iterator[float]:
    state = history.state
    for stage in words.domain.stages:
        span = state.stages.get(stage.name)
        yield _hours([] if span is None else [span.first_ms], as_of_ms)
    yield float(len(state.stages))
    yield float(sum(name.startswith(PROFILE) for name in state.register_names()))
    yield float(len(state.facts))
    yield float(sum(fact.has_note for fact in state.facts))
    yield float(sum(bool(fact.codes) for fact in state.facts))


def _calendar(as_of_ms: int) -> Iterator[float]:
    """Hour of the day and day of the week, UTC: habits, not dates."""
    yield float(as_of_ms // MS_PER_HOUR % 24)
    yield float((as_of_ms // DAY_MS + 3) % 7)


def _talk(history: LeadHistory) -> Iterator[float]:
    """Lengths and turns of the calls, and how often each side came to each topic of the summary."""
    yield float(len(history.calls))
    yield float(sum(call.n_words for call in history.calls))
    yield float(sum(call.n_segments for call in history.calls))
    yield float(history.calls[-1].n_words) if history.calls else float("nan")
    yield float(history.calls[-1].n_segments) if history.calls else float("nan")
    statements = [s for call in history.calls for s in call.statements]
    sides = [_Side.of(statements, role) for role in SPOKEN]
    for side in sides:
        yield from (side.n_turns, side.n_words, side.n_questions)
        yield side.n_words / side.n_turns if side.n_turns else float("nan")
    total = sum(side.n_words for side in sides)
    yield sides[0].n_words / total if total else float("nan")
    for role in SPOKEN:
        for letter in TOPICS:
            yield float(sum(s.role == role and letter in s.topics for s in statements))


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

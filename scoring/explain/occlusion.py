"""Measures what one event or one part of what was read adds to a lead's score: the score without
it.

*Without an event* the lead is folded again from all its other events (a fold takes any set of
them), so a visit that replaced an older one brings that one back. *Without a section* every feature
of the section is unknown, or no call was transcribed; the rest stays. *Without a column* an own
field is unknown to columns and prompt, or all counts, or a word was never said. An effect is the
score minus the score without: positive raised it. Effects do not add up, because what two events
both say is lost only without both; the ledger is what adds up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scoring.domain.model import Section
from scoring.engine import EngineInput
from scoring.explain.removal import Removal, of_own_fields, of_section, without
from scoring.explain.whatif import probabilities
from scoring.lead.arrival import Arrival, state_of, without_each
from scoring.lead.history import LeadHistory, all_said, history_of
from scoring.prompt.own_fields import HEADING
from scoring.prompt.prompt import CALLS
from scoring.score import Scorer, prepare

MAX_HEARD = 30
"""How many words of a lead are tried, those of most weight; each costs a score."""


@dataclass(frozen=True, slots=True)
class EventEffect:
    """What one event adds. `arrival` is its first delivery; `probability` is the score without
    it."""

    arrival: Arrival
    probability: float
    effect: float


@dataclass(frozen=True, slots=True)
class SectionEffect:
    """What one section of the prompt adds; `section` is its heading."""

    section: str
    probability: float
    effect: float


@dataclass(frozen=True, slots=True)
class ColumnEffect:
    """What one own field or column adds: a field or code by its name, the counts and times, all
    that was said, or (`is_word`) one word of it."""

    name: str
    is_word: bool
    probability: float
    effect: float


@dataclass(frozen=True, slots=True)
class Occlusion:
    """The effects of all events, sections and columns, largest first; ties in order of arrival.
    `columns` has those that the lead has a value of; none for an artifact that reads declared
    features and what was said only."""

    probability: float
    events: tuple[EventEffect, ...]
    sections: tuple[SectionEffect, ...]
    columns: tuple[ColumnEffect, ...] = ()


def occlude(arrivals: Sequence[Arrival], as_of_ms: int, scorer: Scorer) -> Occlusion:
    """Scores the lead without each event and without each section. `arrivals`: in order, without a
    LeadErased."""
    first = {arrival.identity: arrival for arrival in reversed(arrivals)}
    others = without_each(arrivals)
    history = history_of(state_of(arrivals))
    own = [HEADING] if scorer.rendering.own_fields else []
    names = [*(section.value for section in Section), *own, CALLS]
    read = prepare(history, as_of_ms, scorer.spec, scorer.columns)
    columns = list(_without_columns(history, as_of_ms, scorer, read))
    inputs = [
        read,
        *(scorer.read(history_of(other), as_of_ms) for other in others.values()),
        *(without_section(history, as_of_ms, scorer, name) for name in names),
        *(hidden for _, _, hidden in columns),
    ]
    whole, *values = probabilities(scorer, inputs)
    events = [
        EventEffect(first[identity], value, whole - value)
        for identity, value in zip(others, values[: len(others)], strict=True)
    ]
    sections = [
        SectionEffect(name, value, whole - value)
        for name, value in zip(names, values[len(others) :][: len(names)], strict=True)
    ]
    column_effects = [
        ColumnEffect(name, is_word, value, whole - value)
        for (name, is_word, _), value in zip(
            columns, values[len(others) + len(names) :], strict=True
        )
    ]
    return Occlusion(
        probability=whole,
        events=tuple(sorted(events, key=lambda entry: -abs(entry.effect))),
        sections=tuple(sorted(sections, key=lambda entry: -abs(entry.effect))),
        columns=tuple(sorted(column_effects, key=lambda entry: -abs(entry.effect))),
    )


def _without_columns(
    history: LeadHistory, as_of_ms: int, scorer: Scorer, read: EngineInput
) -> Iterator[tuple[str, bool, EngineInput]]:
    """Each column that hiding changes: its name, whether it is a word, and the input without it."""
    columns = scorer.columns
    in_prompt = scorer.rendering.own_fields
    hidden = [
        (part, False, replace(read, columns=columns.row_without(read.columns, part)))
        for part in dict.fromkeys(columns.part_names)
        if part not in in_prompt
    ]
    hidden += [
        (name, False, without(history, as_of_ms, scorer, Removal(columns=frozenset({name}))))
        for name in in_prompt
    ]
    for word in columns.words.heard(history, MAX_HEARD) if columns.words else []:
        row = columns.row_without_word(history, as_of_ms, word)
        hidden.append((word, True, replace(read, columns=row)))
    for name, is_word, other in hidden:
        is_same = np.array_equal(other.columns, read.columns, equal_nan=True)
        if not is_same or other.prompt != read.prompt:
            yield name, is_word, other


def without_section(history: LeadHistory, as_of_ms: int, scorer: Scorer, name: str) -> EngineInput:
    """Returns the engine's input with one section hidden, by its heading in the prompt.
    Counts of calls are behaviour, not conversation: they stay when what was said is hidden."""
    if name == CALLS:
        return without(history, as_of_ms, scorer, Removal(said=all_said(history)))
    if name == HEADING:
        return without(history, as_of_ms, scorer, of_own_fields(scorer.rendering))
    return without(history, as_of_ms, scorer, of_section(Section(name), scorer.rendering))

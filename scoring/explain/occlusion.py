"""Measures what one event or one part of the prompt adds to a lead's score: the score without it.

*Without an event* the lead is folded again from all its other events (a fold takes any set of
them), so a visit that replaced an older one brings that one back. *Without a section* every feature
of the section is unknown, or no call was transcribed; the rest of the prompt stays. An effect is
the score minus the score without: positive raised it. Effects do not add up, because what two
events both say is lost only without both; the ledger is what adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scoring.domain.model import Section
from scoring.engine import EngineInput
from scoring.explain.whatif import probabilities
from scoring.lead.arrival import Arrival, state_of, without_each
from scoring.lead.history import LeadHistory, history_of
from scoring.prompt.features import feature_vector
from scoring.prompt.prompt import CALLS, PromptSpec, build_prompt
from scoring.score import Scorer, prepare


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
class Occlusion:
    """The effects of all events and sections, largest first; ties in order of arrival."""

    probability: float
    events: tuple[EventEffect, ...]
    sections: tuple[SectionEffect, ...]


def occlude(arrivals: Sequence[Arrival], as_of_ms: int, scorer: Scorer) -> Occlusion:
    """Scores the lead without each event and without each section. `arrivals`: in order, without a
    LeadErased."""
    first = {arrival.identity: arrival for arrival in reversed(arrivals)}
    without = without_each(arrivals)
    history = history_of(state_of(arrivals))
    names = [section.value for section in Section] + [CALLS]
    inputs = [
        prepare(history, as_of_ms, scorer.spec),
        *(prepare(history_of(other), as_of_ms, scorer.spec) for other in without.values()),
        *(without_section(history, as_of_ms, scorer.spec, name) for name in names),
    ]
    whole, *others = probabilities(scorer, inputs)
    events = [
        EventEffect(first[identity], value, whole - value)
        for identity, value in zip(without, others[: len(without)], strict=True)
    ]
    sections = [
        SectionEffect(name, value, whole - value)
        for name, value in zip(names, others[len(without) :], strict=True)
    ]
    return Occlusion(
        probability=whole,
        events=tuple(sorted(events, key=lambda entry: -abs(entry.effect))),
        sections=tuple(sorted(sections, key=lambda entry: -abs(entry.effect))),
    )


def without_section(
    history: LeadHistory, as_of_ms: int, spec: PromptSpec, name: str
) -> EngineInput:
    """Returns the engine's input with one section hidden. `name` is a Section's value or CALLS.
    Counts of calls are behaviour, not conversation: they stay when what was said is hidden."""
    features = feature_vector(history, as_of_ms, spec.rendering)
    if name == CALLS:
        return EngineInput(features, build_prompt(replace(history, calls=()), as_of_ms, spec))
    section = Section(name)
    features[[feature.section is section for feature in spec.rendering.features]] = np.nan
    return EngineInput(features, build_prompt(history, as_of_ms, spec, hidden=section))

"""Renderer 1: the summaries of a lead's calls, newest last, within a budget of tokens.

Each call's part stands alone, so a transcript's revision replaces its own part and no other.
"""

from __future__ import annotations

from collections.abc import Iterable

from scoring.lead.history import LeadHistory
from scoring.lead.summary import units
from scoring.prompt.rendering import Rendering
from scoring.prompt.sources import age_bin, age_edges
from scoring.prompt.units import NO_CALLS, Room, Unit, by_worth, cut, render


def conversation(history: LeadHistory, as_of_ms: int, rendering: Rendering, room: Room) -> str:
    """Returns complete lines, about as long as there is room: the pieces are counted one by one, so
    a caller with a hard limit counts the whole and asks again with less. When not everything fits,
    what was not decisive is dropped first, then what was said again later, oldest first."""
    spoken = _units(history, as_of_ms, rendering)
    budget_tokens, count_tokens = room.tokens, room.count_tokens
    chosen: set[int] = set()
    for index in by_worth(spoken):
        unit = spoken[index]
        is_open = any(spoken[other].call == unit.call for other in chosen)
        cost = count_tokens(unit.lines() if is_open else unit.heading + unit.lines())
        if cost <= budget_tokens:
            budget_tokens -= cost
            chosen.add(index)
        elif not chosen:
            return render(cut(unit, budget_tokens, count_tokens))
    return render(spoken[index] for index in sorted(chosen))


def whole_conversation(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> str:
    """Returns all calls, however long."""
    return render(_units(history, as_of_ms, rendering)) or f"{NO_CALLS}\n"


def conversation_edges(history: LeadHistory, rendering: Rendering) -> Iterable[int]:
    """Returns the moments (ms) at which time alone changes the heading of what was said."""
    if rendering.version == 1:
        moments = [call.started_ms for call in history.calls]
    else:
        talk = history.state.talk
        moments = [block.at_ms for block in rendering.talk_reader.blocks(talk)] if talk else []
    return (edge for moment in moments for edge in age_edges(moment, rendering.age_days))


def _units(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> list[Unit]:
    """Oldest first."""
    words, days = dict(rendering.domain.ages), rendering.age_days
    return [
        Unit(index, f"call {words[age_bin(call.started_ms, as_of_ms, days)]}\n", statements)
        for index, call in enumerate(history.calls)
        for statements in units(call.statements)
    ]

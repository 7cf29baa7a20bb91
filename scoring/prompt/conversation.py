"""Renderer 1: the summaries of a lead's calls, newest last, within a budget of tokens.

Each call's part stands alone, so a transcript's revision replaces its own part and no other.
"""

from __future__ import annotations

from collections.abc import Mapping

from scoring.lead.history import LeadHistory
from scoring.lead.summary import Statement, units
from scoring.lead.talk import Writing
from scoring.lead.topics import TOPICS, has_phrases
from scoring.prompt.declaration import Bins
from scoring.prompt.sources import age_bin
from scoring.prompt.units import NO_CALLS, Room, Unit, by_worth, cut, render, topic_names


class SummaryReader:
    """Reads calls alone, each by its summary. `ages`: the domain's words for them."""

    def __init__(self, ages: Bins) -> None:
        self._ages = {int(bound): word for bound, word in ages}

    def whole(self, history: LeadHistory, as_of_ms: int) -> str:
        return render(self._units(history, as_of_ms)) or f"{NO_CALLS}\n"

    def text(self, history: LeadHistory, as_of_ms: int, room: Room) -> str:
        """The pieces are counted one by one. When not everything fits, what was not decisive is
        dropped first, then what was said again later, oldest first."""
        spoken = self._units(history, as_of_ms)
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

    def moments(self, history: LeadHistory) -> list[int]:
        return [call.started_ms for call in history.calls]

    def knows(self, language: str) -> bool:
        return has_phrases(language)

    @property
    def topic_names(self) -> Mapping[str, str]:
        return TOPICS

    def spoken(self, history: LeadHistory) -> list[Statement]:
        return [statement for call in history.calls for statement in call.statements]

    def customer_topics(self, history: LeadHistory) -> list[list[str]]:
        return [topic_names(call.statements, TOPICS) for call in history.calls]

    def writing_topics(self, writing: Writing) -> list[str]:
        return []

    def _units(self, history: LeadHistory, as_of_ms: int) -> list[Unit]:
        """Oldest first."""
        days = tuple(self._ages)
        return [
            Unit(index, f"call {self._ages[age_bin(call.started_ms, as_of_ms, days)]}\n", unit)
            for index, call in enumerate(history.calls)
            for unit in units(call.statements)
        ]

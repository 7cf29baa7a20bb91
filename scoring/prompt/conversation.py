"""Puts the summaries of a lead's calls together, newest last, within a budget of tokens.

Each call's part stands alone, so a transcript's revision replaces its own part and no other. Lead
text leaves here fenced: on lines of its own, without any character or speaker label that our
layout uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from schemas.events import Role
from scoring.lead.history import LeadHistory
from scoring.lead.summary import Statement, last_words, token_starts, topics_in, units
from scoring.prompt.features import AGE_DAYS, AGES
from scoring.prompt.sources import age_bin, age_edges

RESERVED = str.maketrans(
    {
        **dict.fromkeys("<＜﹤", "‹"),
        **dict.fromkeys(">＞﹥", "›"),
        **dict.fromkeys("|｜", "/"),
        **dict.fromkeys("#＃﹟", "№"),
    }
)
"""Headings begin with `#`, turn markers are `<|...|>`: in lead text neither can occur. The wide
forms go too, because some tokenizers fold them into the plain ones."""

_GAP = r"[\s\u200c\u200d]*"
_COLON = rf"{_GAP}[:\uff1a\ufe55\ufe13\ua789\u2236\u02d0]"
SPEAKERS = re.compile(
    rf"\b({'|'.join([*Role, 'assistant', 'user', 'call'])})(?:{_COLON})+", re.IGNORECASE
)
"""A label inside a line would read like another speaker's turn: it loses its colons, however many
there are, and those that only look like one."""

CUT = "… "
MIN_CUT_TOKENS = 8
"""Fewer words of a statement would not carry what it meant."""

NO_CALLS = "none"


def fence(text: str) -> str:
    """Removes from lead text what would look like our layout: see RESERVED and SPEAKERS."""
    return SPEAKERS.sub(r"\1", text.translate(RESERVED))


@dataclass(frozen=True, slots=True)
class _Unit:
    """Statements that stay together, of the `call`-th call."""

    call: int
    heading: str
    statements: tuple[Statement, ...]

    def lines(self) -> str:
        return "".join(f"{s.role}: {fence(s.text)}\n" for s in self.statements)


def conversation(
    history: LeadHistory, as_of_ms: int, budget_tokens: int, count_tokens: Callable[[str], int]
) -> str:
    """Returns complete lines, about `budget_tokens` long: the pieces are counted one by one, so a
    caller with a hard limit counts the whole and asks again with less. When not everything fits,
    what was not decisive is dropped first, then what was said again later, oldest first."""
    spoken = _units(history, as_of_ms)
    chosen: set[int] = set()
    for index in _by_worth(spoken):
        unit = spoken[index]
        is_open = any(spoken[other].call == unit.call for other in chosen)
        cost = count_tokens(unit.lines() if is_open else unit.heading + unit.lines())
        if cost <= budget_tokens:
            budget_tokens -= cost
            chosen.add(index)
        elif not chosen:
            return _render(_cut(unit, budget_tokens, count_tokens))
    return _render(spoken[index] for index in sorted(chosen))


def whole_conversation(history: LeadHistory, as_of_ms: int) -> str:
    """Returns all calls, however long."""
    return _render(_units(history, as_of_ms)) or f"{NO_CALLS}\n"


def conversation_edges(history: LeadHistory) -> Iterable[int]:
    """Returns the moments (ms) at which time alone changes a call's heading."""
    return (edge for call in history.calls for edge in age_edges(call.started_ms, AGE_DAYS))


def _units(history: LeadHistory, as_of_ms: int) -> list[_Unit]:
    """Oldest first."""
    words = dict(AGES)
    return [
        _Unit(index, f"call {words[age_bin(call.started_ms, as_of_ms, AGE_DAYS)]}\n", statements)
        for index, call in enumerate(history.calls)
        for statements in units(call.statements)
    ]


def _by_worth(spoken: Sequence[_Unit]) -> list[int]:
    """Indices, what to keep first: a customer's last words on a topic, other decisive units, the
    rest; of each the newest first. In a language without phrases that is simply newest first."""
    last = last_words([unit.statements for unit in spoken])

    def worth(index: int) -> tuple[bool, bool, int]:
        return bool(last[index]), bool(topics_in(spoken[index].statements)), index

    return sorted(range(len(spoken)), key=worth, reverse=True)


def _cut(unit: _Unit, budget_tokens: int, count_tokens: Callable[[str], int]) -> list[_Unit]:
    """The most wanted unit alone is too long: it loses the beginning of its first statement."""
    first, *rest = unit.statements
    starts = token_starts(first.text)[1 : 1 - MIN_CUT_TOKENS]
    low, high = 0, len(starts)
    while low < high:
        middle = (low + high) // 2
        if _cost(_from(unit, starts[middle], first, rest), count_tokens) <= budget_tokens:
            high = middle
        else:
            low = middle + 1
    return [_from(unit, starts[low], first, rest)] if low < len(starts) else []


def _from(unit: _Unit, start: int, first: Statement, rest: Sequence[Statement]) -> _Unit:
    shortened = first._replace(text=CUT + first.text[start:])
    return _Unit(unit.call, unit.heading, (shortened, *rest))


def _cost(unit: _Unit, count_tokens: Callable[[str], int]) -> int:
    return count_tokens(unit.heading + unit.lines())


def _render(units_in_order: Iterable[_Unit]) -> str:
    text, call = "", None
    for unit in units_in_order:
        text += unit.lines() if unit.call == call else unit.heading + unit.lines()
        call = unit.call
    return text

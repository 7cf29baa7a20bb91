"""Profile fields of a business's own as lines of a prompt, `name: value`: renderers 2 and 3.

Which fields, and in which order, the domain says; a fit writes it there. Names and values are a
producer's text: each is cut, and fenced like what was said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set

from scoring.lead.history import LeadHistory
from scoring.lead.state import PROFILE, Value
from scoring.lead.talk import one_line
from scoring.lead.values import date_ms
from scoring.prompt.rendering import Rendering
from scoring.prompt.sources import age_bin, age_edges
from scoring.prompt.units import Room, fence

HEADING = "own fields"
NONE = "none"

MAX_NAME_CHARS = 40
"""A longer name is a sentence, and repeated in every prompt."""
MAX_VALUE_CHARS = 60
"""A line of a remark: what people write first is what they mean."""
GAP = "…"

BUDGET_PART = 5
"""A fifth of a prompt's tokens at most is for own fields, so that they never crowd out what was
said: 102 of 512, some 15 fields."""

AHEAD = "ahead"
FAR_MS = 221_845_392_000_000
"""The year 9000: a date beyond it is a mark that there is none."""


def own_lines(
    history: LeadHistory, as_of_ms: int, rendering: Rendering, hidden: Set[str] = frozenset()
) -> dict[str, str]:
    """The line of each own field, by name, that has a value and is not `hidden`; in the domain's
    order."""
    lines = {}
    for name in rendering.own_fields:
        value = history.state.value(f"{PROFILE}{name}")
        text = "" if name in hidden else _text(value, as_of_ms, rendering)
        if text:
            label = _cut(one_line(name), MAX_NAME_CHARS)
            lines[name] = fence(f"{label}: {_cut(text, MAX_VALUE_CHARS)}") + "\n"
    return lines


def fit_lines(lines: Collection[str], room: Room) -> str:
    """Those lines that fit, the first first; one that is too long leaves its room to the next. NONE
    where there are none."""
    text = "".join(lines)
    if text and room.count_tokens(text) > room.tokens:
        text = ""
        for line in lines:
            if room.count_tokens(text + line) <= room.tokens:
                text += line
    return text or f"{NONE}\n"


def own_edges(history: LeadHistory, rendering: Rendering) -> Iterator[int]:
    """When time alone changes a line: a date comes, and grows old."""
    for name in rendering.own_fields:
        at_ms = _date_ms(history.state.value(f"{PROFILE}{name}"))
        if at_ms is not None:
            yield at_ms
            yield from age_edges(at_ms, rendering.age_days)


def _text(value: Value, as_of_ms: int, rendering: Rendering) -> str:
    at_ms = _date_ms(value)
    if at_ms is not None:
        return _age_word(at_ms, as_of_ms, rendering)
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return one_line(value)
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"


def _age_word(at_ms: int, as_of_ms: int, rendering: Rendering) -> str:
    """A date is read as its age: a prompt does not say what day it is."""
    if at_ms > as_of_ms:
        return AHEAD
    age = age_bin(at_ms, as_of_ms, rendering.age_days)
    return next(word for bound, word in rendering.domain.ages if bound == age)


def _date_ms(value: Value) -> int | None:
    at_ms = date_ms(value)
    return at_ms if at_ms is not None and at_ms < FAR_MS else None


def _cut(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else text[: most_chars - len(GAP)].rstrip() + GAP

"""Reads single cells of an export: a person, a number to call, a duration."""

from __future__ import annotations

import re
from typing import Any

from schemas.events import Direction
from schemas.ids import id_of, name_of
from scoring.lead.language import UNDETERMINED

YES = {
    "1",
    "1.0",
    "true",
    "yes",
    "y",
    "order",
    "ordered",
    "won",
    "closed won",
    "sold",
    "bought",
    "gewonnen",
}
NO = {
    "0",
    "0.0",
    "false",
    "no",
    "n",
    "lost",
    "closed lost",
    "cancelled",
    "canceled",
    "rejected",
    "verloren",
}
MAX_CALL_S = 7 * 86_400

MIN_PHONE_DIGITS = 7
SAME_PHONE_DIGITS = 9
"""Two numbers that end in this many equal digits are one number, with the prefix of a country or
without."""

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_DIRECTIONS = {
    **dict.fromkeys(("inbound", "in", "incoming"), Direction.INBOUND),
    **dict.fromkeys(("outbound", "out", "outgoing"), Direction.OUTBOUND),
}


class Unusable(ValueError):
    """A row cannot be an event; the message says why. `value`: the cell that stands against it,
    where one does and it is not a text of a lead."""

    def __init__(self, reason: str, value: Any = None) -> None:
        super().__init__(reason)
        self.value = value


class LeftOut(Unusable):
    """A row is left out: it is in order and says nothing of a lead in the leads' file, as most do
    in a telephone log, or nothing that has happened yet."""


def lead_id(cell: Any) -> str:
    """Makes an id of any name, as the live path does; `own_name` is the inverse. Raises
    Unusable."""
    if isinstance(cell, dict | list):
        raise Unusable("a name is a text or a number, not an object or a list")
    try:
        return id_of(str(cell).strip())
    except ValueError as why:
        raise Unusable(str(why)) from None


def own_name(lead: str) -> str:
    return name_of(lead)


def phone_of(cell: Any) -> str | None:
    """The part of a telephone number that all its spellings have in common; None where the cell has
    no number."""
    digits = re.sub(r"\D", "", str(cell))
    return digits[-SAME_PHONE_DIGITS:] if len(digits) >= MIN_PHONE_DIGITS else None


def direction_of(cell: Any) -> Direction | None:
    return _DIRECTIONS.get(str(cell).strip().lower())


def language_of(cell: Any) -> str:
    """A language as its tag (`de`, `de_AT`); `und` for any other text."""
    return _tag(cell) if is_language(cell) else UNDETERMINED


def is_language(cell: Any) -> bool:
    return bool(_TAG.fullmatch(_tag(cell)))


def _tag(cell: Any) -> str:
    return str(cell).strip().replace("_", "-")


def seconds_of(cell: Any) -> float | None:
    """Reads a duration in seconds: `312`, `5:12` or `0:05:12`. Raises Unusable."""
    if cell is None:
        return None
    seconds = 0.0
    try:
        for part in str(cell).strip().split(":"):
            seconds = 60.0 * seconds + float(part.replace(",", "."))
    except ValueError:
        raise Unusable("duration_s: neither a number of seconds nor h:mm:ss", cell) from None
    if not 0 <= seconds <= MAX_CALL_S:
        raise Unusable(f"duration_s: outside 0 to {MAX_CALL_S:,} seconds", cell)
    return seconds

"""Reads single cells of an export: a name, a direction, a language; and what a row that cannot be
read raises."""

from __future__ import annotations

import re
from typing import Any

from schemas.events import Direction
from scoring.lead.language import UNDETERMINED

MAX_ID_CHARS = 128
"""The longest id; a character that ids do not have takes three for each of its bytes."""

_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_DIRECTIONS = {
    **dict.fromkeys(
        (
            *("inbound", "in", "incoming", "received", "missed", "inbound call", "incoming call"),
            *("eingehend", "eingang", "kommend", "entrant", "entrante", "rx", "terminating"),
        ),
        Direction.INBOUND,
    ),
    **dict.fromkeys(
        (
            *("outbound", "out", "outgoing", "made", "placed", "dialed", "dialled"),
            *("outbound call", "outgoing call", "outbound-api", "outbound-dial", "ausgehend"),
            *("ausgang", "gehend", "sortant", "saliente", "tx", "originating"),
        ),
        Direction.OUTBOUND,
    ),
}


class Unusable(ValueError):
    """A row cannot be an event; the message says why. `value`: the cell that stands against it,
    where one does and it is not a text of a lead."""

    def __init__(self, reason: str, value: Any = None) -> None:
        super().__init__(reason)
        self.value = value


class LeftOut(Unusable):
    """A row is left out: it is in order and says nothing of a lead in the leads' file, as most do
    in a telephone log, or nothing that has happened yet. `advice`: what to do if all rows are."""

    def __init__(self, reason: str, value: Any = None, *, advice: str = "") -> None:
        super().__init__(reason, value)
        self.advice = advice


def lead_id(cell: Any) -> str:
    """Writes any name in the alphabet of ids; `own_name` is the inverse. Raises Unusable."""
    if isinstance(cell, dict | list):
        raise Unusable("a name is a text or a number, not an object or a list")
    parts = re.split(r"([^A-Za-z0-9._-])", str(cell).strip())
    name = "".join(
        "".join(f":{byte:02x}" for byte in part.encode()) if number % 2 else part
        for number, part in enumerate(parts)
    )
    if len(name) > MAX_ID_CHARS:
        raise Unusable(f"a name longer than {MAX_ID_CHARS} characters: is it a note?")
    return name


def own_name(lead: str) -> str:
    raw = re.sub(rb":([0-9a-f]{2})", lambda hit: bytes.fromhex(hit[1].decode()), lead.encode())
    return raw.decode()


def direction_of(cell: Any) -> Direction | None:
    return None if cell is None else _DIRECTIONS.get(str(cell).strip().lower())


def language_of(cell: Any) -> str:
    """A language as its tag (`de`, `de_AT`); `und` for any other text."""
    return _tag(cell) if is_language(cell) else UNDETERMINED


def is_language(cell: Any) -> bool:
    return bool(_TAG.fullmatch(_tag(cell)))


def _tag(cell: Any) -> str:
    return str(cell).strip().replace("_", "-")

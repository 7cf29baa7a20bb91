"""Ids as spreadsheets leave them: what can be undone without a doubt is undone, what cannot is
refused, and other spellings of an id are found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from streams.importers.tables.cells import LeftOut, lead_id

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b-\x1f\x7f]+")
_QUOTED = re.compile(r'=?"(?P<text>[^"]*)"|=T?\("(?P<call>[^"]*)"\)')
_LINK = re.compile(r'=HYPERLINK\("[^"]*"\s*[,;]\s*"(?P<text>[^"]*)"\)', re.IGNORECASE)
_MARKED = re.compile(r"['’](?=[\w.-]*\d)[\w.@+-]+")
"""An apostrophe that keeps a spreadsheet from reading a number; a name such as 't Hooft has one,
too, and no digit."""

_GUID = re.compile(r"[{(]([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})[)}]")
_WHOLE = re.compile(r"(\d+)[.,]0+")
_ROUNDED = re.compile(r"\d([.,]\d+)?E\+\d{1,3}", re.IGNORECASE)
_FIFTEEN = re.compile(r"[A-Za-z0-9]{15}")
_LIST = re.compile(r"\[.*\]|\{[^:]*\}|\(.*\)", re.DOTALL)
_BETWEEN = re.compile(r"[;,|/&\n\r\t]+")
_PARTED = re.compile(r"\d{1,3}((%2C|[.])\d{2,3})*(%2C|[.])\d{3}")
"""Thousands of an id, also as India parts them: `51,54` are two ids."""

_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def id_text(cell: Any) -> str:
    """An id as it was before a spreadsheet took it for something else. Raises LeftOut where that
    cannot be told.

    Example: `="0123"` is `0123`, `4711.0` is `4711`, and `4.91E+11` is refused.
    """
    if isinstance(cell, dict | list):
        return lead_id(cell)  # which refuses it
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", str(cell))).replace("\xa0", " ").strip()
    if found := _QUOTED.fullmatch(text) or _LINK.fullmatch(text):
        text = next(part for part in found.groups() if part is not None).strip()
    elif text.startswith("="):
        raise LeftOut("a formula instead of an id", cell, advice="export values, not formulas")
    if guid := _GUID.fullmatch(text):
        text = guid[1]
    if _MARKED.fullmatch(text):
        text = text[1:]
    if _ROUNDED.fullmatch(text):
        raise LeftOut(
            "an id that a spreadsheet has rounded, which cannot be undone",
            cell,
            advice="format the column of ids as text and export it again",
        )
    if whole := _WHOLE.fullmatch(text):
        text = whole[1]
    return text


def named(cell: Any) -> str:
    """The id of a cell in the alphabet of ids. Raises LeftOut, Unusable."""
    return lead_id(id_text(cell))


def several(cell: Any) -> list[Any]:
    """The parts of a cell that may hold more than one id: a list, or a text as `51;54`, `51, 54`,
    `["51","54"]`; blanks part ids only where each has a digit. A cell of one id is its only part.
    """
    if isinstance(cell, list):
        return [part for part in cell if isinstance(part, str | int | float)]
    text = str(cell).strip()
    if _LIST.fullmatch(text):
        text = text[1:-1]
    parts = [part.strip(" \"'") for part in _BETWEEN.split(text)]
    parts = [part for part in parts if part]
    if len(parts) == 1 and len(words := parts[0].split()) > 1:
        return words if all(any(map(str.isdigit, word)) for word in words) else parts
    return parts


def spellings(cell_id: str) -> Iterator[tuple[str, str]]:
    """What an id may have lost on its way, and what is then left of it: two ids of one such key may
    be the same.

    Source: Salesforce writes ids of 15 characters, in which case counts, and of 18, whose last
    three say which of the others are capitals.
    """
    short = cell_id[:15]
    if len(cell_id) == 18 and cell_id[15:].upper() == _checks(short):
        yield "15 or 18 characters", short
    elif _FIFTEEN.fullmatch(cell_id):
        yield "15 or 18 characters", cell_id
    digits = re.sub("%2C|[.]", "", cell_id) if _PARTED.fullmatch(cell_id) else cell_id
    if digits.isdigit():
        yield "leading zeros or commas", digits.lstrip("0")
    yield "capitals", cell_id.casefold()


def _checks(short: str) -> str:
    if not _FIFTEEN.fullmatch(short):
        return "-"
    return "".join(
        _CHECK[sum(char.isupper() << place for place, char in enumerate(short[at : at + 5]))]
        for at in (0, 5, 10)
    )

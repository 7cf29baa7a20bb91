"""Where a table begins and ends in an export: titles above its column names, totals below its
rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

N_TRIED = 30
"""The column names stand in one of so many first lines that hold anything."""

MAX_FOOT = 20
"""At most so many lines below a table are taken for its totals and remarks."""

_TOTAL = re.compile(
    r"[\W\d]*((grand|sub|gesamt|zwischen)[ -]?)?"
    r"(total|totals|sum|summe|gesamt|insgesamt|count|anzahl|average|durchschnitt|records?|rows?|"
    r"datensätze|zeilen|totale|totaal|suma|somme)[\W\d]*",
    re.IGNORECASE,
)
_UNSEEN = re.compile("[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff]+")


def names_at(lines: Sequence[Sequence[Any]]) -> int:
    """The index of the line of column names: the first that is not much narrower than the wide ones
    are. A few lines that are too wide, since a cell holds the separator, do not count."""
    filled = [sum(bool(str(cell or "").strip()) for cell in line) for line in lines]
    wide = sorted(filled, reverse=True)[min(max(1, len(filled) // 4), len(filled) - 1)]
    return next(at for at, n in enumerate(filled) if 2 * n > wide)


def shown_name(name: Any) -> str:
    """A column's name without what nobody sees: line breaks, marks of direction or order."""
    return re.sub(r"\s+", " ", _UNSEEN.sub(" ", str("" if name is None else name))).strip()


def is_below(row: Mapping[str, Any], n_columns: int) -> bool:
    """Whether a last row is none of the table: a total, or a remark of the program."""
    if n_columns < 2 or len(row) > max(2, n_columns // 2):
        return False
    first = str(next(iter(row.values())))
    if _TOTAL.fullmatch(first):
        return True
    is_sentence = len(first) > 12 and first.count(" ") > 1
    return len(row) == 1 and n_columns > 2 and is_sentence

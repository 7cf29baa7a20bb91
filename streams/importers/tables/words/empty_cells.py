"""Marks of nothing: what programs write into a cell that has no value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

MAX_CHARS = 24
_WORDS = frozenset(
    {
        *(
            "null",
            "(null)",
            "<null>",
            "[null]",
            "\\n",
            "nil",
            "none",
            "(none)",
            "<none>",
            "undefined",
        ),
        *("n/a", "#n/a", "n.a.", "n. a.", "na", "<na>", "#na", "nan", "nat", "-nan", "1.#qnan"),
        *("(blank)", "(blanks)", "(leer)", "(empty)", "<empty>", "(vide)", "not set", "(not set)"),
        *("k.a.", "k. a.", "keine angabe", "not available", "not applicable", "not specified"),
        *("-", "--", "---", "–", "—", "?", "??", "''", '""', "()"),
        *("#ref!", "#value!", "#name?", "#div/0!", "#num!", "#null!", "#wert!", "#bezug!", "#nv"),
        *("#error!", "#spill!", "1/0/1900", "1899-12-30", "1899-12-31", "12/30/1899", "30.12.1899"),
    }
)
_NO_DATE = re.compile(
    r"(0{4}[-/.]0{1,2}[-/.]0{1,2}|0{1,2}[-/.]0{1,2}[-/.]0{4}|0001-01-01|1899-12-3[01]|01/01/0001)"
    r"([ T]0{1,2}:00(:00)?(\.0+)?( ?(Z|[AP]M|[+-]00:?00))?)?"
)
A_COUNTRY_TOO = "NA"
"""Namibia, in a column of countries: those of two capital letters."""

_COUNTRY = re.compile(r"[A-Z]{2}")


def is_nothing(cell: Any) -> bool:
    """Whether a cell is a mark of nothing. `NA` is none in a column of countries, which takes its
    other cells to tell: `is_of_countries`.

    Example: `is_nothing("0000-00-00")` and `is_nothing("#N/A")`.
    """
    if isinstance(cell, float):
        return cell != cell
    if not isinstance(cell, str) or len(cell) > MAX_CHARS:
        return False
    text = cell.strip()
    return text.casefold() in _WORDS or (text[:1] in "01" and bool(_NO_DATE.fullmatch(text)))


def is_of_countries(cells: Iterable[Any]) -> bool:
    """Whether a column holds two capital letters a cell, more than one word of them."""
    words = {str(cell).strip() for cell in cells} - {A_COUNTRY_TOO}
    return len(words) > 1 and all(map(_COUNTRY.fullmatch, words))


def said_of(marks: Counter[str]) -> str:
    """One sentence about all marks of a file, without its name."""
    some = ", ".join(f"{word!r} ({n:,})" for word, n in marks.most_common(8))
    more = f" and {len(marks) - 8:,} more" if len(marks) > 8 else ""
    n = sum(marks.values())
    return f"{n:,} cell{'' if n == 1 else 's'} with a mark of nothing read as empty: {some}{more}"

"""Telephone numbers: the part in which all spellings of one agree, and those that are nobody's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

MIN_PHONE_DIGITS = 7
MAX_PHONE_DIGITS = 18
SAME_PHONE_DIGITS = 9
"""Two numbers that end in this many equal digits are one number, with the prefix of a country or
without."""

MANY_CALLS = 30
TIMES_THE_NEXT = 10
"""A number with so many calls, and so many times those of any other, may be a switchboard."""

_ROUNDED = re.compile(r"\+?\d([.,]\d+)?E\+\d{1,3}", re.IGNORECASE)
_EXTENSION = re.compile(
    r"(\b|(?<=\d))\s*(ext|extension|x|durchwahl|dw|app)\.?:?\s*\d{1,6}\s*$", re.I
)
_SEVERAL = re.compile(r"[;,|\n]| (?:or|oder|und|and|ou) ")
_COUNTING = "0123456789012345678909876543210987654321"


def phones_of(cell: Any) -> tuple[str, ...]:
    """The numbers of a cell, each as its last digits, which all its spellings have in common. None
    is one that a spreadsheet has rounded, and none a placeholder: a repeated digit, or counting."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell)[:200].strip()
    parts = _SEVERAL.split(text) if len(re.sub(r"\D", "", text)) > MAX_PHONE_DIGITS else [text]
    found = (phone for part in parts if (phone := _phone(part)) is not None)
    return tuple(dict.fromkeys(found))


def phone_of(cell: Any) -> str | None:
    """The first number of a cell; None where it has none."""
    return next(iter(phones_of(cell)), None)


def _phone(text: str) -> str | None:
    text = _EXTENSION.sub("", re.sub(r"\.0$", "", text.strip()))
    if _ROUNDED.fullmatch(text):
        return None
    digits = re.sub(r"\D", "", text)
    if not MIN_PHONE_DIGITS <= len(digits) <= MAX_PHONE_DIGITS:
        return None
    same = digits[-SAME_PHONE_DIGITS:]
    is_placeholder = len(set(same)) == 1 or same in _COUNTING or digits.lstrip("0") in _COUNTING
    return None if is_placeholder else same


def busy_number(numbers: Iterable[Any]) -> tuple[str, int] | None:
    """A number with far more calls than any other, as it is first written, and how many; None where
    there is none. `numbers`: a cell a call.

    Example: 60 calls of a withheld number that a switch writes as the firm's own.
    """
    written: dict[str, str] = {}
    calls: Counter[str] = Counter()
    for cell in numbers:
        for phone in phones_of(cell):
            written.setdefault(phone, str(cell).strip()[:40])
            calls[phone] += 1
    ranked = calls.most_common(2)
    if not ranked or ranked[0][1] < MANY_CALLS:
        return None
    following = ranked[1][1] if len(ranked) > 1 else 1
    phone, n_calls = ranked[0]
    return (written[phone], n_calls) if n_calls >= TIMES_THE_NEXT * following else None

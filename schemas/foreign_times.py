"""What is wrong with a time that is not RFC 3339, and what to send instead. Pure; quotes no value.

Facts from the documents of what writes them: `Date.now()` (ECMAScript), `time.time()` (Python),
`System.currentTimeMillis()` (Java), `datetime.isoformat()` of a time without a zone.
"""

from __future__ import annotations

import re
from typing import Any

_is_number = re.compile(r"\s*-?(?P<whole>\d{1,19})(?:\.\d+)?\s*").fullmatch
_is_date = re.compile(r"\d{4}-\d\d-\d\d").fullmatch
_has_no_zone = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?").fullmatch

_UNITS = ((11, "seconds", ""), (14, "milliseconds", " / 1e3"), (17, "microseconds", " / 1e6"))
"""Digits of a moment of this century, at most; the unit; what makes it seconds."""

_EXAMPLE = "2026-01-31T09:30:00Z"
_FIX_ZONE = (
    "end it with Z or an offset such as +01:00: datetime.now(UTC).isoformat() in Python, "
    "Instant.toString() in Java, DateTimeOffset and format 'o' in .NET"
)


def about_time(value: Any) -> tuple[str, str]:
    """What is wrong with a time, and how to mend the producer.

    >>> about_time("2026-01-31T09:30:00")[0]
    'is a time without a zone'
    """
    if value is None:
        return "is missing", f"send when it happened, such as {_EXAMPLE}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:.0f}" if abs(value) < 1e19 else ""
    if not isinstance(value, str):
        return "is not a text", f"send a text such as {_EXAMPLE}"
    if number := _is_number(value):
        return _about_number(number["whole"])
    if _is_date(value):
        return "is a day without a time", f"send the moment, such as {_EXAMPLE}"
    if _has_no_zone(value):
        return "is a time without a zone", _FIX_ZONE
    return (
        "is not an RFC 3339 time from 1970 to 2999",
        f"send one such as {_EXAMPLE}, with a T between day and time and an offset at the end",
    )


def _about_number(digits: str) -> tuple[str, str]:
    unit, to_s = next(
        ((unit, to_s) for most, unit, to_s in _UNITS if len(digits) <= most),
        ("nanoseconds", " / 1e9"),
    )
    return (
        f"is a number, as of {unit} since 1970",
        f"send {_EXAMPLE} as text: datetime.fromtimestamp(t{to_s}, UTC).isoformat() in Python, "
        "new Date(t).toISOString() in JavaScript, Instant.ofEpochMilli(t).toString() in Java (both "
        "of milliseconds)",
    )

"""What the value of a profile field stands for: a number or a date, however it was sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.timestamps import to_ms
from scoring.lead.state import Value

UNKNOWN = float("nan")

_DATE = re.compile(
    r"([0-9]{4})([-/._])([0-9]{2})\2([0-9]{2})"
    r"([T ][0-9]{2}:[0-9]{2}[0-9:.]{0,13}(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
"""Year, month and day in this order, which is the only one that cannot be mistaken."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


def number_of(value: Value) -> float:
    """A number, or text that is nothing else; NaN for anything else."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else UNKNOWN
    return UNKNOWN if value is None else float(value)


def date_ms(value: Value) -> int | None:
    """The moment of a text that is a date, year first, or an ISO 8601 time, UTC where it names no
    offset; None for anything else."""
    if not isinstance(value, str) or not (match := _DATE.fullmatch(value.strip())):
        return None
    year, _, month, day, time, _ = match.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{year}-{month}-{day}{time}")
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None

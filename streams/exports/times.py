"""Times as exports write them. Day and month are never guessed where both readings are possible."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any

ISO, EPOCH_S, EPOCH_MS = "iso", "epoch-s", "epoch-ms"
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
FORMATS = (ISO, EPOCH_S, EPOCH_MS, *(date + clock for date in _DATES for clock in _CLOCKS))
_YEARS = range(1990, 2100)


def parse_time(value: Any, format_: str, zone: tzinfo) -> datetime:
    """In UTC, to the millisecond; `zone` is for times without an offset. Raises ValueError."""
    try:
        moment = _parse(value, format_)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"no time in the format {format_}") from None
    if moment.year not in _YEARS:
        raise ValueError(f"the year {moment.year} is outside {_YEARS[0]} to {_YEARS[-1]}")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _parse(value: Any, format_: str) -> datetime:
    if format_ == ISO:
        return datetime.fromisoformat(str(value).strip())
    if format_ in (EPOCH_S, EPOCH_MS):
        return datetime.fromtimestamp(float(value) / (1 if format_ == EPOCH_S else 1000), UTC)
    return datetime.strptime(str(value).strip(), format_)  # noqa: DTZ007  # the zone comes after


def possible_formats(values: Iterable[Any]) -> list[str]:
    """Those that read nineteen in twenty of `values`."""
    sample = list(values)
    return [
        format_
        for format_ in FORMATS
        if sum(_reads(value, format_) for value in sample) >= max(1, 0.95 * len(sample))
    ]


def _reads(value: Any, format_: str) -> bool:
    try:
        parse_time(value, format_, UTC)
    except ValueError:
        return False
    return True

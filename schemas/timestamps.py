"""Turns datetimes into milliseconds since 1970 and back: the one place that does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_MILLISECOND = timedelta(milliseconds=1)


def to_ms(time: datetime) -> int:
    """Whole milliseconds since 1970, rounded down: the precision of state and order.

    >>> to_ms(datetime(2026, 1, 1, tzinfo=UTC))
    1767225600000
    """
    return (time - EPOCH) // _MILLISECOND


def from_ms(time_ms: int) -> datetime:
    """Exact inverse of `to_ms` for whole milliseconds.

    >>> from_ms(1767225600000).isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    return EPOCH + timedelta(milliseconds=time_ms)


def to_text(time_ms: int) -> str:
    """Writes a time for people and scripts, to the second.

    >>> to_text(1767225600999)
    '2026-01-01T00:00:00Z'
    """
    return from_ms(time_ms).isoformat(timespec="seconds").replace("+00:00", "Z")

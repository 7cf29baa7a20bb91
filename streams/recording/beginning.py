"""Where the input topics begin; refuses a time before that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.timestamps import from_ms
from streams.recording.event_file import RecordingError


class FirstRecord(NamedTuple):
    moment_ms: int
    topic: str
    partition: int


def require_begun(until_ms: int, firsts: Iterable[FirstRecord], where: str) -> None:
    """Checks that something had happened by then. Raises RecordingError when all of `firsts`, one
    of each partition that has any, came after `until_ms`, or when there is none."""
    first = min(firsts, default=None)
    if first is None:
        raise RecordingError(f"{where} has no records of the input topics")
    if until_ms < first.moment_ms:
        raise RecordingError(
            f"as of {from_ms(until_ms).isoformat()} nothing had happened: the first record of "
            f"{where} is of {from_ms(first.moment_ms).isoformat()}, on "
            f"{first.topic}/{first.partition}"
        )

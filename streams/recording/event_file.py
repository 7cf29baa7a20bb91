"""The event file: a file of events as a broker would have kept them, one JSON object a line.

    {"topic": "crm.events", "ingested_at": "2026-01-31T09:30:00.250Z", "event": {CloudEvent}}

`event` is a structured CloudEvent. Lines stand in the order of the file's maker, which no reader
may rely on. A name that ends in `.gz` is compressed. Imported history has `ingested_at` equal to
`occurred_at`. Written by `asllr simulate` and `asllr import`, read by `asllr rank`.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from schemas.codec import structured, topic_of
from schemas.events import EventBase, Timestamp
from schemas.record_check import BadRecord, read_recorded
from schemas.timestamps import to_ms
from schemas.topics import MAX_RECORD_BYTES
from streams.whole_file import whole_file

MAX_LINE_BYTES = 2 * MAX_RECORD_BYTES
"""The longest line, so that memory is bounded; the envelope is small beside the largest record."""

REPORT_EVERY = 1_000
"""How many lines there are between two reports of progress."""

_timestamp: TypeAdapter[datetime] = TypeAdapter(Timestamp)


class RecordingError(ValueError):
    """A line is not a recorded event, or a file cannot be read to its end. The message begins with
    `file:line` and quotes no lead text."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    topic: str
    ingested_at: datetime
    event: EventBase


def history(event: EventBase) -> RecordedEvent:
    """Records `event` as if it had been ingested at the moment it occurred."""
    return RecordedEvent(topic_of(event), event.occurred_at, event)


def line_of(recorded: RecordedEvent) -> bytes:
    """Writes an event as one line with its line break. Equal events give equal bytes."""
    ingested_at = recorded.ingested_at.isoformat().replace("+00:00", "Z")
    event = structured(recorded.event)
    return to_json({"topic": recorded.topic, "ingested_at": ingested_at, "event": event}) + b"\n"


def write_recording(path: Path, recorded: Iterable[RecordedEvent]) -> int:
    """Writes all of `recorded`; returns how many. The file appears complete or not at all, and
    the same events give the same bytes, compressed or not."""
    n = 0
    with whole_file(path) as part, part.open("wb") as raw, _compressed(raw, path) as file:
        for one in recorded:
            file.write(line_of(one))
            n += 1
    return n


def read_recording(
    path: Path,
    advanced: Callable[[int], None] = lambda n: None,
    mended: Callable[[str], None] = lambda what: None,
) -> Iterator[RecordedEvent]:
    """The recorded events in file order, one line in memory at a time. `advanced` is called with
    the number of bytes read of the file, compressed ones where it is; `mended` with where and what
    for each event of which a part was mended. Raises RecordingError at the first line that is not
    one, OSError when the file cannot be opened."""
    number, reported = 0, 0
    with path.open("rb") as raw, _decompressed(raw, path) as file:
        while True:
            if number % REPORT_EVERY == REPORT_EVERY - 1:
                advanced(raw.tell() - reported)
                reported = raw.tell()
            number += 1
            try:
                line = file.readline(MAX_LINE_BYTES + 1)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise RecordingError(f"{path}:{number}: damaged gzip file: {error}") from error
            if not line:
                advanced(raw.tell() - reported)
                return
            if line.strip():
                yield parse_line(line, f"{path}:{number}", mended)


def parse_line(
    line: bytes, where: str, mended: Callable[[str], None] = lambda what: None
) -> RecordedEvent:
    """Reads one line; the inverse of `line_of`. Raises RecordingError, which begins with
    `where`."""
    if len(line) > MAX_LINE_BYTES:
        raise RecordingError(f"{where}: line longer than {MAX_LINE_BYTES} bytes")
    try:
        outer = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        raise RecordingError(f"{where}: not JSON: {error}") from None
    match outer:
        case {"topic": str(topic), "ingested_at": str(time), "event": dict(event)}:
            return _recorded(topic, time, event, where, mended)
        case _:
            raise RecordingError(f"{where}: expected an object with topic, ingested_at and event")


def _recorded(
    topic: str, time: str, event: dict[str, Any], where: str, mended: Callable[[str], None]
) -> RecordedEvent:
    try:
        ingested_at = _timestamp.validate_python(time)
        reading = read_recorded(topic, to_ms(ingested_at), event)
    except ValidationError:
        raise RecordingError(f"{where}: ingested_at is not an RFC 3339 time") from None
    except BadRecord as bad:
        raise RecordingError(f"{where}: {bad}; {bad.fix}") from None
    if reading.mended:
        first = reading.mended[0]
        mended(f"{where}: {first.path}: {first.what}")
    return RecordedEvent(topic, ingested_at, reading.event)


@contextmanager
def _decompressed(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".gz":
        yield raw
        return
    with gzip.GzipFile(fileobj=raw) as file:
        yield file  # type: ignore[misc]  # as above


@contextmanager
def _compressed(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Opens a gzip file for writing, without the file name and time that gzip would put into the
    bytes."""
    if path.suffix != ".gz":
        yield raw
        return
    with gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        yield file  # type: ignore[misc]  # GzipFile writes bytes, typeshed does not call it IO

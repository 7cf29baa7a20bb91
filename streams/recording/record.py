"""Makes a recording from ranges of Kafka's topics, or from a file of events."""

from __future__ import annotations

import heapq
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from pathlib import Path

from confluent_kafka import Consumer

from schemas.codec import Record, encode
from schemas.partitioner import partition_for
from schemas.timestamps import to_ms
from schemas.topics import INPUTS
from streams.recording.beginning import require_begun
from streams.recording.event_file import RecordedEvent, line_of, parse_line, read_recording
from streams.recording.folder import LogRange, RecordingManifest, RecordingWriter, new_folder
from streams.recording.kafka_range import (
    RangeMissing,
    Wanted,
    find_ranges,
    first_records,
    missing_of,
    read_ranges,
)

SORTED_AT_ONCE = 50_000
"""How many events of a file are in memory together while it is put in order."""


def record_kafka(
    consumer: Consumer,
    out: Path,
    wanted: Wanted,
    n_partitions: int,
    *,
    accept_missing: bool = False,
    progress: Callable[[int], Callable[[int], None]] = lambda total: lambda n: None,
) -> RecordingManifest:
    """Records what Kafka holds. Raises RangeMissing before anything is read when retention has
    taken some of what is asked for and `accept_missing` is not set, TopicsUnusable, RecordingError,
    also when nothing had happened by the end that is asked for. `progress` is called with the
    number of offsets and returns a function for the number of those passed."""
    ranges = find_ranges(consumer, wanted, n_partitions)
    missing = missing_of(consumer, ranges, wanted)
    if missing and not accept_missing:
        raise RangeMissing(missing)
    inputs = {topic.name for topic in INPUTS}
    is_empty = all(one.first == one.end for one in ranges if one.topic in inputs)
    if is_empty and wanted.until_ms is not None:
        require_begun(wanted.until_ms - 1, first_records(consumer, ranges), "Kafka")
    total = sum(one.end - max(one.first, one.log_start) for one in ranges)
    with new_folder(out) as folder:
        writer = RecordingWriter(folder)
        for record in read_ranges(consumer, ranges, progress(total)):
            writer.add(record)
        return writer.close(n_partitions, ranges, missing)


def record_file(
    path: Path,
    out: Path,
    n_partitions: int,
    *,
    advanced: Callable[[int], None] = lambda n: None,
    progress: Callable[[int], Callable[[int], None]] = lambda total: lambda n: None,
    mended: Callable[[str], None] = lambda what: None,
) -> RecordingManifest:
    """Records the events of the file at `path`, by time, then by line. `advanced` is called with
    the number of bytes read; then `progress` with the number of events, and returns a function for
    the number of those in place; `mended` as for `read_recording`. Raises RecordingError,
    OSError."""
    n_read = 0

    def counted() -> Iterator[RecordedEvent]:
        nonlocal n_read
        for event in read_recording(path, advanced, mended):
            n_read += 1
            yield event

    def in_place() -> Iterator[RecordedEvent]:
        placed: Callable[[int], None] | None = None
        for event in in_order(counted()):
            placed = placed or progress(n_read)  # all are read before the first is in place
            yield event
            placed(1)

    return record_events(in_place(), out, n_partitions)


def record_events(
    recorded: Iterable[RecordedEvent], out: Path, n_partitions: int
) -> RecordingManifest:
    """Records events as the input topics would have held them if each had arrived when it was
    ingested. `recorded` is in the order of that time. Raises RecordingError, OSError."""
    with new_folder(out) as folder:
        writer = RecordingWriter(folder)
        ends: dict[tuple[str, int], int] = defaultdict(int)
        for event in recorded:
            record = as_record(event, n_partitions)
            place = record.topic, record.partition
            writer.add(record._replace(offset=ends[place]))
            ends[place] += 1
        return writer.close(n_partitions, whole_ranges(ends, n_partitions))


def whole_ranges(ends: dict[tuple[str, int], int], n_partitions: int) -> Iterator[LogRange]:
    for topic in INPUTS:
        for partition in range(n_partitions):
            end = ends.get((topic.name, partition), 0)
            yield LogRange(topic=topic.name, partition=partition, log_start=0, first=0, end=end)


def as_record(recorded: RecordedEvent, n_partitions: int) -> Record:
    """The record of an event, without its offset, which the caller gives."""
    key, value, headers = encode(recorded.event)
    partition = partition_for(key, n_partitions)
    time_ms = to_ms(recorded.ingested_at)
    return Record(recorded.topic, partition, 0, time_ms, key, value, tuple(headers))


def in_order(recorded: Iterable[RecordedEvent]) -> Iterator[RecordedEvent]:
    """Sorts events by time of ingestion; those of equal times keep their order. Memory holds
    SORTED_AT_ONCE of them, the rest waits in temporary files."""
    with ExitStack() as files:
        runs = []
        n = 0
        remaining = iter(recorded)
        while batch := list(islice(remaining, SORTED_AT_ONCE)):
            run = files.enter_context(tempfile.TemporaryFile())
            for number, one in sorted(enumerate(batch, start=n), key=_time_then_line):
                run.write(b"%s %012d %s" % (_sortable(one.ingested_at), number, line_of(one)))
            run.seek(0)
            runs.append(run)
            n += len(batch)
        for line in heapq.merge(*runs):
            yield parse_line(line.split(b" ", 2)[2], "sorted recording")


def _time_then_line(numbered: tuple[int, RecordedEvent]) -> tuple[datetime, int]:
    number, recorded = numbered
    return recorded.ingested_at, number


def _sortable(time: datetime) -> bytes:
    return time.strftime("%Y%m%dT%H%M%S.%f").encode()

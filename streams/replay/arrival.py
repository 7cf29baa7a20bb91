"""The order in which a replay sees the records of several topics; nothing about what they hold.

Within a partition offsets decide, as they did in production; between partitions time does. A
partition's time is its largest timestamp so far: after a change of leader a broker may stamp a
record earlier than the one before it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.codec import Record
from schemas.events import EventBase


class Place(NamedTuple):
    """The position of something in a replay; no two things of one replay share a place. `topic` is
    empty for what time alone caused, which comes before what arrives at that moment. `step` counts
    what one record causes."""

    moment_ms: int
    topic: str
    partition: int
    offset: int
    step: int = 0


class PlacedRecord(NamedTuple):
    """A record and its place. A replay takes records in the order of their places."""

    place: Place
    record: Record


PlacedEvent = tuple[Place, EventBase]
"""An event and the place of its record."""


def arrivals(records: Iterable[Record], until_ms: int | None = None) -> Iterator[PlacedRecord]:
    """Gives the records of one partition their places. `records` by offset; what came after
    `until_ms` never happened."""
    moment_ms = 0
    for record in records:
        if until_ms is not None and record.timestamp_ms > until_ms:
            continue
        moment_ms = max(moment_ms, record.timestamp_ms)
        place = Place(moment_ms, record.topic, record.partition, record.offset)
        yield PlacedRecord(place, record)


def merged(streams: Iterable[Iterator[PlacedRecord]]) -> Iterator[PlacedRecord]:
    """Merges several streams by (ingested_at, topic, partition, offset). Holds one record of each
    stream."""
    return heapq.merge(*streams)

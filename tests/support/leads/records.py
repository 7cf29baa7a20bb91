"""Records of input topics without a broker: what a consumer would have read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from schemas.codec import Record, encode
from schemas.events import EventBase, TranscriptReady
from schemas.partitioner import partition_for
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS

NOW_MS = 1_750_000_000_000
"""The broker's time of every record: later than any event of `tests.support.leads.event_stream`."""


def topic_of(event: EventBase) -> str:
    return (ASR_TRANSCRIPTS if isinstance(event, TranscriptReady) else CRM_EVENTS).name


def record_of(event: EventBase, offset: int, *, n_partitions: int) -> Record:
    key, value, headers = encode(event)
    partition = partition_for(key, n_partitions)
    return Record(topic_of(event), partition, offset, NOW_MS + offset, key, value, tuple(headers))


def log_of(
    events: Iterable[EventBase], *, n_partitions: int
) -> dict[tuple[str, int], list[Record]]:
    """(topic, partition) -> its records, offsets from 0."""
    log: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for event in events:
        unplaced = record_of(event, 0, n_partitions=n_partitions)
        place = (unplaced.topic, unplaced.partition)
        log[place].append(record_of(event, len(log[place]), n_partitions=n_partitions))
    return dict(log)

"""Recordings of a deployment in memory, for tests of what reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from schemas.codec import Record
from schemas.outputs import Score
from schemas.partitioner import partition_for
from schemas.topics import INPUTS, SCORES
from streams.recording.folder import LogRange, RecordingFolder, RecordingWriter, open_recording
from streams.store.memory_store import MemoryStore
from tests.support.leads.event_stream import events
from tests.support.leads.records import NOW_MS
from tests.support.roles import Clock, Roles

N_PARTITIONS = 2


def deployment(seed: int, n: int, *, n_leads: int = 8) -> Roles:
    """`n` events through all roles, the two topics of a shard in turns that depend on `seed`, and a
    record that is no event."""
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock, N_PARTITIONS)
    roles.promote()
    roles.copied()
    worker, publisher = roles.worker(), roles.publisher()
    for i, event in enumerate(events(seed, n, n_leads=n_leads)):
        roles.append(event)
        if i % 3 == seed % 3:
            for topic, partition in sorted(roles.log, reverse=bool(i % 2)):
                roles.apply(topic, partition, 1 + i % 2)
            worker.step()
            publisher.step()
        clock.advance(400)
    roles.broken_record()
    roles.catch_up()
    roles.settle(worker, publisher)
    return roles


def input_records(roles: Roles) -> list[Record]:
    """A second apart in each partition."""
    return [
        record._replace(timestamp_ms=NOW_MS + 1_000 * record.offset)
        for records in roles.log.values()
        for record in records
    ]


def score_records(roles: Roles) -> list[Record]:
    """As `leads.scores` holds them: stamped after what they include."""
    ends: dict[int, int] = defaultdict(int)
    found = []
    for out in roles.output.of(SCORES.name):
        partition = partition_for(out.key, N_PARTITIONS)
        cursor = Score.model_validate_json(out.value or b"").cursor
        time_ms = NOW_MS + 1_000 * max(cursor.values()) + 1
        place = (partition, ends[partition], time_ms)
        found.append(Record(out.topic, *place, out.key, out.value, out.headers))
        ends[partition] += 1
    return found


def recorded(
    folder: Path, records: Iterable[Record], n_partitions: int = N_PARTITIONS
) -> RecordingFolder:
    """A recording of these records, whole from offset 0, with all partitions of inputs and
    scores."""
    folder.mkdir()
    writer = RecordingWriter(folder)
    ends: dict[tuple[str, int], int] = defaultdict(int)
    for record in sorted(records, key=lambda one: (one.topic, one.partition, one.offset)):
        writer.add(record)
        ends[record.topic, record.partition] = record.offset + 1
    names = {topic.name for topic in (*INPUTS, SCORES)} | {topic for topic, _ in ends}
    writer.close(
        n_partitions,
        [
            LogRange(topic=t, partition=p, log_start=0, first=0, end=ends[t, p])
            for t in sorted(names)
            for p in range(n_partitions)
        ],
    )
    return open_recording(folder)

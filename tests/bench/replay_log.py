"""A long recording for the fold: the simulator's leads, told again and again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

from schemas.codec import Record, encode
from schemas.events import EventBase
from schemas.partitioner import partition_for
from scoring.fold import to_ms
from streams.replay.record import whole_ranges
from streams.replay.recording import RecordingWriter, new_folder
from tests.bench.events import lead_events
from tests.records import topic_of

N_PARTITIONS = 8
N_TEMPLATES = 10_000
"""Simulated events; the simulator is slower than the fold."""


@dataclass(frozen=True, slots=True)
class _Template:
    topic: str
    lead: str
    event_id: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def write_fold_log(out: Path, n_events: int, *, same_leads: bool) -> None:
    """`same_leads`: each round is about the leads of the first one, under new event ids; else each
    is about new leads."""
    events = lead_events(5, min(n_events, N_TEMPLATES))
    templates = [_template(event) for event in events]
    start_ms = to_ms(max(event.occurred_at for event in events) + timedelta(days=1))
    ends: dict[tuple[str, int], int] = defaultdict(int)
    with new_folder(out) as folder:
        writer = RecordingWriter(folder)
        n = 0
        for number in count():
            for template in templates[: n_events - n]:
                record = _record(template, number, ends, start_ms + n, same_leads=same_leads)
                writer.add(record)
                n += 1
            if n == n_events:
                break
        writer.close(N_PARTITIONS, whole_ranges(ends, N_PARTITIONS))


def _template(event: EventBase) -> _Template:
    key, value, headers = encode(event)
    return _Template(topic_of(event), key.decode(), event.id, value, tuple(headers))


def _record(
    template: _Template,
    number: int,
    ends: dict[tuple[str, int], int],
    time_ms: int,
    *,
    same_leads: bool,
) -> Record:
    key = template.lead.encode() if same_leads else f"{template.lead}-{number}".encode()
    told = {"ce_id": f"{template.event_id}-{number}".encode(), "ce_subject": key}
    headers = tuple((name, told.get(name, content)) for name, content in template.headers)
    partition = partition_for(key, N_PARTITIONS)
    offset = ends[template.topic, partition]
    ends[template.topic, partition] += 1
    return Record(template.topic, partition, offset, time_ms, key, template.value, headers)

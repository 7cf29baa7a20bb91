"""A long recording for the fold: the simulator's leads, told again and again, each time later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from schemas.codec import Record, encode
from schemas.events import EventBase
from schemas.partitioner import partition_for
from schemas.timestamps import to_ms
from streams.recording.folder import RecordingWriter, new_folder
from streams.recording.record import whole_ranges
from tests.bench.events import lead_events
from tests.support.leads.records import topic_of

N_PARTITIONS = 8
N_TEMPLATES = 10_000
"""Simulated events; the simulator is slower than the fold."""


def write_fold_log(out: Path, n_events: int, *, same_leads: bool) -> None:
    """`same_leads`: each round goes on with the leads of the first one; else each is about new
    leads."""
    ends: dict[tuple[str, int], int] = defaultdict(int)
    with new_folder(out) as folder:
        writer = RecordingWriter(folder)
        for event in _rounds(n_events, same_leads=same_leads):
            writer.add(_record(event, ends))
        writer.close(N_PARTITIONS, whole_ranges(ends, N_PARTITIONS))


def _rounds(n_events: int, *, same_leads: bool) -> Iterator[EventBase]:
    """In the order in which they happened."""
    told = lead_events(5, min(n_events, N_TEMPLATES))
    told.sort(key=lambda event: event.occurred_at)
    length = told[-1].occurred_at - told[0].occurred_at + timedelta(days=1)
    for number in count():
        for event in told[:n_events]:
            yield _again(event, number, number * length, same_leads=same_leads)
        n_events -= len(told)
        if n_events <= 0:
            return


def _again(event: EventBase, number: int, later: timedelta, *, same_leads: bool) -> EventBase:
    fields: dict[str, str | datetime] = {
        "id": f"{event.id}-{number}",
        "occurred_at": event.occurred_at + later,
    }
    if not same_leads:
        fields["lead"] = f"{event.lead}-{number}"
    started_at = getattr(event, "started_at", None)
    if started_at is not None:
        fields["started_at"] = started_at + later
    if getattr(event, "call_id", None) is not None:
        fields["call_id"] = f"{event.id}-{number}"
    return event.model_copy(update=fields)


def _record(event: EventBase, ends: dict[tuple[str, int], int]) -> Record:
    key, value, headers = encode(event)
    topic, partition = topic_of(event), partition_for(key, N_PARTITIONS)
    offset = ends[topic, partition]
    ends[topic, partition] += 1
    time_ms = to_ms(event.occurred_at) + 1
    return Record(topic, partition, offset, time_ms, key, value, tuple(headers))

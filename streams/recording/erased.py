"""Finds the leads of a recording that asked to be forgotten, before anything of them is folded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256

from schemas import topics
from schemas.codec import Record
from schemas.events import LeadErased
from schemas.ids import lead_of
from schemas.record_check import BadRecord, decode
from streams.recording.folder import RecordingFolder

_NAME = LeadErased.__name__.encode()


def erased_leads(
    recording: RecordingFolder, advanced: Callable[[int], None] = lambda n: None
) -> frozenset[str]:
    """The leads that asked to be forgotten, as `leads.erased` says, and events that production may
    not have come to yet. Holds for the whole recording, also when only its beginning is replayed:
    who is forgotten stays so."""
    erased = set()
    for log_range in recording.ranges([topics.ERASED.name]):
        for record in recording.records(log_range.topic, log_range.partition):
            if record.value is not None and record.key is not None:
                erased.add(lead_of(record.key))
    for log_range in recording.ranges([topics.CRM_EVENTS.name]):
        for record in recording.records(log_range.topic, log_range.partition, holding=_NAME):
            erased.update(_erased_by(record, recording.manifest.n_partitions))
        advanced(log_range.n_records)
    return frozenset(erased)


def _erased_by(record: Record, n_partitions: int) -> Iterator[str]:
    try:
        event = decode(record, n_partitions=n_partitions)
    except BadRecord:
        return
    if isinstance(event, LeadErased):
        yield str(event.key)


def erased_hash(erased: frozenset[str]) -> str:
    return sha256("\n".join(sorted(erased)).encode()).hexdigest()

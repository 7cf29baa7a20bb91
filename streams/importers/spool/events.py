"""The events of an export in order of time: in memory while they are few, else in temporary
files."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter
from typing import overload

from schemas.events import EVENT_TYPES, EventBase, LeadUpserted, TranscriptReady
from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from streams.importers.spool.temporary import TemporaryRecords

HELD_BYTES = 250_000_000
"""Events take about so much memory at most; more of them lie in temporary files."""

SORTED_BYTES = 64_000_000
"""So much of the files is in memory at a time while it is put in the order of leads."""

EVENT_BYTES, FIELD_BYTES, SEGMENT_BYTES = 1_000, 150, 1_600
"""What an event, a field of a profile and a segment of a call take in memory beside their text."""

_EPOCH_MS = 1 << 50
_TIME_BYTES = 8
_by_time = attrgetter("occurred_at", "source", "id")


class EventSpool(Sequence[EventBase]):
    """Events by (occurred_at, source, id) once `sort` was called, those of equal keys as they were
    added. Times are whole milliseconds."""

    def __init__(self) -> None:
        self._held: list[EventBase] = []
        self._held_bytes = 0
        self._runs: list[TemporaryRecords] = []
        self._n = 0
        self._last: EventBase | None = None
        self.n_bytes = 0
        """About what all of them would take in memory."""

    @property
    def are_filed(self) -> bool:
        """Whether events lie in files, so that to read all of them takes a while."""
        return bool(self._runs)

    def append(self, event: EventBase) -> None:
        """Raises ImportFault where the disk is full."""
        size = _size_of(event)
        self._held.append(event)
        self._n += 1
        self._held_bytes += size
        self.n_bytes += size
        if self._held_bytes > HELD_BYTES:
            self._file_held()

    def sort(self) -> None:
        """Puts all that was added in order."""
        self._held.sort(key=_by_time)
        if self.are_filed:
            self._file_held()

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[EventBase]:
        return map(_decoded, self._records()) if self.are_filed else iter(self._held)

    @overload
    def __getitem__(self, index: int) -> EventBase: ...
    @overload
    def __getitem__(self, index: slice) -> list[EventBase]: ...
    def __getitem__(self, index: int | slice) -> EventBase | list[EventBase]:
        if not self.are_filed:
            return self._held[index]
        if isinstance(index, slice):
            return list(islice(self, *index.indices(self._n)))
        if index == -1 and self._last is not None:
            return self._last
        at = index + self._n if index < 0 else index
        if not 0 <= at < self._n:
            raise IndexError(index)
        return next(islice(self, at, None))

    def by_lead(self) -> Iterator[tuple[LeadKey, list[EventBase]]]:
        """The events of each lead, the leads in the order of their names: with those of one lead in
        memory at a time where they lie in files. Raises ImportFault where the disk is full."""
        if not self.are_filed:
            of_lead: dict[LeadKey, list[EventBase]] = {}
            for event in self._held:
                of_lead.setdefault(event.key, []).append(event)
            yield from sorted(of_lead.items())
            return
        runs: list[TemporaryRecords] = []
        waiting: list[bytes] = []
        n_bytes = 0
        for record in self._records():
            waiting.append(record)
            n_bytes += len(record)
            if n_bytes > SORTED_BYTES:
                runs.append(_filed(sorted(waiting, key=_lead_of)))
                waiting, n_bytes = [], 0
        runs.append(_filed(sorted(waiting, key=_lead_of)))
        del waiting
        for _, records in groupby(heapq.merge(*runs, key=_lead_of), key=_lead_of):
            events = [*map(_decoded, records)]
            yield events[0].key, events

    def _records(self) -> Iterator[bytes]:
        return heapq.merge(*self._runs, key=_time_of)

    def _file_held(self) -> None:
        self._held.sort(key=_by_time)
        newest = [one for one in (*self._held[-1:], self._last) if one is not None]
        self._last = max(newest, key=_by_time, default=None)  # of equals the one that came last
        self._runs.append(_filed(map(_encoded, self._held)))
        self._held, self._held_bytes = [], 0


def _filed(records: Iterable[bytes]) -> TemporaryRecords:
    run = TemporaryRecords()
    for record in records:
        run.add(record)
    return run


def _size_of(event: EventBase) -> int:
    match event:
        case LeadUpserted():
            return EVENT_BYTES + FIELD_BYTES * len(event.profile)
        case TranscriptReady():
            text = sum(len(segment.text) for segment in event.segments)
            return EVENT_BYTES + SEGMENT_BYTES * len(event.segments) + text
        case _:
            return EVENT_BYTES


def _encoded(event: EventBase) -> bytes:
    """Time, source and id in a form that compares as they do; then lead, type and content. Ids
    hold no NUL."""
    time = (to_ms(event.occurred_at) + _EPOCH_MS).to_bytes(_TIME_BYTES, "big")
    names = (event.source, event.id, str(event.key), type(event).__name__)
    return b"\0".join((time, *(name.encode() for name in names), event.model_dump_json().encode()))


def _decoded(record: bytes) -> EventBase:
    _, _, _, name, content = record[_TIME_BYTES + 1 :].split(b"\0", 4)
    return EVENT_TYPES[name.decode()].model_validate_json(content)


def _time_of(record: bytes) -> bytes:
    end = record.index(b"\0", record.index(b"\0", _TIME_BYTES + 1) + 1)
    return record[:end]


def _lead_of(record: bytes) -> bytes:
    begin = len(_time_of(record)) + 1
    return record[begin : record.index(b"\0", begin)]

"""Where a backtest's events come from: a recording, or the memory of who read an export."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Protocol

from schemas.codec import topic_of
from schemas.events import EventBase
from schemas.timestamps import to_ms
from scoring.report.progress import Advanced
from streams.recording.folder import RecordingFolder
from streams.replay.arrival import Place, PlacedEvent
from streams.replay.draft import ReplayPartition
from streams.replay.run import REPORT_EVERY, inputs, reporting


class KnownEvents(Protocol):
    """Events in the order in which they became known, by partition."""

    @property
    def n_partitions(self) -> int: ...

    def of(self, partition: ReplayPartition, advanced: Advanced) -> Iterator[PlacedEvent]:
        """The events of one partition in the order of their places, counted in its tally;
        `advanced` hears of the records that are read."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedEvents:
    """Implements KnownEvents by a recording; what was ingested after `until_ms` never happened."""

    recording: RecordingFolder
    until_ms: int | None

    @property
    def n_partitions(self) -> int:
        return self.recording.manifest.n_partitions

    def of(self, partition: ReplayPartition, advanced: Advanced) -> Iterator[PlacedEvent]:
        for arrival in reporting(inputs(self.recording, partition.number, self.until_ms), advanced):
            event = partition.event_of(arrival.record)
            if event is not None:
                yield arrival.place, event


@dataclass(frozen=True, slots=True)
class EventsOfExport:
    """Implements KnownEvents by events in the order of their times: each was known when it
    occurred, in the places that a recording of them would give."""

    events: Iterable[EventBase]
    n_partitions: int = 1

    def of(self, partition: ReplayPartition, advanced: Advanced) -> Iterator[PlacedEvent]:
        offsets: defaultdict[str, int] = defaultdict(int)
        timed = ((to_ms(event.occurred_at), event) for event in self.events)
        n = 0
        for moment_ms, at_once in groupby(timed, key=itemgetter(0)):
            placed = []
            for _, event in at_once:
                topic = topic_of(event)
                placed.append((Place(moment_ms, topic, partition.number, offsets[topic]), event))
                offsets[topic] += 1
            for each in sorted(placed, key=itemgetter(0)):
                yield each
                n += 1
                if n % REPORT_EVERY == 0:
                    advanced(REPORT_EVERY)
        advanced(n % REPORT_EVERY)
        partition.tally.records += n
        partition.tally.events += n

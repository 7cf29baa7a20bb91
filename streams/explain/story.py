"""All that the log says of one lead: its events as they came in and the scores published of it.

Reads one partition of each topic and joins no group, so that production does not notice; or a
recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from schemas.codec import Record
from schemas.events import LeadErased
from schemas.ids import LeadKey, record_key
from schemas.outputs import Score
from schemas.partitioner import shard_of
from schemas.record_check import BadRecord, decode
from schemas.timestamps import to_ms
from schemas.topics import ERASED, INPUTS, SCORES
from scoring.explain.ledger import LedgerPoint
from scoring.lead.arrival import Arrival, in_order
from scoring.report.progress import Advanced
from streams.kafka.topic_reader import length_of, read_to_end
from streams.recording.event_file import RecordingError, read_recording
from streams.recording.folder import RecordingFolder
from streams.store.board import order_of

TOPICS = (*(topic.name for topic in INPUTS), SCORES.name, ERASED.name)


@dataclass(frozen=True, slots=True)
class LeadStory:
    """Everything the log says of one lead. `arrivals` in the order of a replay, `scores` by order,
    each order once: of equal orders the record published later stands. `end_ms`: up to when the log
    is known. `is_erased`: the person asked to be forgotten, maybe later than all this: then nothing
    of their past is shown."""

    key: LeadKey
    arrivals: tuple[Arrival, ...]
    scores: tuple[Score, ...]
    end_ms: int
    is_erased: bool = False

    def until(self, moment_ms: int) -> LeadStory:
        """The story as it was known at this moment."""
        return replace(
            self,
            arrivals=tuple(one for one in self.arrivals if one.ingested_ms <= moment_ms),
            scores=tuple(one for one in self.scores if to_ms(one.scored_at) <= moment_ms),
            end_ms=moment_ms,
        )

    def points(self) -> list[LedgerPoint]:
        return [
            LedgerPoint(score.cursor, to_ms(score.order.as_of), score.artifact, score.probability)
            for score in self.scores
        ]


def n_offsets_beside(bootstrap_servers: str, key: LeadKey, n_partitions: int) -> int:
    """How many records `read_kafka` has to read, at most. Raises TopicsUnusable."""
    partition = shard_of(str(key), n_partitions)
    return sum(length_of(bootstrap_servers, topic, partition) for topic in TOPICS)


def n_records_beside(recording: RecordingFolder, key: LeadKey) -> int:
    """How many records `read_folder` has to read."""
    partition = shard_of(str(key), recording.manifest.n_partitions)
    return sum(one.n_records for one in recording.ranges(TOPICS) if one.partition == partition)


def read_kafka(
    bootstrap_servers: str, key: LeadKey, n_partitions: int, now_ms: int, advanced: Advanced
) -> LeadStory:
    """Reads the story of a lead from Kafka. Raises TopicsUnusable."""
    partition = shard_of(str(key), n_partitions)
    records = (
        record for topic in TOPICS for record in read_to_end(bootstrap_servers, topic, partition)
    )
    return replace(tell(key, records, n_partitions, advanced), end_ms=now_ms)


def read_folder(recording: RecordingFolder, key: LeadKey, advanced: Advanced) -> LeadStory:
    """Reads the story of a lead from a recording. Raises RecordingError."""
    n_partitions = recording.manifest.n_partitions
    partition = shard_of(str(key), n_partitions)
    records = (record for topic in TOPICS for record in recording.records(topic, partition))
    story = tell(key, records, n_partitions, advanced)
    # Only what was read: who asked to be forgotten is recorded to a later end than the rest.
    ends = (
        one.last_ms
        for one in recording.ranges(name for name in TOPICS if name != ERASED.name)
        if one.last_ms is not None
    )
    return replace(story, end_ms=max(ends, default=0))


def read_file(path: Path, key: LeadKey, advanced: Advanced) -> LeadStory:
    """Reads the story of a lead from a file of events. Such a file has no offsets: a lead's events
    are counted in the order of their times. `advanced` is called with the number of bytes read.
    Raises RecordingError, OSError."""
    mine, end_ms = [], 0
    for recorded in read_recording(path, advanced):
        end_ms = max(end_ms, to_ms(recorded.ingested_at))
        if recorded.event.key == key:
            mine.append(recorded)
    mine.sort(key=lambda one: one.ingested_at)
    arrivals = (
        Arrival(one.event, one.topic, n, to_ms(one.ingested_at)) for n, one in enumerate(mine)
    )
    in_their_order = tuple(in_order(arrivals))
    return LeadStory(key, in_their_order, (), end_ms, _tells_erasure(in_their_order))


def tell(
    key: LeadKey, records: Iterable[Record], n_partitions: int, advanced: Advanced
) -> LeadStory:
    """Collects the story of a lead. `records` of TOPICS, each topic's by offset. Raises
    RecordingError for one of this lead on `leads.scores` that is not a score."""
    name = record_key(str(key))
    arrivals: list[Arrival] = []
    scores: dict[tuple[int, int, int], Score] = {}
    is_erased = False
    for record in records:
        advanced(1)
        if record.key != name:
            continue
        if record.topic == ERASED.name:
            is_erased = is_erased or record.value is not None
        elif record.topic != SCORES.name:
            arrivals.extend(_arrival(record, n_partitions))
        elif record.value is not None:
            score = _score(record, record.value)
            scores[order_of(score)] = score
    is_erased = is_erased or _tells_erasure(arrivals)
    end_ms = max((one.ingested_ms for one in arrivals), default=0)
    in_their_order = tuple(scores[order] for order in sorted(scores))
    return LeadStory(key, tuple(in_order(arrivals)), in_their_order, end_ms, is_erased)


def _tells_erasure(arrivals: Iterable[Arrival]) -> bool:
    return any(isinstance(one.event, LeadErased) for one in arrivals)


def _score(record: Record, value: bytes) -> Score:
    try:
        return Score.model_validate_json(value)
    except ValidationError:  # its text quotes the record
        where = f"{record.topic}/{record.partition} offset {record.offset}"
        raise RecordingError(f"{where}: is not a score") from None


def _arrival(record: Record, n_partitions: int) -> Iterator[Arrival]:
    try:
        event = decode(record, n_partitions=n_partitions)
    except BadRecord:
        return  # production put it among the dead letters
    yield Arrival(event, record.topic, record.offset, record.timestamp_ms)

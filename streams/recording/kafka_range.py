"""Finds which offsets of Kafka's topics a person means by times, offsets or a moment, and reads
them.

Assigns partitions and never joins a group, so that no production member notices. Reads committed
records only, as ingest does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from schemas import topics
from schemas.codec import Record
from schemas.timestamps import from_ms
from schemas.topics import INPUTS, Topic
from streams.kafka.topic_admin import TopicsUnusable, existing_topics
from streams.kafka.topic_reader import ANSWER_S, partitions_of, to_record, watermarks
from streams.recording.beginning import FirstRecord
from streams.recording.folder import LogRange

RECORDED = (
    *INPUTS,
    topics.SCORES,
    topics.RANKED,
    topics.BOARDS,
    topics.PROMOTIONS,
    topics.DEAD_LETTER,
    topics.ERASED,
)
"""The topics to record: what happened, and what production made of it, which a replay compares."""

FROM_START = (topics.PROMOTIONS, topics.ERASED)
"""Topics recorded from their beginning: what is true at a moment may have been written long before
it."""

TO_END = (topics.ERASED,)
"""Topics recorded to their end: who asked to be forgotten is left out also of a past in which they
had not asked yet."""

BATCH = 1_000


class RangeMissing(Exception):
    """Kafka no longer has all that was asked for; its sentences say what is missing."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("; ".join(missing))
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be recorded. Times are half-open, [from_ms, until_ms). Where `offsets` names a
    partition, that half-open range holds for it instead. Nothing set is the whole log as it is
    now."""

    from_ms: int | None = None
    until_ms: int | None = None
    offsets: Mapping[tuple[str, int], tuple[int, int]] = field(default_factory=dict)


def open_consumer(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "asllr-recorder",  # required by the client, never joined
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 5,  # the next partition waits for what is asked of this one
            "log_level": 2,
        }
    )


def find_ranges(consumer: Consumer, wanted: Wanted, n_partitions: int) -> list[LogRange]:
    """The range to record of every partition of every topic there is, in a fixed order. Raises
    TopicsUnusable when an input is missing or was given other partitions than `n_partitions`, or
    `wanted` names a partition that is not."""
    existing = existing_topics(consumer)
    places = []
    for topic in RECORDED:
        if topic not in INPUTS and topic.name not in existing:
            continue
        partitions = partitions_of(consumer, topic.name)
        _refuse_grown(topic, len(partitions), n_partitions)
        places += [(topic, partition) for partition in partitions]
    _refuse_unknown(wanted.offsets, {(topic.name, partition) for topic, partition in places})
    # Inputs last: what a score includes was there before the score.
    return [_range(consumer, *place, wanted) for place in reversed(places)][::-1]


def _refuse_unknown(places: Iterable[tuple[str, int]], existing: set[tuple[str, int]]) -> None:
    for topic, partition in places:
        if (topic, partition) not in existing:
            n = sum(name == topic for name, _ in existing)
            what_exists = (
                f"{topic} has partitions 0 to {n - 1}" if n else "there is no such topic of ours"
            )
            raise TopicsUnusable(f"offsets were asked of {topic}/{partition}: {what_exists}")


def _refuse_grown(topic: Topic, n_found: int, expected: int) -> None:
    if topic.partitions is not None or topic.key != "tenant/lead":
        return
    if n_found < expected:
        raise TopicsUnusable(
            f"{topic.name} has {n_found} partitions, ASLLR_PARTITIONS says {expected}; topics do "
            f"not shrink: set ASLLR_PARTITIONS={n_found}, or name the Kafka that has all of them"
        )
    if n_found > expected:
        raise TopicsUnusable(
            f"{topic.name} has {n_found} partitions, leads were placed on {expected}: a topic that "
            "grew splits its leads' histories; replay from a recording made before, or move the "
            f"events to new topics with {n_found} partitions (ASLLR_PARTITIONS={n_found})"
        )


def _range(consumer: Consumer, topic: Topic, partition: int, wanted: Wanted) -> LogRange:
    low, high = watermarks(consumer, TopicPartition(topic.name, partition))
    first, end = low, high
    offsets = wanted.offsets.get((topic.name, partition))
    if offsets is not None:
        first, end = min(offsets[0], high), min(offsets[1], high)
    else:
        if wanted.until_ms is not None and topic not in TO_END:
            end = first_at(consumer, topic.name, partition, wanted.until_ms)
        if wanted.from_ms is not None and topic not in FROM_START:
            first = first_at(consumer, topic.name, partition, wanted.from_ms)
    return LogRange(
        topic=topic.name, partition=partition, log_start=low, first=first, end=max(first, end)
    )


def missing_of(consumer: Consumer, ranges: Iterable[LogRange], wanted: Wanted) -> list[str]:
    """Says what is not there, a sentence for each gap: what retention has taken of the inputs or of
    the offsets that were asked for, and offsets that nobody has written yet."""
    inputs = {topic.name for topic in INPUTS}
    sentences = []
    for log_range in ranges:
        where = f"{log_range.topic}/{log_range.partition}"
        offsets = wanted.offsets.get((log_range.topic, log_range.partition))
        if offsets is not None and offsets[1] > log_range.end:
            sentences.append(
                f"{where}: offsets {max(offsets[0], log_range.end)} to {offsets[1] - 1} do not "
                f"exist yet, the log ends at {log_range.end}"
            )
        if log_range.first < log_range.log_start:
            last = min(log_range.end, log_range.log_start) - 1
            sentences.append(
                f"{where}: offsets {log_range.first} to {last} are past retention, "
                f"the log starts at {log_range.log_start}"
            )
        elif log_range.topic in inputs and log_range.first == log_range.log_start > 0:
            if offsets is not None:
                continue
            start = _time_of(consumer, log_range.topic, log_range.partition, log_range.log_start)
            if wanted.from_ms is None or start is None or start > wanted.from_ms:
                since = "" if start is None else f" ({from_ms(start).isoformat()})"
                sentences.append(
                    f"{where}: offsets 0 to {log_range.log_start - 1} are past retention, "
                    f"the log starts at {log_range.log_start}{since}"
                )
    return sentences


def first_at(consumer: Consumer, topic: str, partition: int, moment_ms: int) -> int:
    """The offset of the first record stamped at `moment_ms` or later; the partition's end when
    there is none. A broker that cannot look up times, as the embedded one, is read through."""
    where = TopicPartition(topic, partition, moment_ms)
    low, high = watermarks(consumer, where)
    if low == high:
        return high
    answer = consumer.offsets_for_times([where], timeout=ANSWER_S)[0]
    if answer.offset >= 0:
        return answer.offset
    last = _time_of(consumer, topic, partition, high - 1)
    if answer.offset == OFFSET_END and (last is None or last < moment_ms):
        return high
    for record in read_range(consumer, topic, partition, low, high):
        if record.timestamp_ms >= moment_ms:
            return record.offset
    return high


def first_records(consumer: Consumer, ranges: Iterable[LogRange]) -> Iterator[FirstRecord]:
    """Of each partition of the inputs that has a record, the oldest one that Kafka has, whether it
    is within its range or not."""
    inputs = {topic.name for topic in INPUTS}
    for log_range in ranges:
        if log_range.topic not in inputs:
            continue
        where = TopicPartition(log_range.topic, log_range.partition)
        _, high = watermarks(consumer, where)
        for record in read_range(
            consumer, log_range.topic, log_range.partition, log_range.log_start, high
        ):
            yield FirstRecord(record.timestamp_ms, log_range.topic, log_range.partition)
            break


def _time_of(consumer: Consumer, topic: str, partition: int, offset: int) -> int | None:
    records = read_range(consumer, topic, partition, offset, offset + 1)
    return next((record.timestamp_ms for record in records), None)


def read_range(
    consumer: Consumer, topic: str, partition: int, first: int, end: int
) -> Iterator[Record]:
    """The committed records of [first, end) in order. Raises TopicsUnusable when Kafka falls
    silent or no longer has `first`."""
    if first >= end:
        return
    consumer.assign([TopicPartition(topic, partition, first)])
    while True:
        # Not `consume` with a wait: it waits until the batch is full.
        waited_for = consumer.poll(ANSWER_S)
        if waited_for is None:
            raise TopicsUnusable(
                f"{topic}/{partition}: Kafka sent nothing for {ANSWER_S:.0f} s", is_lasting=False
            )
        for message in [waited_for, *consumer.consume(BATCH, timeout=0)]:
            if (error := message.error()) is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    return
                if error.code() == KafkaError._AUTO_OFFSET_RESET:
                    raise TopicsUnusable(
                        f"{topic}/{partition}: offset {first} was deleted while it was read: "
                        "retention is shorter than reading takes"
                    )
                raise KafkaException(error)
            record = to_record(message)
            if record.offset >= end:
                return
            yield record
            if record.offset == end - 1:
                return


def read_ranges(
    consumer: Consumer, ranges: Sequence[LogRange], advanced: Callable[[int], None]
) -> Iterator[Record]:
    """The records of all ranges, one partition after the other. `advanced` is called with the
    number of offsets passed."""
    for log_range in ranges:
        first = max(log_range.first, log_range.log_start)
        for record in read_range(
            consumer, log_range.topic, log_range.partition, first, log_range.end
        ):
            yield record
            advanced(record.offset + 1 - first)
            first = record.offset + 1
        advanced(max(0, log_range.end - first))

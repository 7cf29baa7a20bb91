"""Reads a topic for a person or a test: all partitions, no consumer group, nothing committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic, sleep
from typing import cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from schemas.codec import Record
from streams.kafka.topic_admin import TopicsUnusable, existing_topics

ANSWER_S = 10.0
POLL_S = 0.2


class Start(StrEnum):
    BEGINNING = "beginning"
    END = "end"


def read_to_end(
    bootstrap_servers: str, topic: str, partition: int | None = None
) -> Iterator[Record]:
    """Yields every record that is there now, of one partition, or of all as they come. Raises
    TopicsUnusable."""
    consumer = _open(bootstrap_servers)
    try:
        partitions = partitions_of(consumer, topic)
        if partition is not None:
            partitions = [one for one in partitions if one == partition]
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        yield from _until_end(consumer, topic, set(partitions))
    finally:
        consumer.close()


def read_newest(bootstrap_servers: str, topic: str, most: int) -> Iterator[Record]:
    """Yields the records at the last `most` offsets of each partition, of all partitions as they
    come. Raises TopicsUnusable."""
    consumer = _open(bootstrap_servers)
    try:
        places = []
        for partition in partitions_of(consumer, topic):
            low, high = watermarks(consumer, TopicPartition(topic, partition))
            places.append(TopicPartition(topic, partition, max(low, high - most)))
        consumer.assign(places)
        yield from _until_end(consumer, topic, {place.partition for place in places})
    finally:
        consumer.close()


def _until_end(consumer: Consumer, topic: str, unfinished: set[int]) -> Iterator[Record]:
    """The records of the partitions that are assigned, each to its end."""
    while unfinished:
        message = consumer.poll(ANSWER_S)
        if message is None:
            raise _silent(topic)
        if _is_end(message):
            unfinished.discard(message.partition() or 0)
        else:
            yield to_record(message)


def _silent(topic: str) -> TopicsUnusable:
    return TopicsUnusable(f"{topic}: Kafka sent nothing for {ANSWER_S:.0f} s", is_lasting=False)


def follow(bootstrap_servers: str, topic: str, start: Start) -> Iterator[Record | None]:
    """Yields records as they come, without end; None when there was nothing new for a moment, so
    that the caller can look at its own conditions. Raises TopicsUnusable."""
    consumer = _open(bootstrap_servers)
    offset = OFFSET_BEGINNING if start is Start.BEGINNING else OFFSET_END
    try:
        partitions = partitions_of(consumer, topic)
        consumer.assign([TopicPartition(topic, p, offset) for p in partitions])
        while True:
            message = consumer.poll(POLL_S)
            if message is None or _is_end(message):
                yield None
            else:
                yield to_record(message)
    finally:
        consumer.close()


def read_one(bootstrap_servers: str, topic: str, partition: int, offset: int) -> Record | None:
    """The record at this offset, None when there is none. Raises TopicsUnusable."""
    consumer = _open(bootstrap_servers)
    try:
        if partition not in partitions_of(consumer, topic):
            return None
        where = TopicPartition(topic, partition, offset)
        low, high = watermarks(consumer, where)
        if not low <= offset < high:
            return None
        consumer.assign([where])
        message = consumer.poll(ANSWER_S)
        if message is None or _is_end(message) or message.offset() != offset:
            return None
        return to_record(message)
    finally:
        consumer.close()


def read_last(bootstrap_servers: str, topic: str) -> list[Record]:
    """The newest record of each partition that has one."""
    consumer = _open(bootstrap_servers)
    try:
        last = []
        for partition in partitions_of(consumer, topic):
            where = TopicPartition(topic, partition)
            low, high = watermarks(consumer, where)
            if low < high:
                last.append(TopicPartition(topic, partition, high - 1))
        consumer.assign(last)
        records: list[Record] = []
        unfinished = {where.partition for where in last}
        while unfinished:
            message = consumer.poll(ANSWER_S)
            if message is None:
                break
            if _is_end(message):  # also where the last offset is a transaction's marker
                unfinished.discard(message.partition() or 0)
            else:
                records.append(to_record(message))
        return records
    finally:
        consumer.close()


@dataclass(frozen=True, slots=True)
class NotRead:
    """What of a topic was not read yet. `oldest_ms`: the broker's time of the oldest record of it;
    None where there is none: what is left are marks of transactions."""

    n_offsets: int
    oldest_ms: int | None


def unread(bootstrap_servers: str, topic: str, following: Mapping[int, int]) -> NotRead:
    """What has been written from the offsets `following` on; partitions that are not named there
    from their beginning. Reads one record of each of the most behind. Raises TopicsUnusable,
    KafkaException."""
    consumer = _open(bootstrap_servers)
    try:
        behind: list[tuple[int, TopicPartition]] = []
        for partition in partitions_of(consumer, topic):
            low, high = watermarks(consumer, TopicPartition(topic, partition))
            at = max(low, following.get(partition, low))
            if at < high:
                behind.append((high - at, TopicPartition(topic, partition, at)))
        behind.sort(key=lambda one: -one[0])
        n_offsets = sum(n for n, _ in behind)
        places = [place for _, place in behind[:MOST_LOOKED_AT]]
        return NotRead(n_offsets, min(_first_times(consumer, places), default=None))
    finally:
        consumer.close()


MOST_LOOKED_AT = 64
"""Of how many partitions the oldest unread record is looked at."""


def _first_times(consumer: Consumer, places: Sequence[TopicPartition]) -> Iterator[int]:
    """The time of the first record at or after each place, if there is one."""
    consumer.assign([*places])
    unfinished = {place.partition for place in places}
    deadline = monotonic() + ANSWER_S
    while unfinished and monotonic() < deadline:
        message = consumer.poll(POLL_S)
        if message is None or message.partition() not in unfinished:
            continue
        unfinished.discard(message.partition() or 0)
        consumer.pause([TopicPartition(message.topic() or "", message.partition() or 0)])
        if not _is_end(message):
            yield message.timestamp()[1]


def length_of(bootstrap_servers: str, topic: str, partition: int) -> int:
    """How many offsets the partition has now; 0 when there is no such partition. Raises
    TopicsUnusable."""
    consumer = _open(bootstrap_servers)
    try:
        if partition not in partitions_of(consumer, topic):
            return 0
        first, end = watermarks(consumer, TopicPartition(topic, partition))
        return end - first
    finally:
        consumer.close()


def watermarks(consumer: Consumer, where: TopicPartition) -> tuple[int, int]:
    """The first offset and the next one to be written. Waits for a partition that was just made and
    has no leader yet."""
    deadline = monotonic() + ANSWER_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(where, timeout=ANSWER_S)
        except KafkaException as error:
            if error.args[0].code() not in _ELECTING or monotonic() >= deadline:
                raise
            sleep(POLL_S)  # not poll: it would take a record from whoever reads
        else:
            return low, high


_ELECTING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


def to_record(message: Message) -> Record:
    timestamp_ms = message.timestamp()[1]
    headers = cast("list[tuple[str, bytes | None]]", message.headers() or [])  # as consumed
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_ms=timestamp_ms,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple((name, _bytes(content)) for name, content in headers),
    )


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content


def _open(bootstrap_servers: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "asllr-reader",  # required by the client, never joined
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "log_level": 2,
        }
    )


def partitions_of(consumer: Consumer, topic: str) -> list[int]:
    """The partitions of a topic, ascending. Raises TopicsUnusable."""
    try:
        metadata = existing_topics(consumer).get(topic)
    except KafkaException as error:
        raise TopicsUnusable(
            f"Kafka did not answer within {ANSWER_S:.0f} s: {error.args[0].str()}",
            is_lasting=False,
        ) from error
    if metadata is None:
        raise TopicsUnusable(f"{topic} is missing: run `asllr topics create`")
    return sorted(metadata.partitions)


def _is_end(message: Message) -> bool:
    """Whether a message marks the end of a partition. Raises KafkaException for any other error."""
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:
        return True
    raise KafkaException(error)

"""Reads all output topics together from where they ended when it was opened."""

from __future__ import annotations

from confluent_kafka import Consumer, TopicPartition

from schemas.codec import Record
from schemas.topics import BOARDS, DEAD_LETTER, ERASED, RANKED, SCORES
from streams.kafka.topic_reader import partitions_of, to_record, watermarks

OUTPUTS = (SCORES, RANKED, BOARDS, DEAD_LETTER, ERASED)
BATCH = 500


class OutputReader:
    """Reads all output topics. No consumer group, nothing committed. `read` after `read` gives
    every record once. Raises TopicsUnusable where one of them is missing."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "asllr-reader",  # required by the client, never joined
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "log_level": 2,
            }
        )
        self._next: dict[tuple[str, int], int] = {}
        for topic in OUTPUTS:
            for partition in partitions_of(self._consumer, topic.name):
                self._next[topic.name, partition] = self._end(topic.name, partition)
        self._consumer.assign(
            [TopicPartition(topic, part, offset) for (topic, part), offset in self._next.items()]
        )

    def read(self, wait_s: float) -> list[Record]:
        """Returns the records that came, waiting at most `wait_s` for the first. Errors that pass
        are left to the client; what does not pass shows as silence."""
        records = []
        for message in self._consumer.consume(BATCH, timeout=wait_s):
            if message.error() is None:
                record = to_record(message)
                self._next[record.topic, record.partition] = record.offset + 1
                records.append(record)
        return records

    def is_at_end(self) -> bool:
        """Whether everything that is in the topics now has been read."""
        return all(
            offset >= self._end(topic, partition)
            for (topic, partition), offset in self._next.items()
        )

    def close(self) -> None:
        self._consumer.close()

    def _end(self, topic: str, partition: int) -> int:
        where = TopicPartition(topic, partition)
        return watermarks(self._consumer, where)[1]

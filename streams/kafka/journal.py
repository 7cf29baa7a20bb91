"""Sends events and keeps what Kafka acknowledged: the log of a broker that forgets.

The demo and the tests on the embedded broker judge by it (`streams.oracle.oracle`).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.codec import Record, encode
from schemas.events import EventBase, TranscriptReady
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS
from streams import exit_codes
from streams.kafka.topic_reader import to_record
from streams.waiting import RoleStopped

DELIVERY_S = 30.0

EMBEDDED_TIMESTAMP_MS = 1234
"""The timestamp with which librdkafka's mock cluster acknowledges; it stores the time that was
sent."""


class JournalingProducer:
    """A producer that keeps a copy of what Kafka acknowledged. `on_sent` is called for every
    acknowledged event, with its record. With `max_records` None the journal is kept for ever; past
    `max_records` it is dropped and `records` is None."""

    def __init__(
        self,
        bootstrap_servers: str,
        on_sent: Callable[[EventBase, Record], None] = lambda event, record: None,
        max_records: int | None = None,
    ) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.max.bytes": CRM_EVENTS.max_message_bytes,
                "delivery.timeout.ms": int(DELIVERY_S * 1000),
                "log_level": 2,
            }
        )
        self._on_sent = on_sent
        self._max_records = max_records
        self._error: KafkaError | None = None
        self.records: list[Record] | None = []
        self.ends: dict[tuple[str, int], int] = {}
        """(topic, partition) -> last acknowledged offset."""

    def send(self, event: EventBase) -> None:
        """Queues the event; `poll` or `flush` brings its acknowledgement."""
        key, value, encoded = encode(event)
        headers: list[tuple[str, str | bytes | None]] = [*encoded]
        topic = ASR_TRANSCRIPTS if isinstance(event, TranscriptReady) else CRM_EVENTS
        sent_ms = int(time() * 1000)

        def report(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._error = error
            else:
                record = to_record(message)
                if record.timestamp_ms == EMBEDDED_TIMESTAMP_MS:
                    record = record._replace(timestamp_ms=sent_ms)
                self._note(event, record)

        while True:
            try:
                self._producer.produce(
                    topic.name,
                    key=key,
                    value=value,
                    headers=headers,
                    timestamp=sent_ms,
                    on_delivery=report,
                )
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise _away(error.args[0]) from error
            else:
                return

    def poll(self) -> None:
        """Takes in what was acknowledged. Raises RoleStopped when a record was not."""
        self._producer.poll(0)
        if self._error is not None:
            raise _away(self._error)

    def flush(self) -> None:
        """Waits until everything is acknowledged. Raises RoleStopped."""
        deadline = monotonic() + DELIVERY_S
        while self._producer.flush(0.2) and monotonic() < deadline:
            self.poll()
        self.poll()

    def _note(self, event: EventBase, record: Record) -> None:
        where = record.topic, record.partition
        self.ends[where] = max(record.offset, self.ends.get(where, -1))
        if self.records is not None:
            # Delivery reports leave out the headers, which the decoder needs.
            _, _, headers = encode(event)
            self.records.append(record._replace(headers=tuple(headers)))
            if self._max_records is not None and len(self.records) > self._max_records:
                self.records = None
        self._on_sent(event, record)


def _away(error: KafkaError) -> RoleStopped:
    return RoleStopped(exit_codes.AWAY, f"Kafka did not take an event: {error.str()}")

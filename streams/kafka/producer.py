"""Records for Kafka, and the producer that delivers them, acknowledged and in order per key.

What the records say is decided in `streams.publish.publisher`; this file knows brokers, not leads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.topics import STATE
from streams import exit_codes
from streams.waiting import RoleStopped, Stopping


@dataclass(frozen=True, slots=True)
class OutRecord:
    """A record to be sent. `value` None is a tombstone. `partition` None: where Kafka's default
    partitioner (murmur2) puts the key."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    partition: int | None = None


class TooLarge(Exception):
    """A record that asllr made exceeds its topic's limit: our bug, so crash before anything is
    deleted."""


class Output(Protocol):
    def deliver(self, records: Sequence[OutRecord]) -> None:
        """Returns once all are acknowledged, in order per key. When it raises, any of them may
        have been written: deliver the same again."""
        ...


ANY_PARTITION = -1
"""Leaves the choice of the partition to the partitioner."""

STOP_S = 5.0
"""How long a stop waits for reports that are under way; SIGTERM promises 10 s in all."""

_OURS = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE})
_LASTING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


class KafkaOutput:
    """An idempotent producer. librdkafka retries by itself for `patience_s`; after that the
    process must end, because a later record of a key may have overtaken the one that failed."""

    def __init__(
        self,
        bootstrap_servers: str,
        patience_s: float,
        stop: threading.Event,
        while_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "acks": "all",
                "enable.idempotence": True,
                # As Kafka's Java client (org.apache.kafka.common.utils.Utils.murmur2), so that a
                # key is on the same partition whoever sends it.
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 1,
                "message.timeout.ms": int(patience_s * 1000),
                "message.max.bytes": STATE.max_message_bytes,
                # Topics exist before roles start: librdkafka's 30 s would hide a missing one.
                "topic.metadata.propagation.max.ms": 3_000,
                "log_level": 2,
            }
        )
        self._stop = stop
        self._while_waiting = while_waiting

    def deliver(self, records: Sequence[OutRecord]) -> None:
        """Delivers all records and waits. Raises RoleStopped (Kafka away, topic missing), TooLarge,
        Stopping."""
        reports: list[KafkaError | None] = []

        def report(error: KafkaError | None, _: Message) -> None:
            reports.append(error)

        for record in records:
            self._produce(record, report)
        waited_s = 0.0
        while len(reports) < len(records):
            self._producer.poll(0.05)
            self._while_waiting()
            if self._stop.is_set():
                waited_s += 0.05
                if waited_s >= STOP_S:
                    raise Stopping
        for error in reports:
            if error is not None:
                raise _as_ours(error)

    def _produce(
        self, record: OutRecord, report: Callable[[KafkaError | None, Message], None]
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    partition=ANY_PARTITION if record.partition is None else record.partition,
                    on_delivery=report,
                )
            except BufferError:
                # Full of what is on its way; its reports make room or end the wait.
                self._producer.poll(0.05)
                self._while_waiting()
                if self._stop.is_set():
                    raise Stopping from None
            except KafkaException as error:
                raise _as_ours(error.args[0]) from error
            else:
                return


def _as_ours(error: KafkaError) -> Exception:
    if error.code() in _OURS:
        return TooLarge(f"Kafka refuses a record of ours as too large: {error.str()}")
    if error.code() in _LASTING:
        return RoleStopped(
            exit_codes.UNUSABLE,
            f"Kafka refuses our records: {error.str()}; run `asllr topics check`",
        )
    return RoleStopped(exit_codes.AWAY, f"Kafka stayed away: {error.str()}")

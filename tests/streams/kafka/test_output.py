"""The producer: acknowledged, in order per key, placed as the inputs are, honest about failure."""

from __future__ import annotations

import random
import threading

import pytest

from schemas.partitioner import partition_for
from schemas.topics import RANKED, STATE
from streams import exit_codes
from streams.kafka.producer import KafkaOutput, OutRecord, TooLarge
from streams.kafka.topic_reader import read_to_end
from streams.waiting import RoleStopped, Stopping
from tests.support.brokers import N_PARTITIONS, free_port

pytestmark = pytest.mark.service

HEADERS = (("ce_id", b"1"),)


def record(key: str, value: bytes | None = b"{}", topic: str = RANKED.name) -> OutRecord:
    return OutRecord(topic, key.encode(), value, HEADERS)


def test_records_arrive_in_order_per_key_on_the_partition_of_their_lead(broker: str) -> None:
    output = KafkaOutput(broker, 30.0, threading.Event())
    sent = [record(f"acme/l{i % 7}", b"%d" % i if i % 5 else None) for i in range(300)]
    output.deliver(sent[:100])
    output.deliver(sent[100:])
    found = list(read_to_end(broker, RANKED.name))
    for key in {r.key for r in sent}:
        assert [r.value for r in found if r.key == key] == [r.value for r in sent if r.key == key]
    assert all(r.partition == partition_for(r.key or b"", N_PARTITIONS) for r in found)
    assert {tuple(r.headers) for r in found} == {HEADERS}


def test_record_over_the_limit_is_our_bug(broker: str) -> None:
    output = KafkaOutput(broker, 30.0, threading.Event())
    with pytest.raises(TooLarge):
        output.deliver([record("acme/a", b"x" * (STATE.max_message_bytes + 1))])
    output.deliver([record("acme/a")])


def test_a_snapshot_that_nothing_compresses_arrives(broker: str) -> None:
    """Half of what `leads.state` admits: more than the fullest state has."""
    value = random.Random(1).randbytes(STATE.max_message_bytes // 2)
    KafkaOutput(broker, 30.0, threading.Event()).deliver([record("acme/a", value, STATE.name)])
    assert [found.value for found in read_to_end(broker, STATE.name)] == [value]


@pytest.mark.kafka
def test_missing_topic_needs_a_person(kafka: str) -> None:
    """The embedded broker makes topics by itself."""
    output = KafkaOutput(kafka, 30.0, threading.Event())
    with pytest.raises(RoleStopped, match="asllr topics check") as stopped:
        output.deliver([record("acme/a", topic="leads.nowhere")])
    assert stopped.value.exit_code == exit_codes.UNUSABLE


@pytest.mark.slow
def test_kafka_that_stays_away_ends_the_role_after_its_patience() -> None:
    output = KafkaOutput(f"127.0.0.1:{free_port()}", 1.0, threading.Event())
    with pytest.raises(RoleStopped, match="Kafka stayed away") as stopped:
        output.deliver([record("acme/a")])
    assert stopped.value.exit_code == exit_codes.AWAY


@pytest.mark.slow
def test_stop_does_not_wait_for_kafka_to_come_back() -> None:
    stop = threading.Event()
    stop.set()
    kept: list[None] = []
    output = KafkaOutput(
        f"127.0.0.1:{free_port()}", 600.0, stop, while_waiting=lambda: kept.append(None)
    )
    with pytest.raises(Stopping):
        output.deliver([record("acme/a")])
    assert kept, "leases are renewed meanwhile"

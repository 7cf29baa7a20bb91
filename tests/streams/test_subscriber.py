"""The subscriber that the documentation shows, run against live topics."""

from __future__ import annotations

import random
import sqlite3
import time

import pytest
from confluent_kafka import Producer

from schemas.codec import Record
from schemas.topics import RANKED
from streams.kafka.producer import KafkaOutput
from streams.kafka.topic_reader import read_to_end
from streams.store.memory_store import MemoryStore
from tests.support.brokers import N_PARTITIONS
from tests.support.calls_table import load_subscribe, table_differences
from tests.support.leads.event_stream import TENANT, events
from tests.support.roles import Clock, Roles

pytestmark = [pytest.mark.service, pytest.mark.slow]


def test_table_equals_the_boards_in_spite_of_duplicates_and_late_records(broker: str) -> None:
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock, N_PARTITIONS)
    roles.promote()
    worker, publisher = roles.worker(), roles.publisher()
    for seed in range(6):
        roles.ingest(*events(seed, 150, n_leads=25))
        roles.settle(worker, publisher)
    KafkaOutput(broker, 30.0, roles.stop).deliver(roles.output.records)
    published = list(read_to_end(broker, RANKED.name))
    repeat(broker, published)
    n_records = len(published) * 2
    assert any(record.value is None for record in published)

    table = sqlite3.connect(":memory:")
    deadline = time.monotonic() + 30
    seen = [0]
    table.set_trace_callback(lambda sql: seen.__setitem__(0, seen[0] + sql.startswith("INSERT")))

    def is_wanted() -> bool:
        assert time.monotonic() < deadline, f"{seen[0]} of {n_records} records"
        return seen[0] < n_records

    load_subscribe()(broker, table, is_wanted)
    assert table_differences(table, roles.store, TENANT) == []
    table.close()


def repeat(broker: str, records: list[Record]) -> None:
    """Everything once more, in any order: what restarts and paused publishers may do."""
    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random"})
    for record in random.Random(1).sample(records, len(records)):
        producer.produce(
            record.topic, key=record.key, value=record.value, headers=list(record.headers)
        )
    assert producer.flush(30) == 0

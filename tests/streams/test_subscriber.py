"""The subscriber that the documentation shows, run against live topics."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.codec import Record
from schemas.topics import RANKED
from streams.kafka.producer import KafkaOutput
from streams.kafka.topic_reader import read_to_end
from streams.store.memory_store import MemoryStore
from tests.support.brokers import N_PARTITIONS, make_topics, require_kafka, start_kafka
from tests.support.calls_table import load_subscribe, table_differences
from tests.support.leads.event_stream import TENANT, events
from tests.support.roles import Clock, Roles

OTHER = "northern"
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


@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_broker_that_is_away_is_waited_for_and_tenants_stay_apart(tmp_path: Path) -> None:
    """It dies between a transaction of the table and the commit of its offsets, and comes back."""
    require_kafka()
    roles = Roles(MemoryStore((clock := Clock()).now_ms), clock, N_PARTITIONS)
    roles.promote()
    for event in events(2, 400, n_leads=25):
        other = event.model_copy(update={"tenant": OTHER})
        roles.ingest(event, *([other] if int(event.lead[-1], 16) % 2 else []))
    roles.settle(roles.worker(), roles.publisher())
    address, process = start_kafka(tmp_path)
    brokers = [process]
    try:
        make_topics(address)
        records = [record for record in roles.output.records if record.topic == RANKED.name]
        KafkaOutput(address, 30.0, roles.stop).deliver(records[:20])
        table = sqlite3.connect(":memory:")
        deadline = time.monotonic() + 180
        seen = [0]

        def notice(sql: str) -> None:
            seen[0] += sql.startswith("INSERT")
            if sql == "COMMIT" and seen[0] and len(brokers) == 1:
                brokers[0].kill()
                brokers[0].wait()

        table.set_trace_callback(notice)

        def is_wanted() -> bool:
            assert time.monotonic() < deadline, f"{seen[0]} of {len(records)} records"
            if brokers[-1].poll() is not None:
                brokers.append(start_kafka(tmp_path, int(address.rpartition(":")[2]))[1])
                KafkaOutput(address, 30.0, roles.stop).deliver(records[20:])
            return len(brokers) == 1 or seen[0] < len(records)

        load_subscribe()(address, table, is_wanted)
        for tenant in (TENANT, OTHER):
            assert table_differences(table, roles.store, tenant) == []
        shared = "SELECT count(*) FROM (SELECT lead FROM calls GROUP BY lead HAVING count(*) > 1)"
        assert table.execute(shared).fetchone()[0] > 0, "leads of one name in both"
        table.close()
    finally:
        brokers[-1].kill()
        brokers[-1].wait()

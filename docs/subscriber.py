"""A subscriber to copy: keeps a table of who to call next, from `leads.ranked`.

    python docs/subscriber.py localhost:9092 calls.db
    sqlite3 calls.db "SELECT lead, reason FROM calls WHERE tenant = 't' AND queue = 'n'
        ORDER BY probability DESC"

Records may come twice and late. The header `asllr_order` (four integers, in every record and every
tombstone) says which of two is newer: keep the greatest. A tombstone stays in the table as a row
without a queue, or a late record would bring the lead back. Tenants may have leads and queues of
the same name: ask for both. The SQL is Postgres' as well. While Kafka is away it waits.
"""

import json
import sqlite3
import sys
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

TABLE = """CREATE TABLE IF NOT EXISTS calls (tenant TEXT, lead TEXT, queue TEXT, rank INTEGER,
    probability REAL, reason TEXT, o1 INTEGER, o2 INTEGER, o3 INTEGER, o4 INTEGER,
    PRIMARY KEY (tenant, lead))"""
UPSERT = """INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, lead)
    DO UPDATE SET queue = excluded.queue, rank = excluded.rank, probability = excluded.probability,
    reason = excluded.reason, o1 = excluded.o1, o2 = excluded.o2, o3 = excluded.o3, o4 = excluded.o4
    WHERE (excluded.o1, excluded.o2, excluded.o3, excluded.o4)
       >= (calls.o1, calls.o2, calls.o3, calls.o4)"""


def apply(table: sqlite3.Connection, message: Message) -> None:
    if error := message.error():
        if error.fatal():
            raise KafkaException(error)
        print(f"goes on by itself: {error}", file=sys.stderr)  # a broker restarts, for example
        return
    order = json.loads(dict(message.headers() or [])["asllr_order"] or b"")
    update = json.loads(message.value() or b"{}")  # a tombstone has no value: the lead left
    row = [update.get(name) for name in ("queue", "rank", "probability", "reason")]
    tenant, _, lead = (message.key() or b"").decode().partition("/")
    table.execute(UPSERT, [tenant, lead, *row, *order])


def note(error: KafkaError | None, offsets: list[TopicPartition]) -> None:
    if error:  # kept with the next ones; until then records may come again, which is fine
        print(f"offsets are not kept yet: {error}", file=sys.stderr)


def subscribe(broker: str, table: sqlite3.Connection, is_wanted: Callable[[], bool]) -> None:
    table.execute(TABLE)
    group = {"group.id": "calls-table", "auto.offset.reset": "earliest", "on_commit": note}
    consumer = Consumer({"bootstrap.servers": broker, "enable.auto.commit": False, **group})
    consumer.subscribe(["leads.ranked"])
    while is_wanted():
        messages = consumer.consume(500, timeout=1.0)
        with table:  # one transaction, then the offsets: a crash in between repeats, which is fine
            for message in messages:
                apply(table, message)
        if messages:
            consumer.commit()  # does not wait: a broker that is away would hold up what follows
    consumer.close()


if __name__ == "__main__":
    subscribe(sys.argv[1], sqlite3.connect(sys.argv[2]), lambda: True)

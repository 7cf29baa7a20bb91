"""The consumers that `tests.bench.ingest` compares, each as a process of its own:
`python -m tests.bench.consumers '{"kind": ...}'` reads what is in the topics and prints one JSON
line: events, and the seconds of wall clock and CPU between its first and its last record.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from confluent_kafka import Consumer, Message
from redis import Redis

from schemas.codec import Record
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS
from streams.ingest.batch import Batch, Conditions, apply_batch
from streams.kafka.topic_reader import to_record
from streams.store.contract import Commit, CommitResult, CommitStatus
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS

TOPICS = [CRM_EVENTS.name, ASR_TRANSCRIPTS.name]
POLL_RECORDS = 500


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    kind: str
    bootstrap_servers: str
    redis_url: str
    group: str
    n_events: int


class Meter:
    """Starts with the first record, so that imports and joining the group do not count."""

    def __init__(self, n_events: int) -> None:
        self._n_events = n_events
        self._started: tuple[float, float] | None = None
        self.n = 0

    def begin(self) -> None:
        if self._started is None:
            self._started = time.perf_counter(), time.process_time()

    def count(self, n: int) -> None:
        self.n += n
        if self.n >= self._n_events:
            self.end()

    def end(self) -> NoReturn:
        wall_s, cpu_s = self._started or (0.0, 0.0)
        found = {
            "events": self.n,
            "wall_s": time.perf_counter() - wall_s,
            "cpu_s": time.process_time() - cpu_s,
            "rss_mb": peak_rss_mb(),
        }
        os.write(1, json.dumps(found).encode() + b"\n")  # Faust takes sys.stdout for its log
        os._exit(0)


def peak_rss_mb() -> float:
    """Of this process: getrusage would tell of its parent before the exec too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def stock_faust(spec: ConsumerSpec) -> None:
    """(a) What the tutorial shows: JSON in, one awaited write to Redis per event."""
    import faust
    from redis import asyncio as redis_asyncio

    meter = Meter(spec.n_events)
    app = faust.App(
        spec.group,
        broker=[f"kafka://{spec.bootstrap_servers}"],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=POLL_RECORDS,
    )

    async def agent(stream: faust.StreamT[object]) -> None:
        client = redis_asyncio.Redis.from_url(spec.redis_url)
        async for event in stream.events():
            meter.begin()
            await client.hset("stock", event.key, json.dumps(event.value))
            meter.count(1)

    for topic in TOPICS:
        source = app.topic(topic, key_serializer="raw", value_serializer="json", value_type=None)
        app.agent(source, name=f"stock-{topic}")(agent)
    app.finalize()
    faust.Worker(app, loglevel="error", quiet=True).execute_from_commandline()


class CountingStore(RedisStore):
    """Tells a meter what it has committed: asking Redis would cost what is measured."""

    def __init__(self, url: str, meter: Meter) -> None:
        super().__init__(Redis.from_url(url))
        self._meter = meter
        self._lock = threading.Lock()

    def frontier(self, shard: int) -> dict[str, int]:
        self._meter.begin()  # partitions are assigned: from here on it reads
        return super().frontier(shard)

    def commit(self, commit: Commit) -> CommitResult:
        result = super().commit(commit)
        if result.status is CommitStatus.COMMITTED:
            with self._lock:
                self._meter.count(commit.last - commit.prev)
        return result


def ours(spec: ConsumerSpec) -> None:
    """(b) The ingest role: decode, validate, fold, commit."""
    from streams.ingest.worker import IngestConfig, run_ingest

    meter = Meter(spec.n_events)
    store = CountingStore(spec.redis_url, meter)

    run_ingest(
        IngestConfig(
            bootstrap_servers=spec.bootstrap_servers,
            member="bench",
            n_partitions=N_PARTITIONS,
            open_store=lambda: store,
            group=spec.group,
        )
    )


def plain_client_same_work(spec: ConsumerSpec) -> None:
    """(c) confluent-kafka and the same validation, fold and commit: the practical ceiling."""
    from streams.ingest.worker import collect_rarely

    collect_rarely()
    store = RedisStore(Redis.from_url(spec.redis_url))
    store.partitions(N_PARTITIONS)
    never = threading.Event()
    under = Conditions(store, N_PARTITIONS, 30.0, never, never, lambda step: None)
    chain: dict[tuple[str, int], int] = defaultdict(lambda: -1)

    def work(messages: Sequence[Message]) -> None:
        by_place: dict[tuple[str, int], list[Record]] = defaultdict(list)
        for message in messages:
            record = to_record(message)
            by_place[record.topic, record.partition].append(record)
        for place, records in by_place.items():
            apply_batch(Batch(*place, chain[place], records), under)
            chain[place] = records[-1].offset

    _consume(spec, work)


def plain_client_one_write(spec: ConsumerSpec) -> None:
    """(d) confluent-kafka and a pipelined write of the same bytes: no validation, no fold."""
    client = Redis.from_url(spec.redis_url)

    def work(messages: Sequence[Message]) -> None:
        pipeline = client.pipeline(transaction=False)
        for message in messages:
            pipeline.hset("plain", message.key(), message.value())
        pipeline.execute()

    _consume(spec, work)


def _consume(spec: ConsumerSpec, work: Callable[[Sequence[Message]], None]) -> None:
    meter = Meter(spec.n_events)
    consumer = Consumer(
        {
            "bootstrap.servers": spec.bootstrap_servers,
            "group.id": spec.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe(TOPICS)
    while True:
        messages = [m for m in consumer.consume(POLL_RECORDS, timeout=1.0) if m.error() is None]
        if messages:
            meter.begin()
            work(messages)
            meter.count(len(messages))


KINDS: dict[str, Callable[[ConsumerSpec], None]] = {
    "stock_faust": stock_faust,
    "ours": ours,
    "plain_client_same_work": plain_client_same_work,
    "plain_client_one_write": plain_client_one_write,
}


if __name__ == "__main__":
    chosen = ConsumerSpec(**json.loads(sys.argv[1]))
    sys.argv = sys.argv[:1]
    KINDS[chosen.kind](chosen)

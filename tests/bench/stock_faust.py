"""What stock Faust loses: the agents its documentation shows, one transient exception now and then,
one kill and restart; events that were acknowledged and never reached Redis.

    python -m tests.bench.stock_faust

Ours, under far more, loses none (`make chaos`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from redis import Redis

from streams.store.embedded_redis import EmbeddedRedis
from tests.support.brokers import start_kafka

N_EVENTS = 2_000
N_PARTITIONS = 4
FAILS_EVERY = 100
"""Events that one fails among."""

BATCH = 50
SILENCE_S = 10.0
"""So long without progress, and nothing more is coming."""

LIMIT_S = 120.0
ROOT = Path(__file__).parent.parent.parent
APPLIED = "applied"


@dataclass(frozen=True, slots=True)
class StockSpec:
    variant: str
    bootstrap_servers: str
    redis_url: str
    topic: str


class Transient(Exception):
    """A timeout of a service, say. The next attempt would succeed."""


def losses(bootstrap_servers: str) -> dict[str, dict[str, int]]:
    """Per variant: events produced, lost, and applied twice or more."""
    return {variant: _losses(variant, bootstrap_servers) for variant in VARIANTS}


def _losses(variant: str, bootstrap_servers: str) -> dict[str, int]:
    topic = f"stock.{variant}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 2})
    admin.create_topics([NewTopic(topic, N_PARTITIONS, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": bootstrap_servers, "acks": "all"})
    for number in range(N_EVENTS):
        producer.produce(topic, json.dumps({"id": number}), key=str(number % 200))
    producer.flush(30)
    with EmbeddedRedis() as server, server.client() as client:
        spec = StockSpec(variant, bootstrap_servers, server.url, topic)
        for _ in range(2):  # killed once half-way or when it stands still, then started again
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.stock_faust", json.dumps(asdict(spec))],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                _wait_for_silence(client)
            finally:
                process.kill()
                process.wait()
        counts = [int(n) for n in client.hgetall(APPLIED).values()]
    return {
        "produced": N_EVENTS,
        "lost": N_EVENTS - len(counts),
        "applied_again": sum(counts) - len(counts),
    }


def _wait_for_silence(client: Redis) -> None:
    started_s = changed_s = time.monotonic()
    before = -1
    while time.monotonic() - changed_s < SILENCE_S and time.monotonic() - started_s < LIMIT_S:
        time.sleep(0.2)
        if (now := int(client.hlen(APPLIED))) != before:
            before, changed_s = now, time.monotonic()
        if before >= N_EVENTS:
            return


async def plain(stream: Any, apply: Callable[[Any], Awaitable[None]]) -> None:
    async for value in stream:
        await apply(value)


async def take(stream: Any, apply: Callable[[Any], Awaitable[None]]) -> None:
    async for values in stream.take(BATCH, within=0.1):
        for value in values:
            await apply(value)


async def noack(stream: Any, apply: Callable[[Any], Awaitable[None]]) -> None:
    """Acknowledged by hand, after the work."""
    events: AsyncIterator[Any] = stream.noack().events()
    async for event in events:
        await apply(event.value)
        event.ack()


VARIANTS = {"plain": plain, "take": take, "noack": noack}


def run(spec: StockSpec) -> None:
    import faust
    from redis import asyncio as redis_asyncio

    app = faust.App(
        f"stock-{spec.variant}",
        broker=[f"kafka://{spec.bootstrap_servers}"],
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
    )
    n_seen = [0]

    async def agent(stream: Any) -> None:
        client = redis_asyncio.Redis.from_url(spec.redis_url)

        async def apply(value: Any) -> None:
            n_seen[0] += 1
            if n_seen[0] % FAILS_EVERY == 0:
                raise Transient
            await client.hincrby(APPLIED, str(value["id"]), 1)

        await VARIANTS[spec.variant](stream, apply)

    source = app.topic(spec.topic, key_serializer="raw", value_serializer="json", value_type=None)
    app.agent(source)(agent)
    app.finalize()
    faust.Worker(app, loglevel="error", quiet=True).execute_from_commandline()


def main() -> None:
    if len(sys.argv) > 1:
        spec = StockSpec(**json.loads(sys.argv[1]))
        sys.argv = sys.argv[:1]
        run(spec)
        return
    with tempfile.TemporaryDirectory() as folder:
        address, process = start_kafka(Path(folder))
        try:
            sys.stdout.write(json.dumps(losses(address)) + "\n")
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()

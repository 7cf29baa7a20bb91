"""Ingest: events per CPU second of ours, of stock Faust, and of a plain client doing the same work.

One log on Apache Kafka, each consumer a process that reads it whole; medians of several runs.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from redis import Redis

from schemas.codec import Record
from schemas.events import EventBase
from streams.ingest.batch import Batch, Conditions, apply_batch
from streams.store.embedded_redis import EmbeddedRedis
from streams.store.redis_store import RedisStore
from tests.bench.consumers import KINDS, POLL_RECORDS, ConsumerSpec
from tests.bench.events import lead_events, send
from tests.support.brokers import N_PARTITIONS, make_topics, start_kafka
from tests.support.leads.records import log_of

LIMIT_S = 300
ROOT = Path(__file__).parent.parent.parent

Say = Callable[[str], None]


def compare(folder: Path, n_events: int, n_runs: int, *, with_transcripts: bool, say: Say) -> Any:
    """Per kind: events per CPU second and wall second, RSS; ratios to stock Faust and to the plain
    client that does the same work."""
    folder.mkdir(parents=True)
    events = lead_events(5, n_events, with_transcripts=with_transcripts)
    address, process = start_kafka(folder)
    try:
        make_topics(address)
        send(address, events)
        found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
        for run in range(n_runs):
            for kind in KINDS:
                found[kind].append(_measure(kind, address, f"{kind}-{run}", n_events))
                rate = found[kind][-1]["events"] / found[kind][-1]["cpu_s"]
                say(f"ingest: run {run + 1} of {n_runs}, {kind}: {rate:,.0f} events per CPU second")
    finally:
        process.kill()
        process.wait()
    kinds = {kind: _summary(runs) for kind, runs in found.items()}
    ours = kinds["ours"]["events_per_cpu_s"]
    return kinds | {
        "times_stock_faust": round(ours / kinds["stock_faust"]["events_per_cpu_s"], 2),
        "share_of_plain_client": round(
            ours / kinds["plain_client_same_work"]["events_per_cpu_s"], 3
        ),
        "events": n_events,
        "with_transcripts": with_transcripts,
        "runs": n_runs,
    }


def _measure(kind: str, address: str, group: str, n_events: int) -> dict[str, float]:
    with EmbeddedRedis() as server:
        spec = ConsumerSpec(kind, address, server.url, group, n_events)
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.consumers", json.dumps(asdict(spec))],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        start = done.stdout.find('{"events"')  # Faust writes terminal codes before it
        if done.returncode or start < 0:
            said = done.stderr[-1500:] + done.stdout[-500:]
            raise RuntimeError(f"{kind} ended with {done.returncode}: {said}")
        found: dict[str, float] = json.loads(done.stdout[start:])
        if kind in ("ours", "plain_client_same_work"):
            _check_frontiers(server.url, n_events)
    return found


def _check_frontiers(url: str, n_events: int) -> None:
    """Nothing was skipped to be fast."""
    with Redis.from_url(url) as client:
        store = RedisStore(client)
        frontiers = [store.frontier(shard) for shard in range(N_PARTITIONS)]
    n_applied = sum(last + 1 for frontier in frontiers for last in frontier.values())
    if n_applied != n_events:
        raise RuntimeError(f"{n_applied} of {n_events} events were applied")


def _summary(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {
        "events_per_cpu_s": round(median(run["events"] / run["cpu_s"] for run in runs)),
        "events_per_wall_s": round(median(run["events"] / run["wall_s"] for run in runs)),
        "rss_mb": round(max(run["rss_mb"] for run in runs)),
    }


def profile(n_events: int) -> list[str]:
    """Where `apply_batch` spends its time, without a broker: the costliest functions."""
    profiler = cProfile.Profile()
    log = log_now(lead_events(5, n_events))
    with EmbeddedRedis() as server, server.client() as client:
        profiler.enable()
        apply_all(RedisStore(client), log)
        profiler.disable()
    stats: Any = pstats.Stats(profiler)
    total: float = stats.total_tt
    costliest = sorted(stats.stats.items(), key=lambda item: -item[1][2])[:12]
    return [
        f"{own / total:5.1%} {Path(file).name}:{line} {name}"
        for (file, line, name), (_, _, own, _, _) in costliest
    ]


def log_now(events: Sequence[EventBase]) -> dict[tuple[str, int], list[Record]]:
    """What a broker that got all of them just now would hold."""
    now_ms = int(time.time() * 1000)
    log = log_of(events, n_partitions=N_PARTITIONS)
    return {
        place: [record._replace(timestamp_ms=now_ms) for record in records]
        for place, records in log.items()
    }


def apply_all(store: RedisStore, log: Mapping[tuple[str, int], Sequence[Record]]) -> None:
    """As ingest would, in batches of one fetch."""
    store.partitions(N_PARTITIONS)
    never = threading.Event()
    under = Conditions(store, N_PARTITIONS, 30.0, never, never, lambda step: None)
    for (topic, partition), records in log.items():
        for start in range(0, len(records), POLL_RECORDS):
            batch = records[start : start + POLL_RECORDS]
            apply_batch(Batch(topic, partition, batch[0].offset - 1, batch), under)

"""What a transactional id per shard would cost the publisher, used as a fence alone.

    python -m tests.bench.publisher_fence

The same batches of the same records, idempotent and in transactions, on Apache Kafka 4: records per
second and milliseconds per batch.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from confluent_kafka import Producer

from schemas.topics import RANKED, SCORES
from tests.support.brokers import make_topics, start_kafka
from tests.support.machine import this_machine

N_BATCHES = 200
BATCH_SIZES = (5, 50, 500)
RECORD = b"x" * 900
"""As long as a score."""

RUNS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        address, process = start_kafka(Path(folder))
        try:
            make_topics(address)
            found: dict[str, Any] = {str(size): _compare(address, size) for size in BATCH_SIZES}
        finally:
            process.kill()
            process.wait()
    found["machine"] = this_machine().described()
    sys.stdout.write(json.dumps(found) + "\n")


def _compare(address: str, size: int) -> dict[str, Any]:
    plain, fenced = [], []
    for _ in range(RUNS):
        plain.append(_run(address, size, fenced=False))
        fenced.append(_run(address, size, fenced=True))
    best = {"idempotent": _median(plain), "transactional": _median(fenced)}
    ratio = best["transactional"]["records_per_s"] / best["idempotent"]["records_per_s"]
    more_ms = best["transactional"]["batch_ms"] - best["idempotent"]["batch_ms"]
    cost = {"throughput_lost": round(1 - ratio, 3), "added_batch_ms": round(more_ms, 2)}
    return best | cost


def _median(runs: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "records_per_s": round(median(rate for rate, _ in runs)),
        "batch_ms": round(median(ms for _, ms in runs), 2),
    }


def _run(address: str, size: int, *, fenced: bool) -> tuple[float, float]:
    options: dict[str, Any] = {
        "bootstrap.servers": address,
        "acks": "all",
        "enable.idempotence": True,
        "linger.ms": 1,
        "compression.type": "lz4",
    }
    producer = Producer(options | ({"transactional.id": "shard-7"} if fenced else {}))
    if fenced:
        producer.init_transactions(30)
    took_ms = []
    started_s = time.perf_counter()
    for batch in range(N_BATCHES):
        batch_s = time.perf_counter()
        if fenced:
            producer.begin_transaction()
        for number in range(size):
            topic = SCORES if number % 2 else RANKED
            producer.produce(topic.name, RECORD, key=f"t/{batch}-{number}")
        producer.flush(30)
        if fenced:
            producer.commit_transaction(30)
        took_ms.append((time.perf_counter() - batch_s) * 1000)
    seconds = time.perf_counter() - started_s
    return N_BATCHES * size / seconds, median(took_ms)


if __name__ == "__main__":
    main()

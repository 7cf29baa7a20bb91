"""From sending an event to the rank it causes, in milliseconds, and where they go. Only events that
a rank names as its cause are timed: of a burst that is scored once, its newest. Also for half an
hour on end, to see what grows.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from schemas.codec import Record
from schemas.events import EventBase
from schemas.outputs import RankUpdate, Score
from schemas.timestamps import to_ms
from schemas.topics import RANKED, SCORES
from streams.kafka.journal import JournalingProducer
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import state_differences
from streams.oracle.output_reader import OutputReader
from tests.bench.deployment import Measured, deployment
from tests.support.brokers import N_PARTITIONS, wait_until
from training.simulator.live import live_events

WARM_UP_S = 5.0
QUIET_S = 60.0
PARTS = ("broker", "ingest", "queue", "engine", "rest_of_scoring", "publish")

Say = Callable[[str], None]
Percentiles = dict[str, float]


@dataclass
class Ledger:
    """What was sent and what came of it."""

    handed_ms: dict[tuple[str, str], float] = field(default_factory=dict)
    """When the producer was given the event; Kafka's clock is this machine's."""

    sent_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    scores: dict[tuple[str, str], Score] = field(default_factory=dict)
    total_ms: list[tuple[float, float]] = field(default_factory=list)
    """(when its rank was read, seconds of monotonic time; milliseconds from sending to rank)."""

    parts_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    n_events: int = 0
    n_scores: int = 0
    is_timed: bool = False

    def handed(self, event: EventBase) -> None:
        if self.is_timed:
            self.handed_ms[event.source, event.id] = time.time() * 1000

    def sent(self, event: EventBase, record: Record) -> None:
        self.n_events += 1
        if self.is_timed:
            self.sent_ms[event.source, event.id] = record.timestamp_ms

    def read(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.topic == SCORES.name and record.value:
                score = Score.model_validate_json(record.value)
                self.n_scores += 1
                self.scores[f"{score.tenant}/{score.lead}", repr(score.order)] = score
            elif record.topic == RANKED.name and record.value:
                self._ranked(RankUpdate.model_validate_json(record.value), record.timestamp_ms)

    def _ranked(self, update: RankUpdate, at_ms: int) -> None:
        if update.cause.kind != "event":
            return
        cause = update.cause.source, update.cause.id
        sent_ms, handed_ms = self.sent_ms.pop(cause, None), self.handed_ms.pop(cause, None)
        score = self.scores.get((f"{update.tenant}/{update.lead}", repr(update.order)))
        if sent_ms is None or handed_ms is None or score is None:
            return
        self.total_ms.append((time.monotonic(), at_ms - handed_ms))
        latency = score.latency_ms
        for part, value in zip(
            PARTS,
            (
                sent_ms - handed_ms,
                latency.ingest or 0.0,
                latency.queue or 0.0,
                latency.engine,
                latency.claim_to_result - latency.engine,
                at_ms - to_ms(score.scored_at),
            ),
            strict=True,
        ):
            self.parts_ms[part].append(float(value))


def measure(rate_per_s: float, seconds: float, artifact: Path | None) -> dict[str, Any]:
    """At one rate. Raises when Redis is not the fold of what was sent."""
    with deployment(artifact) as measured:
        ledger, found = drive(measured, rate_per_s, seconds, seed=int(rate_per_s))
    return {
        "rate_per_s": rate_per_s,
        "events": ledger.n_events,
        "ranks": len(ledger.total_ms),
        "total": percentiles([ms for _, ms in ledger.total_ms]),
        "parts": {part: percentiles(values) for part, values in ledger.parts_ms.items()},
        **found,
    }


def drive(
    measured: Measured,
    rate_per_s: float,
    seconds: float,
    seed: int,
    each_minute: Callable[[int], None] = lambda minute: None,
) -> tuple[Ledger, dict[str, Any]]:
    ledger = Ledger()
    producer = JournalingProducer(measured.address, ledger.sent)
    with closing(OutputReader(measured.address)) as reader:
        started_s = time.monotonic()
        minute = 0
        for due in live_events(seed, start=datetime.now(UTC), rate_per_s=rate_per_s):
            while (ahead_s := started_s + due.after_s - time.monotonic()) > 0:
                ledger.read(reader.read(min(ahead_s, 0.01)))
                producer.poll()
            ledger.is_timed = due.after_s > WARM_UP_S
            if due.after_s > seconds + WARM_UP_S:
                break
            if due.after_s >= (minute + 1) * 60:
                minute += 1
                each_minute(minute)
            ledger.handed(due.event)
            producer.send(due.event)
        producer.flush()
        wait_until(lambda: _is_quiet(measured), "nothing left to do", QUIET_S)
        ledger.read(reader.read(1.0))
    folded = fold_log(producer.records or [], N_PARTITIONS)
    differences = list(state_differences(folded, measured.store, N_PARTITIONS))
    if differences:
        raise RuntimeError(f"Redis is not the fold of the log: {differences[:3]}")
    return ledger, {"rss_mb": measured.rss_mb()}


def steady(minutes: int, rate_per_s: float, artifact: Path, say: Say) -> list[dict[str, Any]]:
    """Minutes of the same load: for each the memory of each role and of Redis, and the latency of
    the ranks that came in it."""
    rows: list[dict[str, Any]] = []
    with deployment(artifact) as measured:
        marks = [time.monotonic()]

        def look(minute: int) -> None:
            info = measured.redis.info("memory")
            rows.append(
                {"minute": minute, **measured.rss_mb(), "redis": info["used_memory"] // 2**20}
            )
            marks.append(time.monotonic())
            say(f"steady: {rows[-1]}")

        ledger, _ = drive(measured, rate_per_s, minutes * 60.0, 9, look)
    for row, since_s, until_s in zip(rows, marks, marks[1:], strict=False):
        came = [ms for at_s, ms in ledger.total_ms if since_s <= at_s < until_s]
        row["total_ms"] = percentiles(came)
    return rows


def _is_quiet(measured: Measured) -> bool:
    store = measured.store
    return not any(store.dirty_count(s) or store.outbox_size(s) for s in range(N_PARTITIONS))


def percentiles(values: Sequence[float]) -> Percentiles:
    if len(values) < 2:
        return {}
    cuts = quantiles(values, n=100, method="inclusive")
    return {name: round(cuts[i - 1], 1) for name, i in (("p50", 50), ("p95", 95), ("p99", 99))}

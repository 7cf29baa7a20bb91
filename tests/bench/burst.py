"""Fifty events per lead while the engine is slow: how many scores that takes, and whether an older
result is ever accepted. Beside it a naive consumer that scores on every event, timed on the first
of them and multiplied: every event costs it the same.

Of the two workers one is slower than its leases last and does not renew them, as if frozen: its
results come in after newer ones, and without the order fence of `complete.lua` would be accepted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from redis import Redis

from schemas.events import EventBase, InteractionLogged
from schemas.outputs import Score
from schemas.timestamps import to_ms
from schemas.topics import SCORES
from scoring.engine import EngineInput
from scoring.lead.fold import evolve, fold
from scoring.lead.history import history_of
from scoring.score import Scorer, prepare
from streams.artifact_shelf import Shelf
from streams.ingest.batch import Batch, Conditions, apply_batch
from streams.publish.publisher import Step, publish
from streams.score.worker import ScoreWorkerConfig, run_score_worker
from streams.store.board import OrderKey, order_of
from streams.store.embedded_redis import EmbeddedRedis
from streams.store.redis_store import RedisStore
from tests.bench.ingest import log_now
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.leads.event_stream import START, TENANT
from tests.support.leads.lead_events import joins
from tests.support.roles import LogOutput

EVENTS_PER_LEAD = 50
BURST_S = 4.0
NAIVE_EVENTS = 100
LAGS = 4
"""So many times as long the late worker's engine takes; its leases last one."""

SLICES = 40
"""Fetches in which the burst arrives."""


@dataclass(frozen=True, slots=True)
class SlowEngine:
    seconds: float
    batch_size: int = 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        time.sleep(self.seconds * len(inputs))
        return RuleEngine().logits(inputs)


class Unrenewed(RedisStore):
    """Of a worker that cannot reach Redis while its engine runs."""

    def renew(self, shard: int, worker: str, leads: Sequence[str], lease_ms: int) -> list[str]:
        return []


def burst(n_leads: int, engine_s: float) -> dict[str, Any]:
    events = burst_events(n_leads)
    scorer = replace(rule_scorer(), engine=SlowEngine(engine_s))
    output, seconds = _ours(events, scorer, engine_s)
    records = output.of(SCORES.name)
    orders: dict[str, list[OrderKey]] = {}
    for record in records:
        score = Score.model_validate_json(record.value or b"")
        orders.setdefault(record.key.decode(), []).append(order_of(score))
    older = sum(a >= b for found in orders.values() for a, b in pairwise(found))
    return {
        "events": len(events),
        "leads": n_leads,
        "engine_s": engine_s,
        "scores_per_event": round(len(records) / len(events), 4),
        "older_accepted": older,
        "seconds": round(seconds, 1),
        "naive": _naive(events, scorer),
    }


def burst_events(n_leads: int) -> list[EventBase]:
    """Of all leads in turn, as clicks of a campaign come."""
    first: list[EventBase] = [joins(lead, lead=f"l{lead}") for lead in range(n_leads)]
    return first + [
        InteractionLogged(
            id=f"b{i}-{lead}",
            source="web",
            tenant=TENANT,
            lead=f"l{lead}",
            occurred_at=START + timedelta(seconds=i),
            channel="web",
        )
        for i in range(EVENTS_PER_LEAD - 1)
        for lead in range(n_leads)
    ]


def _ours(events: Sequence[EventBase], scorer: Scorer, engine_s: float) -> tuple[LogOutput, float]:
    """Ingest, two score workers and a publisher, in threads, over a real Redis."""
    output, stop = LogOutput(), threading.Event()
    with EmbeddedRedis() as server:
        store = RedisStore(Redis.from_url(server.url))
        store.partitions(N_PARTITIONS)
        for shard in range(N_PARTITIONS):
            store.promote(shard, "*", 0, scorer.digest)
        late = replace(scorer, engine=SlowEngine(LAGS * engine_s))
        workers = [
            _worker("prompt", store, scorer, 10_000, stop),
            _worker("late", Unrenewed(store._client), late, round(engine_s * 1000), stop),
        ]
        started_s = time.monotonic()
        _ingest_paced(events, store, output)
        shards = range(N_PARTITIONS)
        while any(store.dirty_count(s) or store.outbox_size(s) for s in shards):
            publish(shards, Step(store, output))
        seconds = time.monotonic() - started_s
        stop.set()
        for worker in workers:
            worker.join()
    return output, seconds


def _worker(
    name: str, store: RedisStore, scorer: Scorer, lease_ms: int, stop: threading.Event
) -> threading.Thread:
    config = ScoreWorkerConfig(lambda: store, name, N_PARTITIONS, (), lease_ms=lease_ms)
    shelf = Shelf(lambda digest: scorer)
    worker = threading.Thread(target=run_score_worker, args=(config, stop), kwargs={"shelf": shelf})
    worker.start()
    return worker


def _ingest_paced(events: Sequence[EventBase], store: RedisStore, output: LogOutput) -> None:
    never = threading.Event()
    under = Conditions(store, N_PARTITIONS, 30.0, never, never, lambda step: None)
    log = log_now(events)
    started_s = time.monotonic()
    for i in range(SLICES):
        for (topic, partition), records in log.items():
            cut = slice(len(records) * i // SLICES, len(records) * (i + 1) // SLICES)
            if part := records[cut]:
                apply_batch(Batch(topic, partition, part[0].offset - 1, part), under)
        while time.monotonic() < started_s + BURST_S * (i + 1) / SLICES:
            publish(range(N_PARTITIONS), Step(store, output))


def _naive(events: Sequence[EventBase], scorer: Scorer) -> dict[str, float]:
    """Keep a dict, score on every event."""
    states = {}
    started_s = time.monotonic()
    for event in events[:NAIVE_EVENTS]:
        state = evolve(states.get(event.key) or fold([]), event)
        states[event.key] = state
        scorer.engine.logits([prepare(history_of(state), to_ms(event.occurred_at), scorer.spec)])
    per_event_s = (time.monotonic() - started_s) / min(NAIVE_EVENTS, len(events))
    return {
        "scores_per_event": 1.0,
        "events_timed": NAIVE_EVENTS,
        "seconds_for_all_extrapolated": round(per_event_s * len(events), 1),
    }

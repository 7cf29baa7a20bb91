"""What an event costs when there are many leads, and what a lead costs in Redis: once ingested, and
once it also has a score and a place on a board.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis

from schemas.codec import Record
from schemas.events import EventBase, TranscriptReady
from schemas.partitioner import partition_for
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from streams.artifact_shelf import Shelf
from streams.kafka.producer import OutRecord
from streams.publish.publisher import Step, publish
from streams.score.worker import ScoreWorkerConfig, run_score_worker
from streams.store.contract import Commit, LeadWrite, StoredLead
from streams.store.embedded_redis import EmbeddedRedis
from streams.store.redis_store import RedisStore
from tests.bench.ingest import apply_all, log_now
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import RuleEngine, rule_scorer
from training.simulator.emit import SimulatedLead, simulate_leads
from training.simulator.world import World

TEMPLATES = 1_000
SCORED = 10_000
"""Leads that are scored and ranked, or all if there are fewer: what that adds to a lead does not
depend on how many others there are, and a million scores would take most of an hour."""

CHUNK = 500
FIRST_OFFSET = 10_000_000

Say = Callable[[str], None]


def scale(sizes: list[int], n_events: int, say: Say) -> list[dict[str, Any]]:
    """Per number of leads in Redis: events per CPU second of `apply_batch`, bytes per lead."""
    # Up to now, so that time edges are still ahead of some leads, as they are of live ones.
    start = datetime.now(UTC) - timedelta(days=World().span_days)
    templates = list(simulate_leads(31, TEMPLATES, start=start))
    return [_at(size, templates, n_events, say) for size in sizes]


def _at(n_leads: int, templates: list[SimulatedLead], n_events: int, say: Say) -> dict[str, Any]:
    with EmbeddedRedis() as server, server.client() as client:
        store = RedisStore(client)
        store.partitions(N_PARTITIONS)
        empty = _used_bytes(client)
        state_bytes = _fill(store, n_leads, templates)
        ingested = (_used_bytes(client) - empty) / n_leads
        added = _added_by_a_rank(client, store, n_leads)
        cpu_s, redis_cpu_s = _cost(client, store, n_leads, templates, n_events)
    row = {
        "leads": n_leads,
        "events_per_cpu_s": round(n_events / cpu_s),
        "redis_cpu_us_per_event": round(redis_cpu_s / n_events * 1e6, 1),
        "state_bytes": round(state_bytes),
        "redis_bytes_per_lead": {
            "ingested": round(ingested),
            "scored_and_ranked": round(ingested + added),
        },
        "leads_scored": min(n_leads, SCORED),
    }
    say(f"scaling: {row}")
    return row


def _used_bytes(client: Redis) -> int:
    return int(client.info("memory")["used_memory"])


@dataclass
class Nowhere:
    """Implements `streams.kafka.producer.Output`: what Kafka would keep is not Redis's."""

    def deliver(self, records: Sequence[OutRecord]) -> None:
        pass


def _added_by_a_rank(client: Redis, store: RedisStore, n_leads: int) -> float:
    """Bytes: a score worker and a publisher over the first leads, until nothing of them waits."""
    scorer = rule_scorer(RuleEngine(batch_size=CHUNK))
    stop = threading.Event()
    shards = range(N_PARTITIONS)
    before = _used_bytes(client)
    for shard in shards:
        store.promote(shard, "*", 0, scorer.digest)
    config = ScoreWorkerConfig(lambda: store, "bench", N_PARTITIONS, ())
    shelf = Shelf(lambda digest: scorer)
    worker = threading.Thread(target=run_score_worker, args=(config, stop), kwargs={"shelf": shelf})
    worker.start()
    while any(store.dirty_count(s) or store.outbox_size(s) for s in shards):
        publish(shards, Step(store, Nowhere()))
    stop.set()
    worker.join()
    return (_used_bytes(client) - before) / min(n_leads, SCORED)


def _fill(store: RedisStore, n_leads: int, templates: list[SimulatedLead]) -> float:
    """Leads of the simulator under new names, the first SCORED of them to be scored; the mean size
    of their states."""
    states = [to_bytes(fold(lead.history)) for lead in templates]
    by_shard: dict[int, list[LeadWrite]] = {shard: [] for shard in range(N_PARTITIONS)}
    ends = dict.fromkeys(by_shard, -1)
    for number in range(n_leads):
        lead = _name(number)
        shard = partition_for(lead.encode(), N_PARTITIONS)
        by_shard[shard].append(
            LeadWrite(
                lead=lead,
                expected=StoredLead(None, None, erased=False),
                cursor={CRM_EVENTS.name: number % FIRST_OFFSET, ASR_TRANSCRIPTS.name: number},
                state=states[number % len(states)],
                queue="north",
                slack_ms=0 if number < SCORED else None,
            )
        )
        if len(by_shard[shard]) == CHUNK:
            _commit(store, shard, by_shard[shard], ends)
    for shard, writes in by_shard.items():
        if writes:
            _commit(store, shard, writes, ends)
    for topic in (CRM_EVENTS.name, ASR_TRANSCRIPTS.name):
        for shard, end in ends.items():
            prev = end if topic == CRM_EVENTS.name else -1
            store.commit(Commit(topic, shard, prev, FIRST_OFFSET - 1, []))
    return sum(map(len, states)) / len(states)


def _commit(store: RedisStore, shard: int, writes: list[LeadWrite], ends: dict[int, int]) -> None:
    end = ends[shard] + CHUNK
    store.commit(Commit(CRM_EVENTS.name, shard, ends[shard], end, writes))
    ends[shard] = end
    writes.clear()


def _cost(
    client: Redis,
    store: RedisStore,
    n_leads: int,
    templates: list[SimulatedLead],
    n_events: int,
) -> tuple[float, float]:
    """CPU seconds of this process and of Redis for events of leads all over."""
    rng = random.Random(n_leads)
    events: list[EventBase] = []
    while len(events) < n_events:
        event = rng.choice(rng.choice(templates).history)
        lead = _name(rng.randrange(n_leads)).partition("/")[2]
        if not isinstance(event, TranscriptReady) or rng.random() < 0.5:
            events.append(event.model_copy(update={"tenant": "demo", "lead": lead}))
    log = {
        place: [_moved(record, FIRST_OFFSET + i) for i, record in enumerate(records)]
        for place, records in log_now(events).items()
    }
    before = _redis_cpu_s(client)
    started_s = time.process_time()
    apply_all(store, log)
    return time.process_time() - started_s, _redis_cpu_s(client) - before


def _name(number: int) -> str:
    return f"demo/S{number:07d}"


def _moved(record: Record, offset: int) -> Record:
    return record._replace(offset=offset)


def _redis_cpu_s(client: Redis) -> float:
    info = client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

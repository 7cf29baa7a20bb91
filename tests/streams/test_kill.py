"""Every role killed while events flow: afterwards all that is kept and published follows from the
log, exactly.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from schemas.codec import Record
from schemas.events import EventBase
from schemas.outputs import Promotion
from streams.kafka.topic_reader import read_to_end
from streams.oracle.oracle import OracleInput, differences
from streams.oracle.output_reader import OUTPUTS
from streams.publish.promotions import publish_promotion
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import rule_scorer_of
from tests.support.harness import Fleet, Journal
from tests.support.leads.event_stream import events
from tests.support.role_process import RoleSpec

N_EVENTS = 6_000
CHUNK = 700

pytestmark = [pytest.mark.service, pytest.mark.slow]


def test_every_role_killed_while_events_flow_leaves_what_the_log_says(
    broker: str, redis_url: str, tmp_path: Path
) -> None:
    rng = random.Random(7)
    spec = RoleSpec("ingest", "", broker, redis_url, N_PARTITIONS, group=f"g-{tmp_path.name}")
    members = {
        **{f"ingest-{i}": "ingest" for i in range(3)},
        **{f"score-{i}": "score" for i in range(2)},
        **{f"publish-{i}": "publish" for i in range(2)},
    }
    journal = Journal(broker)
    flow = events(11, N_EVENTS)
    publish_promotion(broker, Promotion(tenant="*", artifact="rule-1", promoted_at=_now()))
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        for member, role in members.items():
            fleet.start(replace(spec, member=member, role=role))
        journal.send(itertools.islice(flow, CHUNK))
        fleet.tend_until(lambda: n_applied(store) > 0, "a first batch", 120)
        victims = ["ingest-0", "score-0", "ingest-1", "publish-0", "ingest-2", "publish-1"]
        rng.shuffle(victims)
        for victim in victims:
            before = n_applied(store)
            journal.send(_with_rubbish(journal, itertools.islice(flow, CHUNK)))
            wanted = before + CHUNK // 4
            fleet.tend_until(lambda n=wanted: n_applied(store) >= n, "progress", 60)
            fleet.kill(victim)
            fleet.tend()
        journal.send(flow)
        journal.flush()
        fleet.tend_until(lambda: is_at_rest(store, journal), "rest", 120)
        assert fleet.ends[-9] == len(victims)
        for member in members:
            assert fleet.stop(member) == 0
        evidence = OracleInput(journal.records, outputs(broker))
        assert differences(evidence, store, N_PARTITIONS, rule_scorer_of) == []


@contextmanager
def opened(redis_url: str) -> Iterator[RedisStore]:
    client = Redis.from_url(redis_url)
    try:
        yield RedisStore(client)
    finally:
        client.close()


def outputs(broker: str) -> list[Record]:
    return [record for topic in OUTPUTS for record in read_to_end(broker, topic.name)]


def is_at_rest(store: RedisStore, journal: Journal) -> bool:
    ends: dict[tuple[str, int], int] = {}
    for record in journal.records:
        place = (record.topic, record.partition)
        ends[place] = max(ends.get(place, -1), record.offset)
    if any(store.frontier(partition).get(topic) != end for (topic, partition), end in ends.items()):
        return False
    return all(
        store.dirty_count(shard) == 0 and store.outbox_size(shard) == 0
        for shard in range(N_PARTITIONS)
    )


def n_applied(store: RedisStore) -> int:
    return sum(
        offset + 1 for shard in range(N_PARTITIONS) for offset in store.frontier(shard).values()
    )


def _with_rubbish(journal: Journal, flow: Iterable[EventBase]) -> Iterator[EventBase]:
    for i, event in enumerate(flow):
        if i % 100 == 0:
            journal.send_raw("crm.events", b"acme/lead-1", b"\xff not json")
        yield event


def _now() -> datetime:
    return datetime.now(UTC)

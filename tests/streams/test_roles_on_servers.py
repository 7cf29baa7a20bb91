"""The score and publisher roles as they run: their own loops, real Redis, a real broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import redis

from schemas.codec import Record
from schemas.outputs import BoardSnapshot, Promotion, RankUpdate, Score
from schemas.topics import BOARDS, RANKED, SCORES
from streams.artifact_shelf import Shelf
from streams.kafka.topic_reader import read_to_end
from streams.publish.promotions import publish_promotion
from streams.publish.publisher import PublisherConfig, run_publisher
from streams.publish.records import ORDER_HEADER
from streams.score.worker import ScoreWorkerConfig, run_score_worker
from streams.store.contract import Store
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS, wait_until
from tests.support.engines.engines import rule_scorer
from tests.support.leads.event_stream import events
from tests.support.roles import Clock, Roles

pytestmark = [pytest.mark.service, pytest.mark.slow]

AT = datetime(2025, 6, 2, tzinfo=UTC)


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    with redis.Redis.from_url(redis_url) as client:
        yield RedisStore(client)


@contextmanager
def running(*roles: Callable[[threading.Event], None]) -> Iterator[None]:
    """Each in a thread, stopped at the end; what one raises fails the test."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run(role: Callable[[threading.Event], None]) -> None:
        try:
            role(stop)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(role,), daemon=True) for role in roles]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
    assert not errors
    assert not any(thread.is_alive() for thread in threads)


def score_role(store: Store, name: str) -> Callable[[threading.Event], None]:
    config = ScoreWorkerConfig(lambda: store, name, N_PARTITIONS, ())
    scorer = rule_scorer()
    return lambda stop: run_score_worker(config, stop, shelf=Shelf(lambda _: scorer))


def publish_role(store: Store, broker: str, name: str) -> Callable[[threading.Event], None]:
    config = PublisherConfig(broker, lambda: store, name, N_PARTITIONS, sweep_every_s=0.5)
    return lambda stop: run_publisher(config, stop)


def is_quiet(store: Store) -> bool:
    shards = range(N_PARTITIONS)
    return not any(store.dirty_count(s) or store.outbox_size(s) for s in shards)


def last_of_each(broker: str, topic: str) -> dict[str, Record]:
    return {(r.key or b"").decode(): r for r in read_to_end(broker, topic)}


def test_events_become_ranked_leads_on_topics(broker: str, store: Store) -> None:
    roles = Roles(store, Clock(), N_PARTITIONS)
    promotion = Promotion(tenant="*", artifact="rule-1", promoted_at=AT)
    assert publish_promotion(broker, promotion) == 0
    with running(
        score_role(store, "w1"), score_role(store, "w2"), publish_role(store, broker, "p1")
    ):
        for start in range(5):
            roles.ingest(*events(seed=start, n=200, n_leads=30))
        wait_until(lambda: is_quiet(store), "nothing dirty, nothing to publish")
    ranked = last_of_each(broker, RANKED.name)
    standing = {}
    for queue in store.queues():
        for row in store.board(queue, 1000).rows:
            standing[row.lead] = (queue, row)
    assert standing
    for lead, record in ranked.items():
        assert ORDER_HEADER in dict(record.headers)
        assert (record.value is not None) == (lead in standing)
    for lead, (queue, row) in standing.items():
        update = RankUpdate.model_validate_json(ranked[lead].value or b"")
        assert f"{update.tenant}/{update.queue}" == queue
        assert update.probability == row.probability
    for queue, record in last_of_each(broker, BOARDS.name).items():
        snapshot = BoardSnapshot.model_validate_json(record.value or b"")
        board = store.board(queue, 50)
        assert snapshot.board_version == board.board_version
        assert [row.probability for row in snapshot.top] == [r.probability for r in board.rows]
    scores = [Score.model_validate_json(r.value or b"") for r in read_to_end(broker, SCORES.name)]
    assert {f"{s.tenant}/{s.lead}" for s in scores} >= standing.keys()

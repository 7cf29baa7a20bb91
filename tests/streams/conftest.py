"""Both stores, for the battery they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from streams.store.contract import Store
from streams.store.embedded_redis import EmbeddedRedis
from streams.store.memory_store import MemoryStore
from streams.store.redis_store import RedisStore
from tests.support.roles import Clock, Roles, started

OUTBOX_BOUND = 5


@pytest.fixture(scope="session")
def store_server() -> Iterator[EmbeddedRedis]:
    """One server per session; each test that takes `redis_store` finds it empty."""
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture
def redis_client(store_server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with store_server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def redis_store(redis_client: redis.Redis) -> RedisStore:
    return RedisStore(redis_client, OUTBOX_BOUND)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore(outbox_bound=OUTBOX_BOUND)
    found: Store = request.getfixturevalue("redis_store")
    return found


@pytest.fixture
def memory_roles() -> Roles:
    """All roles over the memory store, one shard, `rule-1` promoted; its clock can be moved."""
    clock = Clock()
    return started(MemoryStore(clock.now_ms), clock)


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def roles(request: pytest.FixtureRequest) -> Roles:
    """All roles over both stores; Redis keeps its own time."""
    if request.param == "memory":
        clock = Clock()
        return started(MemoryStore(clock.now_ms), clock)
    return started(RedisStore(request.getfixturevalue("redis_client")), Clock())

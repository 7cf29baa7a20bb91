"""Opens the store at a Redis URL and checks that it may be used, cluster or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, RedisCluster

from streams.store.redis_check import require_server, require_usable
from streams.store.redis_errors import store_errors
from streams.store.redis_scripts import Client
from streams.store.redis_store import KEYS, RedisStore

CONNECT_S = 5.0
ANSWER_S = 5.0
"""How long one call may take. Every call is short. A role that waits for a frozen Redis must still
end within the ten seconds that SIGTERM promises, and redis-py before 8 waits for ever."""


def open_redis_store(url: str, n_partitions: int) -> RedisStore:
    """Opens the store for a role: records the partition count at first use. Raises StoreAway when
    it does not answer, StoreUnusable when it must not be used."""
    client = connect(url)
    require_usable(client, n_partitions)
    return RedisStore(client)


def look_at_redis_store(url: str) -> RedisStore:
    """Opens the store for reading only: an empty Redis stays empty. Raises like
    `open_redis_store`."""
    client = connect(url)
    require_server(client)
    return RedisStore(client)


def connect(url: str) -> Client:
    """Connects to a Redis, or to the cluster of a node. Raises StoreAway, StoreUnusable
    (password)."""
    timeouts = {"socket_connect_timeout": CONNECT_S, "socket_timeout": ANSWER_S}
    with store_errors():
        client = Redis.from_url(url, **timeouts)
        if client.info("server").get("redis_mode") != "cluster":
            return client
        client.close()
        return RedisCluster.from_url(url, **timeouts)


def clear_redis(url: str) -> None:
    """Deletes everything that asllr keeps there, and nothing else. Raises StoreAway,
    StoreUnusable."""
    with connected(url) as client, store_errors():
        # What says of which format the rest is goes last.
        for pattern in sorted(KEYS, key=lambda pattern: pattern.startswith("{asllr}")):
            for name in client.scan_iter(match=pattern, count=1_000):
                client.unlink(name)


@contextmanager
def connected(url: str) -> Iterator[Client]:
    """Connects as `connect` does, and closes everything afterwards."""
    client = connect(url)
    try:
        yield client
    finally:
        if isinstance(client, RedisCluster):
            # Its close leaves the nodes' pools open.
            client.disconnect_connection_pools()  # type: ignore[no-untyped-call]  # redis-py's
        client.close()

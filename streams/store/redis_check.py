"""Checks whether asllr may keep leads in a Redis, before any role starts."""

from __future__ import annotations

from typing import Any

import redis

from scoring.lead.state import FORMAT
from scoring.lead.state_bytes import other_format
from streams.store.contract import StoreUnusable
from streams.store.redis_errors import store_errors
from streams.store.redis_scripts import Client
from streams.store.redis_store import RedisStore

OLDEST_VERSION = (6, 2)
"""The first version with all that the Lua scripts use (`ZADD LT`)."""


def require_usable(client: Client, n_partitions: int) -> None:
    """Checks a Redis before work. Raises StoreUnusable with one sentence and its fix; records the
    partition count at first use. Raises StoreAway when Redis does not answer."""
    require_server(client)
    found = RedisStore(client).state_format(FORMAT)
    if found != FORMAT:
        raise StoreUnusable(f"Redis is of another asllr: {other_format(found)}")
    recorded = RedisStore(client).partitions(n_partitions)
    if recorded != n_partitions:
        raise StoreUnusable(
            f"Redis holds leads of {recorded} partitions, ASLLR_PARTITIONS is {n_partitions}: "
            f"set it to {recorded}, or start on an empty Redis and replay"
        )


def require_server(client: Client) -> None:
    """The part of the check that writes nothing: version and eviction policy of every node that
    takes writes."""
    for node, facts in facts_of_nodes(client).items():
        _require_version(node, str(facts["redis_version"]))
        _require_no_eviction(node, str(facts["maxmemory_policy"]))


def facts_of_nodes(client: Any) -> dict[str, dict[str, Any]]:
    """What every node that takes writes reports of itself, by INFO, because CONFIG is often closed
    on managed servers. Raises StoreAway, StoreUnusable."""
    with store_errors():
        if not isinstance(client, redis.RedisCluster):
            return {"Redis": client.info()}
        # One by one: redis-py leaves the name out where there is a single primary.
        return {
            f"Redis node {node.name}": client.info(target_nodes=node)
            for node in client.get_primaries()  # type: ignore[no-untyped-call]  # redis-py's
        }


def _require_version(node: str, version: str) -> None:
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise StoreUnusable(f"{node} is version {version}: use 6.2 or newer")


def _require_no_eviction(node: str, policy: str) -> None:
    if policy != "noeviction":
        raise StoreUnusable(
            f"{node} may drop leads when memory is short, its maxmemory-policy is {policy}: "
            "redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf"
        )

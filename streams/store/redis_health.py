"""How full a Redis is and how far behind what it holds: looked at by `asllr doctor`, changes
nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis import RedisCluster, exceptions

from streams.store.redis_check import facts_of_nodes
from streams.store.redis_errors import forbidden, store_errors
from streams.store.redis_scripts import Client, RedisScripts
from streams.store.redis_store import ASLLR_TAG, shard_tag

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class NodeMemory:
    """Bytes. `limit_bytes`: maxmemory, or the machine's memory where none is set (`is_set`
    False); 0 where neither is known."""

    node: str
    used_bytes: int
    limit_bytes: int
    is_set: bool


@dataclass(frozen=True, slots=True)
class ShardHealth:
    """`n_overdue` of the dirty leads and of the edges, and since when the first of them waits, in
    milliseconds (None: nothing waits longer than asked for); `outbox_age_ms` of its oldest
    entry."""

    shard: int
    n_leads: int
    n_dirty: int
    n_overdue: int
    overdue_ms: int | None
    n_outbox: int
    outbox_age_ms: int


def memory_of_nodes(client: Client) -> list[NodeMemory]:
    """Raises StoreAway, StoreUnusable."""
    found = []
    for node, facts in facts_of_nodes(client).items():
        limit = int(facts.get("maxmemory") or 0)
        machine = int(facts.get("total_system_memory") or 0)
        found.append(NodeMemory(node, int(facts["used_memory"]), limit or machine, limit > 0))
    return found


_CODES = {exceptions.OutOfMemoryError: "OOM ", exceptions.ReadOnlyError: "READONLY "}


def refused_write(client: Client, n_shards: int) -> str | None:
    """What Redis says to a write of nothing: None where it takes it. Every node that holds a shard
    is asked. Raises StoreAway, StoreUnusable."""
    asked: Any = client  # redis-py's annotations mix its sync and async replies
    for tag in [ASLLR_TAG, *(shard_tag(shard) for shard in range(n_shards))]:
        try:
            # An empty value makes no key, but the command is refused as any write is.
            asked.setrange(f"{tag}:nothing", 0, "")
        except exceptions.NoPermissionError as error:
            raise forbidden(error) from error
        except exceptions.ResponseError as error:
            # redis-py takes the code off the sentences that it has a type for.
            return f"{_CODES.get(type(error), '')}{error}"
        except exceptions.RedisError:
            with store_errors():
                raise
        if not isinstance(client, RedisCluster):
            break
    return None


def shard_health(client: Client, n_shards: int, overdue_ms: int) -> list[ShardHealth]:
    """Of every shard. Raises StoreAway, StoreUnusable."""
    scripts = RedisScripts(client)
    return [
        _health(shard, scripts.run("backlog", shard_tag(shard), overdue_ms), overdue_ms)
        for shard in range(n_shards)
    ]


def _health(shard: int, reply: list[Any], overdue_ms: int) -> ShardHealth:
    now, n_leads, n_dirty, n_dirty_overdue, deadline, n_edges, edge, n_outbox, oldest = reply
    waits = [int(now) - int(float(one)) for one in (deadline, edge) if one]
    longest = max(waits, default=0)
    written_ms = int(oldest.partition(b"-")[0]) if oldest else int(now)
    return ShardHealth(
        shard=shard,
        n_leads=n_leads,
        n_dirty=n_dirty,
        n_overdue=n_dirty_overdue + n_edges,
        overdue_ms=longest if longest >= overdue_ms else None,
        n_outbox=n_outbox,
        outbox_age_ms=max(0, int(now) - written_ms),
    )


def parked_leads(client: Client, n_shards: int, most: int) -> tuple[int, int]:
    """How many leads are parked, and among how many that were looked at: `most`, or all. Raises
    StoreAway, StoreUnusable."""
    scripts = RedisScripts(client)
    n_parked = n_seen = 0
    for tag, leads in _leads(client, n_shards):
        n_parked += int(scripts.run("parked", tag, *leads)) if leads else 0
        n_seen += len(leads)
        if n_seen >= most:
            break
    return n_parked, n_seen


def _leads(client: Any, n_shards: int) -> Iterator[tuple[str, list[bytes]]]:
    """A scan may repeat a lead; while leads come it hardly does."""
    for shard in range(n_shards):
        cursor: int | None = None
        while cursor != 0:
            with store_errors():
                cursor, leads = client.sscan(f"{shard_tag(shard)}:leads", cursor or 0, count=CHUNK)
            yield shard_tag(shard), leads

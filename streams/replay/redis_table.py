"""Where a replay keeps its leads when they do not fit into memory: Redis, under keys of its own.

    asllr-replay:<namespace>/claim          there as long as a replay uses the namespace
    asllr-replay:<namespace>/<partition>    HASH   lead -> queue, cursor and state

No key of production begins like that, so none can be read or written from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import msgspec

from schemas.ids import ID_PATTERN
from scoring.lead.state_bytes import from_bytes, to_bytes
from streams.replay.lead_table import LeadTable, ReplayedLead
from streams.store.contract import StoreUnusable
from streams.store.open_redis import connected
from streams.store.redis_check import require_server
from streams.store.redis_errors import store_errors
from streams.store.redis_scripts import Client

PREFIX = "asllr-replay:"
LEADS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """A Redis and the namespace of a replay's keys in it. Raises ValueError for a namespace that is
    not an id."""

    url: str
    namespace: str

    def __post_init__(self) -> None:
        if not re.fullmatch(ID_PATTERN, self.namespace):
            raise ValueError(
                f"namespace {self.namespace[:80]!r}: expected 1 to 128 of [A-Za-z0-9._:-]"
            )

    def key(self, name: str) -> str:
        return f"{PREFIX}{self.namespace}/{name}"


@contextmanager
def claimed(place: RedisPlace, n_partitions: int) -> Iterator[None]:
    """Reserves the namespace for one replay at a time; none of its keys is left afterwards. Raises
    StoreAway, StoreUnusable."""
    with connected(place.url) as client:
        require_server(client)
        with store_errors():
            is_ours = client.set(place.key("claim"), "", nx=True)
        if not is_ours:
            raise StoreUnusable(
                f"namespace {place.namespace} is used by another replay, or one was killed there: "
                "name another one, or, with the address of --redis for URL, free it: redis-cli -u "
                f"URL --scan --pattern '{place.key('*')}' | xargs redis-cli -u URL unlink"
            )
        try:
            yield
        finally:
            with store_errors():
                for partition in range(n_partitions):
                    client.unlink(place.key(str(partition)))
                client.unlink(place.key("claim"))


@contextmanager
def opened_tables(place: RedisPlace) -> Iterator[Callable[[int], LeadTable]]:
    """Yields a function from a partition's number to its table. Raises StoreAway, StoreUnusable."""
    with connected(place.url) as client:
        yield lambda partition: RedisTable(client, place.key(str(partition)))


class _Kept(msgspec.Struct, array_like=True):
    queue: str | None
    cursor: dict[str, int]
    state: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


class RedisTable:
    """Implements LeadTable as one hash. Raises StoreAway, StoreUnusable."""

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key

    def get(self, name: str) -> ReplayedLead | None:
        with store_errors():
            kept = self._client.hget(self._key, name)
        return None if kept is None else _lead(cast("bytes", kept))

    def put(self, name: str, lead: ReplayedLead) -> None:
        kept = _encode(_Kept(lead.queue, lead.cursor, to_bytes(lead.state)))
        with store_errors():
            self._client.hset(self._key, name, kept)

    def items(self) -> Iterator[tuple[str, ReplayedLead]]:
        """All leads, each once. Names are collected first, because a scan may repeat itself."""
        with store_errors():
            names = cast("list[bytes]", self._client.hkeys(self._key))
        for start in range(0, len(names), LEADS_AT_ONCE):
            some = names[start : start + LEADS_AT_ONCE]
            with store_errors():
                found = cast("list[bytes]", self._client.hmget(self._key, some))
            for name, kept in zip(some, found, strict=True):
                yield name.decode(), _lead(kept)


def _lead(kept: bytes) -> ReplayedLead:
    found = _decode(kept)
    return ReplayedLead(from_bytes(found.state), found.cursor, found.queue)

"""Nodes of a store that go back in time, alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from streams.store.contract import Store
from streams.store.memory_store import MemoryStore
from streams.store.redis_scripts import Client
from streams.store.redis_store import RedisStore


def remember_shards(store: Store) -> Callable[[], None]:
    """A snapshot of the shards; calling the result is their rollback, and as after a real one, what
    the roles hold stays as it is. To be called once."""
    if isinstance(store, RedisStore):
        return _remember_keys(store._client, b"{s*")
    assert isinstance(store, MemoryStore)
    before = deepcopy(store._known)

    def roll_back() -> None:
        store._known = before

    return roll_back


def _remember_keys(client: Client, pattern: bytes) -> Callable[[], None]:
    before = {name: client.dump(name) for name in client.scan_iter(pattern)}

    def roll_back() -> None:
        for name in list(client.scan_iter(pattern)):
            client.delete(name)
        for name, value in before.items():
            client.restore(name, 0, value)

    return roll_back


def remember_boards(store: Store) -> Callable[[], None]:
    """The same of a memory store's boards, which live on nodes of their own."""
    assert isinstance(store, MemoryStore)
    before = deepcopy(store._boards)

    def roll_back() -> None:
        store._boards = before

    return roll_back


def remember_all(store: Store) -> Callable[[], None]:
    """Both: one node restored from a backup."""
    shards_go_back, boards_go_back = remember_shards(store), remember_boards(store)

    def roll_back() -> None:
        shards_go_back()
        boards_go_back()

    return roll_back

"""Both stores: what is remembered of workers that died."""

from __future__ import annotations

from streams.store.contract import Store
from tests.streams.store.store_steps import ASR, CRM, SHARD, A, ingest


def test_starts_in_a_row_are_those_at_one_frontier(store: Store) -> None:
    assert [store.note_start(CRM, SHARD) for _ in range(3)] == [1, 2, 3]
    assert store.note_start(ASR, SHARD) == 1
    ingest(store, A)
    assert [store.note_start(CRM, SHARD) for _ in range(2)] == [1, 2]


def test_tries_of_a_record_are_counted_until_they_are_forgotten(store: Store) -> None:
    assert not store.is_trying(CRM, SHARD)
    assert [store.note_try(CRM, SHARD, 7) for _ in range(2)] == [1, 2]
    assert store.is_trying(CRM, SHARD)
    assert not store.is_trying(ASR, SHARD)
    assert store.note_try(CRM, SHARD, 8) == 1
    store.forget_tries(CRM, SHARD)
    assert not store.is_trying(CRM, SHARD)
    assert store.note_try(CRM, SHARD, 8) == 1

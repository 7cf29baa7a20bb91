"""Record by record after deaths: the same states, and no record is blamed for what stops a worker
in order."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from schemas.topics import CRM_EVENTS
from streams.ingest.batch import Batch, Conditions, PatienceExhausted, apply_batch
from streams.ingest.careful import CAREFUL_FROM, MAX_TRIES, Careful
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import state_differences
from streams.store.contract import Commit, CommitResult, EntryKind, Store
from streams.store.memory_store import MemoryStore
from tests.streams.ingest.test_ingest_batch import N, Recorded, click, placed

TOPIC = CRM_EVENTS.name


def under(store: Store, patience_s: float = 10.0) -> Conditions:
    never = threading.Event()
    return Conditions(store, N, patience_s, never, threading.Event(), lambda name: None)


def begun(store: Store, times: int, patience_s: float = 10.0) -> Careful:
    """The last of so many workers."""
    for _ in range(times - 1):
        Careful(under(store)).start(TOPIC, 0)
    last = Careful(under(store, patience_s))
    last.start(TOPIC, 0)
    last.start(TOPIC, 0)  # a rebalance is not another start
    return last


RECORDS = placed(click("1"), click("2"), click("1"))
BATCH = Batch(TOPIC, 0, -1, RECORDS)


@pytest.mark.parametrize("times", [1, CAREFUL_FROM - 1, CAREFUL_FROM])
def test_a_batch_in_parts_gives_what_the_whole_gives(times: int) -> None:
    store = Recorded()
    careful = begun(store, times)
    applied = careful.apply(BATCH)
    assert len(store.commits) == (len(RECORDS) if times >= CAREFUL_FROM else 1)
    assert (applied.frontier, applied.n_events, applied.n_dead_letters) == (2, 3, 0)
    assert list(state_differences(fold_log(RECORDS, N), store, N)) == []
    assert not store.is_trying(TOPIC, 0)
    later = [record._replace(offset=record.offset + 3) for record in RECORDS]
    careful.apply(replace(BATCH, prev=2, records=later))
    assert len(store.commits[-1].leads) == 1  # whole again
    assert store.frontier(0) == {TOPIC: 5}


def test_a_record_that_was_tried_in_vain_is_a_dead_letter_unread() -> None:
    store = MemoryStore()
    for _ in range(MAX_TRIES):
        store.note_try(TOPIC, 0, 1)
    store.commit(Commit(TOPIC, 0, -1, 0, []))
    rest = begun(store, 1)
    applied = rest.apply(Batch(TOPIC, 0, 0, RECORDS[1:]))
    assert (applied.n_events, applied.n_dead_letters) == (1, 1)
    letters = [one for one in store.outbox(0, 10) if one.kind is EntryKind.DEAD_LETTER]
    assert len(letters) == 1
    assert b"ends-workers" in letters[0].value


class Full(MemoryStore):
    """Its outbox is full for as long as Kafka is away."""

    def commit(self, commit: Commit) -> CommitResult:
        return super().commit(replace(commit, dead_letters=[(b"t/x", b"one too many")]))


def test_a_worker_that_ends_because_kafka_is_away_blames_no_record() -> None:
    store = Full(outbox_bound=0)
    for _ in range(2 * CAREFUL_FROM):
        with pytest.raises(PatienceExhausted):
            begun(store, CAREFUL_FROM, patience_s=0.0).apply(BATCH)
        assert not store.is_trying(TOPIC, 0)
    with pytest.raises(PatienceExhausted):
        apply_batch(BATCH, under(store, 0.0))

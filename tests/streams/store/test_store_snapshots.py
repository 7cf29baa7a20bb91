"""Both stores: what a pass of state snapshots tells, and what breaks it off."""

from __future__ import annotations

from collections.abc import Sequence

from streams.store.contract import EntryKind, OutboxEntry, SnapshotChunk, SnapshotStatus, Store
from tests.streams.store.store_steps import (
    ASR,
    CRM,
    SHARD,
    A,
    B,
    batch,
    drain,
    entries,
    erase,
    ingest,
)

TAKEN, BROKEN_OFF = SnapshotStatus.TAKEN, SnapshotStatus.BROKEN_OFF


def take(
    store: Store, step: int, leads: Sequence[str] = (), *, last: bool = False, by: str = "one"
) -> SnapshotStatus:
    return store.snapshot(SHARD, SnapshotChunk(by, step, leads, is_last=last))


def test_a_pass_tells_states_with_their_cursor_and_ends_with_its_first_frontier(
    store: Store,
) -> None:
    ingest(store, A)
    ingest(store, A, b"two", topic=ASR)
    assert take(store, 0) is TAKEN
    ingest(store, B)
    assert take(store, 1, [A, "t/unknown"]) is TAKEN
    assert take(store, 2, [B], last=True) is TAKEN
    now = {CRM: 1, ASR: 0}
    snapshot = EntryKind.SNAPSHOT
    assert entries(store) == [
        OutboxEntry("", snapshot, A, b"two", 2, cursor={CRM: 0, ASR: 0}, frontier=now),
        OutboxEntry("", snapshot, B, b"one", 2, cursor={CRM: 1}, frontier=now),
        OutboxEntry("", EntryKind.FRONTIER, str(SHARD), b"", frontier={CRM: 0, ASR: 0}),
    ]


def test_what_is_left_of_an_erased_lead_is_told_by_the_commit_that_erases_it(store: Store) -> None:
    """Else `leads.state` holds what was known of it until the next pass."""
    ingest(store, A)
    erase(store, A)
    left = OutboxEntry("", EntryKind.SNAPSHOT, A, b"erased", 2, cursor={CRM: 1}, frontier={CRM: 1})
    assert [one for one in entries(store) if one.kind is EntryKind.SNAPSHOT] == [left]


def test_a_step_whose_reply_was_lost_is_taken_once(store: Store) -> None:
    ingest(store, A)
    take(store, 0)
    assert [take(store, 1, [A]), take(store, 1, [A])] == [TAKEN, TAKEN]
    assert len(entries(store)) == 1


def test_a_pass_that_the_shard_does_not_know_or_lacks_a_step_of_is_broken_off(
    store: Store,
) -> None:
    ingest(store, A)
    assert take(store, 1, [A]) is BROKEN_OFF
    take(store, 0)
    assert take(store, 2, [A]) is BROKEN_OFF
    take(store, 0, by="other")
    assert take(store, 1, [A]) is BROKEN_OFF
    assert entries(store) == []


def test_a_full_outbox_takes_nothing(store: Store) -> None:
    take(store, 0)
    store.commit(batch(store, dead_letters=[(b"t/x", b"bad")] * 5))
    ingest(store, A, topic=ASR)
    assert take(store, 1, [A], last=True) is SnapshotStatus.FULL
    drain(store)
    assert take(store, 1, [A], last=True) is TAKEN
    assert [entry.kind for entry in entries(store)] == [EntryKind.SNAPSHOT, EntryKind.FRONTIER]

"""Both stores: the outbox, what the sweep restates, and the boards."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import redis

from schemas.outputs import ReasonKind
from streams.store.board import BoardView, Move, OrderKey, Placement
from streams.store.contract import CommitStatus, EntryKind, OutboxEntry, Store
from streams.store.memory_store import MemoryStore
from streams.store.redis_store import RedisStore
from tests.streams.store.store_steps import (
    SHARD,
    A,
    B,
    C,
    batch,
    drain,
    entries,
    erase,
    ingest,
    order,
    promote,
    score,
    wrote,
)

QUEUE = "t/q1"


def placement(
    lead: str, probability: float, version: int = 1, score_order: OrderKey | None = None
) -> Placement:
    return Placement(lead, version, score_order or order(version), probability, "why: größer")


def board(store: Store) -> list[str]:
    return [row.lead for row in store.board(QUEUE, 100).rows]


def stands(store: Store, limit: int = 100) -> tuple[int, int, Sequence[Placement]]:
    view = store.board(QUEUE, limit)
    return view.n_moves, view.size, view.rows


def test_outbox_keeps_order_and_forgets_only_what_is_deleted(store: Store) -> None:
    store.commit(batch(store, dead_letters=[(b"t/x", bytes([n])) for n in range(4)]))
    first, second = store.outbox(SHARD, 2)
    assert (first.value, second.value, store.outbox_size(SHARD)) == (b"\x00", b"\x01", 4)
    store.delete(SHARD, [second.id])
    store.delete(SHARD, [second.id])
    store.delete(SHARD, [])
    assert [entry.value for entry in store.outbox(SHARD, 9)] == [b"\x00", b"\x02", b"\x03"]
    assert (store.outbox(SHARD, 0), store.outbox(SHARD + 1, 9)) == ([], [])


def test_entry_ids_are_never_used_again(store: Store) -> None:
    """docs/explanation/protocol.md, publishing 6: deleting by an id must not hit a later entry."""
    seen: set[str] = set()
    for _ in range(3):
        store.commit(batch(store, dead_letters=[(b"t/x", b"bad")] * 2))
        ids = {entry.id for entry in store.outbox(SHARD, 9)}
        assert not ids & seen
        seen |= ids
        store.delete(SHARD, sorted(ids))


def test_restating_tells_where_each_lead_stands_and_that_others_do_not(store: Store) -> None:
    promote(store)
    for lead in (A, B, C):
        ingest(store, lead)
        score(store, lead)
    ingest(store, "t/never")
    ingest(store, B, b"closed", queue=None)
    erase(store, C)
    drain(store)
    ingest(store, "t/closed", b"closed", queue=None)
    assert store.restate(SHARD, [A, B, C, "t/never", "t/closed", "t/unknown"])
    assert entries(store) == [
        OutboxEntry("", EntryKind.PLACE, A, b"score", 1, order(1), "q1", None, "00-0"),
        OutboxEntry("", EntryKind.PLACE, B, b"", 5, order(2), None, "q1", "00-4"),
        OutboxEntry("", EntryKind.PLACE, C, b"", 6, None, None, "q1", "00-5"),
        OutboxEntry("", EntryKind.PLACE, "t/closed", b"", 7, None, None, None, "00-6"),
    ]


def test_restating_waits_for_a_full_outbox(store: Store) -> None:
    store.commit(batch(store, dead_letters=[(b"t/x", b"bad")] * 5))
    assert not store.restate(SHARD, [A])


def test_scan_tells_of_every_lead(store: Store) -> None:
    names = {f"t/{n}" for n in range(50)}
    for name in sorted(names):
        ingest(store, name)
    found: list[str] = []
    cursor = 0
    while True:
        cursor, views = store.leads(SHARD, cursor, 7)
        found += [view.lead for view in views]
        assert all(view.stored.state == b"one" and view.queue == "q1" for view in views)
        if cursor == 0:
            break
    assert set(found) == names
    assert store.leads(SHARD + 1, 0, 7) == (0, [])


def test_rank_counts_better_probabilities_then_earlier_ids(store: Store) -> None:
    for lead, probability in ((B, 0.5), (A, 0.5), (C, 0.1 + 0.2), ("t/d", 0.3)):
        store.place(QUEUE, placement(lead, probability))
    assert board(store) == [A, B, C, "t/d"]
    rows = store.board(QUEUE, 2, 1).rows
    assert list(rows) == [placement(B, 0.5), placement(C, 0.1 + 0.2)]
    assert stands(store, 0) == (4, 4, [])


@pytest.mark.parametrize("probability", [0.0, 1.0, 5e-324, 1e-7, 0.1 + 0.2, 1 - 2**-53])
def test_probabilities_come_back_exactly(store: Store, probability: float) -> None:
    store.place(QUEUE, placement(A, probability))
    assert store.board(QUEUE, 1).rows[0].probability == probability


def test_move_tells_rank_previous_rank_and_delta(store: Store) -> None:
    moves = [
        store.place(QUEUE, placement(A, 0.5)),
        store.place(QUEUE, placement(B, 0.6)),
        store.place(QUEUE, placement(A, 0.7, 2)),
        store.remove(QUEUE, A, 3, order(2)),
    ]
    first, second, third, fourth = (move.board_version for move in moves)
    assert first < second < third < fourth
    assert moves == [
        Move(1, None, first, None, True),
        Move(1, None, second, None, True),
        Move(1, 2, third, 0.7 - 0.5, True),
        Move(None, 1, fourth, None, True),
    ]
    assert stands(store) == (4, 1, [placement(B, 0.6)])
    assert store.board(QUEUE, 0).board_version == fourth


def test_the_kind_of_a_reason_is_kept_and_another_kind_replaces_it(store: Store) -> None:
    store.place(QUEUE, placement(A, 0.5))
    faithful = replace(placement(A, 0.5), reason_kind=ReasonKind.FAITHFUL)
    moved = store.place(QUEUE, faithful)
    assert list(store.board(QUEUE, 9).rows) == [faithful]
    assert store.place(QUEUE, faithful) == moved
    assert store.board(QUEUE, 0).n_moves == 2


def test_retry_returns_the_same_move(store: Store) -> None:
    first = store.place(QUEUE, placement(A, 0.5))
    store.place(QUEUE, placement(B, 0.9))
    assert store.place(QUEUE, placement(A, 0.5)) == first
    gone = store.remove(QUEUE, A, 2, order(1))
    store.place(QUEUE, placement(C, 0.9))
    assert store.remove(QUEUE, A, 2, order(1)) == gone
    assert store.board(QUEUE, 0).n_moves == 4


def memory_that_forgets(_: pytest.FixtureRequest) -> tuple[Store, Callable[[], object]]:
    store = MemoryStore()
    return store, store._boards.clear


def redis_that_forgets(request: pytest.FixtureRequest) -> tuple[Store, Callable[[], object]]:
    client: redis.Redis = request.getfixturevalue("redis_client")
    return RedisStore(client), client.flushall


@pytest.mark.parametrize(
    "forgetful",
    [memory_that_forgets, pytest.param(redis_that_forgets, marks=pytest.mark.service)],
)
def test_board_that_was_lost_hands_out_no_version_again(
    request: pytest.FixtureRequest,
    forgetful: Callable[[pytest.FixtureRequest], tuple[Store, Callable[[], object]]],
) -> None:
    """Else a subscriber that keeps the latest version would read on for nothing."""
    store, forget = forgetful(request)
    for version in range(1, 4):
        seen = store.place(QUEUE, placement(A, 0.5, version)).board_version
    while store.now_ms() <= seen:  # three moves take less than three milliseconds
        time.sleep(0.001)
    forget()
    assert store.place(QUEUE, placement(A, 0.5)).board_version > seen
    assert store.board(QUEUE, 0).n_moves == 1


def test_older_placement_changes_nothing(store: Store) -> None:
    """docs/explanation/protocol.md, publishing 1, as far as the board goes."""
    newer = store.place(QUEUE, placement(A, 0.5, 7))
    assert store.place(QUEUE, placement(A, 0.9, 5)) == replace(newer, applied=False)
    assert not store.remove(QUEUE, A, 5, order(5)).applied
    assert stands(store) == (1, 1, [placement(A, 0.5, 7)])


def test_removed_lead_is_not_brought_back_by_an_older_entry(store: Store) -> None:
    """docs/explanation/protocol.md, publishing 2: the marker."""
    store.place(QUEUE, placement(A, 0.5, 3))
    store.remove(QUEUE, A, 4, order(3))
    assert not store.place(QUEUE, placement(A, 0.5, 3)).applied
    assert board(store) == []
    assert store.place(QUEUE, placement(A, 0.5, 5)).previous_rank is None


def test_removal_that_finds_nothing_still_leaves_its_marker(store: Store) -> None:
    assert store.remove(QUEUE, A, 4, None) == Move(None, None, 0, None, True)
    assert not store.place(QUEUE, placement(A, 0.5, 3)).applied


def test_board_orders_by_lead_version_before_score_order(store: Store) -> None:
    """docs/explanation/protocol.md, publishing 3: a leave after a move, whatever promotion scored
    the move."""
    store.place(QUEUE, placement(A, 0.5, 3, order(3, promotion=9)))
    assert store.remove(QUEUE, A, 4, order(2, promotion=1)).applied
    assert not store.place(QUEUE, placement(A, 0.5, 3, order(3, promotion=10))).applied
    assert board(store) == []


def test_same_order_with_other_content_replaces(store: Store) -> None:
    """After a shard went back, an order may repeat with another score."""
    store.place(QUEUE, placement(A, 0.5))
    move = store.place(QUEUE, placement(A, 0.4))
    assert replace(move, board_version=0) == Move(1, 1, 0, 0.4 - 0.5, True)


def test_boards_are_apart(store: Store) -> None:
    store.place(QUEUE, placement(A, 0.5))
    store.place("u/q1", placement("u/a", 0.6))
    assert board(store) == [A]
    assert store.board("t/q2", 9) == BoardView(0, 0, 0, [])


def test_lease_that_ran_out_is_anyones(store: Store) -> None:
    assert store.lease("publisher", SHARD, "p1", 1)
    deadline = time.monotonic() + 5
    while not store.lease("publisher", SHARD, "p2", 60_000):
        assert time.monotonic() < deadline
    assert not store.lease("publisher", SHARD, "p1", 60_000)


def test_queues_are_those_that_ever_listed_a_lead(store: Store) -> None:
    assert store.queues() == []
    store.partitions(SHARD + 1)
    ingest(store, A, queue="q2")
    ingest(store, "u/b", queue="q1")
    ingest(store, A, b"closed", queue=None)
    assert store.commit(batch(store, wrote(store, B, queue=None))).status is CommitStatus.COMMITTED
    assert store.queues() == ["t/q2", "u/q1"]

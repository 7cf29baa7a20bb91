"""Both stores: what a board holds back after a promotion, and the flip that shows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from schemas.outputs import ReasonKind
from streams.store.board import Move, Placement
from streams.store.contract import Store
from streams.store.redis_store import RedisStore
from tests.streams.store.store_steps import A, B, C

QUEUE = "t/q1"


def seen(
    lead: str, probability: float, *, promotion: int, version: int = 1, as_of: int = 5
) -> Placement:
    order = (promotion, version, as_of)
    kind = ReasonKind.FAITHFUL if promotion % 2 == 0 else ReasonKind.RECENT
    return Placement(lead, version, order, probability, f"scored by {promotion}", kind)


def shown(store: Store) -> list[tuple[str, float]]:
    return [(row.lead, row.probability) for row in store.board(QUEUE, 9).rows]


def n_held(store: Store) -> int:
    return store.board(QUEUE, 0).n_held


def place(store: Store, *placements: Placement) -> list[Move]:
    return [store.place(QUEUE, one) for one in placements]


def test_what_only_a_promotion_changes_waits_for_the_flip(store: Store) -> None:
    first, _ = place(store, seen(A, 0.5, promotion=1), seen(B, 0.6, promotion=1))
    later = place(store, seen(A, 0.9, promotion=2))[0]
    assert later == replace(first, applied=False)
    assert (shown(store), n_held(store)) == ([(B, 0.6), (A, 0.5)], 1)
    assert store.board(QUEUE, 0).n_moves == 2


def test_a_flip_shows_all_at_once_and_ranks_are_of_the_whole_board(store: Store) -> None:
    place(store, *(seen(lead, p, promotion=1) for lead, p in ((A, 0.5), (B, 0.6), (C, 0.7))))
    place(store, *(seen(lead, p, promotion=2) for lead, p in ((A, 0.9), (B, 0.8), (C, 0.1))))
    before = store.board(QUEUE, 0)
    assert store.flip(QUEUE, 9, 9) == [A, B, C]
    after = store.board(QUEUE, 9)
    assert [(row.lead, row.probability) for row in after.rows] == [(A, 0.9), (B, 0.8), (C, 0.1)]
    assert after.rows[0] == seen(A, 0.9, promotion=2)
    assert (after.n_held, after.n_moves) == (0, before.n_moves + 3)
    assert after.board_version > before.board_version
    assert [store.place(QUEUE, row) for row in after.rows] == [
        Move(1, 3, after.board_version, 0.9 - 0.5, True),
        Move(2, 2, after.board_version, 0.8 - 0.6, True),
        Move(3, 1, after.board_version, 0.1 - 0.7, True),
    ]


def test_a_flip_takes_no_more_than_it_may_and_nothing_when_there_is_nothing(store: Store) -> None:
    assert (store.flip(QUEUE, 9, 9), store.uncovered(QUEUE, 9)) == ([], [])
    place(store, seen(A, 0.5, promotion=1), seen(B, 0.6, promotion=1))
    version = store.board(QUEUE, 0).board_version
    assert store.flip(QUEUE, 9, 9) == []
    assert store.board(QUEUE, 0).board_version == version
    place(store, seen(A, 0.9, promotion=2), seen(B, 0.8, promotion=2))
    assert (store.flip(QUEUE, 0, 9), store.flip(QUEUE, 1, 9), store.flip(QUEUE, 1, 9)) == (
        [],
        [A],
        [B],
    )
    assert shown(store) == [(A, 0.9), (B, 0.8)]


def test_news_of_a_lead_is_shown_at_once_and_what_was_held_of_it_forgotten(store: Store) -> None:
    place(store, seen(A, 0.5, promotion=1), seen(B, 0.6, promotion=1))
    place(store, seen(A, 0.7, promotion=2))
    move = place(store, seen(A, 0.9, promotion=2, version=2))[0]
    assert move.applied
    assert (shown(store), n_held(store)) == ([(A, 0.9), (B, 0.6)], 0)


def test_a_lead_that_does_not_stand_is_shown_at_once(store: Store) -> None:
    place(store, seen(A, 0.5, promotion=1))
    assert place(store, seen(B, 0.6, promotion=2))[0].applied
    store.remove(QUEUE, A, 2, (1, 1, 5))
    assert place(store, seen(A, 0.7, promotion=2, version=3))[0].applied
    assert (shown(store), n_held(store)) == ([(A, 0.7), (B, 0.6)], 0)


def test_an_edge_after_the_flip_moves_the_lead_as_ever(store: Store) -> None:
    place(store, seen(A, 0.5, promotion=1), seen(A, 0.9, promotion=2))
    store.flip(QUEUE, 9, 9)
    assert place(store, seen(A, 0.8, promotion=2, as_of=6))[0].applied
    assert shown(store) == [(A, 0.8)]


def test_of_what_waits_the_greatest_order_stays(store: Store) -> None:
    place(store, seen(A, 0.5, promotion=1))
    place(store, seen(A, 0.7, promotion=3), seen(A, 0.9, promotion=2), seen(A, 0.5, promotion=1))
    assert (n_held(store), shown(store)) == (1, [(A, 0.5)])
    assert (store.flip(QUEUE, 9, 9), shown(store)) == ([A], [(A, 0.7)])


def test_of_what_waits_the_same_order_with_other_content_replaces(store: Store) -> None:
    place(store, seen(A, 0.5, promotion=1), seen(A, 0.7, promotion=2))
    place(store, replace(seen(A, 0.75, promotion=2), reason="told again after a rollback"))
    assert (store.flip(QUEUE, 9, 9), shown(store)) == ([A], [(A, 0.75)])


def test_a_lead_that_leaves_is_not_flipped_back(store: Store) -> None:
    place(store, seen(A, 0.5, promotion=1), seen(B, 0.5, promotion=1), seen(A, 0.9, promotion=2))
    store.remove(QUEUE, A, 2, (2, 1, 5))
    assert (n_held(store), store.uncovered(QUEUE, 9)) == (0, [])
    assert (store.flip(QUEUE, 9, 9), shown(store)) == ([], [(B, 0.5)])


def test_uncovered_are_those_that_the_newest_promotion_has_not_seen(store: Store) -> None:
    place(store, *(seen(lead, 0.5, promotion=1) for lead in (C, B, A)))
    assert store.uncovered(QUEUE, 9) == []
    place(store, seen(A, 0.9, promotion=2))
    assert store.uncovered(QUEUE, 9) == [B, C]
    assert (store.uncovered(QUEUE, 1), store.uncovered(QUEUE, 9, 1)) == ([B], [C])
    assert store.uncovered(QUEUE, 0) == []
    place(store, seen(B, 0.9, promotion=3, version=2))
    assert store.uncovered(QUEUE, 9) == [C, A]
    place(store, seen(C, 0.9, promotion=3), seen(A, 0.9, promotion=3))
    assert store.uncovered(QUEUE, 9) == []


def test_what_a_still_later_promotion_holds_back_waits_for_its_own_flip(store: Store) -> None:
    place(store, *(seen(lead, 0.5, promotion=1) for lead in (A, B)))
    place(store, seen(A, 0.9, promotion=2), seen(B, 0.8, promotion=3))
    assert store.board(QUEUE, 0).newest == 3
    assert (store.flip(QUEUE, 9, 2), shown(store)) == ([A], [(A, 0.9), (B, 0.5)])
    assert (store.flip(QUEUE, 9, 3), shown(store)) == ([B], [(A, 0.9), (B, 0.8)])


def test_the_newest_promotion_of_a_board(store: Store) -> None:
    assert store.board(QUEUE, 0).newest == -1
    place(store, seen(A, 0.5, promotion=0))
    assert store.board(QUEUE, 0).newest == 0


@pytest.mark.service
def test_a_row_of_before_the_flips_counts_once_it_was_told_again(
    redis_store: RedisStore, redis_client: redis.Redis
) -> None:
    place(redis_store, seen(A, 0.5, promotion=1), seen(B, 0.6, promotion=1))
    redis_client.delete(f"{{q:{QUEUE}}}:newest")
    place(redis_store, seen(A, 0.5, promotion=1), seen(B, 0.6, promotion=1))
    place(redis_store, seen(A, 0.9, promotion=2))
    assert redis_store.uncovered(QUEUE, 9) == [B]

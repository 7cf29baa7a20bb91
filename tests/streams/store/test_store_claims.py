"""Both stores: who gets which lead to score, when, and for how long."""

from __future__ import annotations

from streams.store.contract import CLAIM_SPARE, CommitStatus, Store
from tests.streams.store.store_steps import (
    ARTIFACT,
    ASR,
    CRM,
    HOUR_MS,
    PAST_MS,
    SHARD,
    A,
    B,
    C,
    batch,
    claim,
    claim_one,
    complete,
    entries,
    erase,
    ingest,
    order,
    promote,
    score,
    wrote,
)


def test_claim_carries_what_a_worker_needs(store: Store) -> None:
    promote(store, 3)
    before = store.now_ms()
    ingest(store, A, b"\xff one")
    found = claim_one(store)
    assert (found.shard, found.lead, found.state, found.cursor) == (SHARD, A, b"\xff one", {CRM: 0})
    assert (found.version, found.promotion, found.artifact) == (1, 3, ARTIFACT)
    assert (found.attempt, found.ingested_ms, found.traceparent) == (1, 17, "00-0")
    assert found.last is None
    assert before <= found.applied_ms <= found.claimed_ms <= store.now_ms()
    complete(store, found)
    ingest(store, A, b"two", topic=ASR)
    assert claim_one(store).last == order(1, promotion=3)


def test_earliest_deadline_first_then_passed_edges(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A, due_ms=PAST_MS)
    ingest(store, B, slack_ms=HOUR_MS)
    ingest(store, C, slack_ms=0)
    assert [c.lead for c in claim(store)] == [C, B, A]


def test_edge_that_has_not_passed_waits(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A, due_ms=store.now_ms() + HOUR_MS)
    assert claim(store) == []


def test_burst_keeps_the_earliest_deadline(store: Store) -> None:
    promote(store)
    ingest(store, A, b"one", slack_ms=0)
    ingest(store, B, b"one", slack_ms=HOUR_MS)
    ingest(store, A, b"two", slack_ms=5 * HOUR_MS)
    assert store.dirty_count(SHARD) == 2
    assert claim_one(store).lead == A


def test_claim_takes_no_more_than_asked(store: Store) -> None:
    promote(store)
    for lead in (A, B, C):
        ingest(store, lead)
    assert len(claim(store, limit=2)) == 2
    assert claim(store, limit=0) == []
    assert len(claim(store, "w2")) == 1


def test_leased_lead_is_not_claimed_twice_and_stays_dirty(store: Store) -> None:
    promote(store)
    ingest(store, A)
    claim_one(store)
    assert claim(store, "w2") == []
    view = store.lead(SHARD, A)
    assert view.dirty
    assert (view.leased_until_ms or 0) > store.now_ms()


def test_expired_lease_returns_the_lead_and_counts_the_attempt(store: Store) -> None:
    promote(store)
    ingest(store, A)
    assert claim_one(store, lease_ms=0).attempt == 1
    assert claim_one(store, "w2").attempt == 2


def test_lead_claimed_for_its_edge_comes_back_too(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A, due_ms=PAST_MS)
    claim_one(store, lease_ms=0)
    assert claim_one(store, "w2").attempt == 2


def test_leads_that_came_back_come_alone(store: Store) -> None:
    promote(store)
    for lead in (A, B):
        ingest(store, lead)
    assert len(claim(store, lease_ms=0)) == 2
    ingest(store, C, slack_ms=HOUR_MS)
    assert [(c.lead, c.attempt) for c in claim(store)] == [(A, 2)]
    assert [(c.lead, c.attempt) for c in claim(store)] == [(B, 2)]
    assert [(c.lead, c.attempt) for c in claim(store)] == [(C, 1)]


def test_fresh_leads_pass_those_that_come_alone(store: Store) -> None:
    promote(store)
    ingest(store, B)
    claim_one(store, lease_ms=0)
    ingest(store, A, slack_ms=-HOUR_MS)
    ingest(store, C, slack_ms=HOUR_MS)
    assert [c.lead for c in claim(store)] == [A, C]
    assert [(c.lead, c.attempt) for c in claim(store)] == [(B, 2)]


def test_only_the_holder_renews_a_living_lease(store: Store) -> None:
    promote(store)
    ingest(store, A)
    ingest(store, B)
    claim(store, "w1", limit=1, lease_ms=30_000)
    claim(store, "w1", limit=1, lease_ms=0)
    assert store.renew(SHARD, "w1", [A, B, C], HOUR_MS) == [A]
    assert store.renew(SHARD, "w2", [A], HOUR_MS) == []
    assert (store.lead(SHARD, A).leased_until_ms or 0) > store.now_ms() + HOUR_MS // 2


def test_leases_taken_before_the_clock_went_back_hold_nobody_up(store: Store) -> None:
    """An hour's lease is what a ten-second lease looks like after an hour's step back."""
    promote(store)
    ingest(store, A)
    claim_one(store, "dead", lease_ms=HOUR_MS)
    assert claim_one(store, lease_ms=10_000).lead == A
    assert store.lease("publisher", SHARD, "dead", HOUR_MS)
    assert store.lease("publisher", SHARD, "p1", 5_000)


def test_without_a_promoted_artifact_nothing_is_claimed(store: Store) -> None:
    ingest(store, A)
    assert claim(store) == []
    assert store.lead(SHARD, A).dirty
    store.promote(SHARD, "t", 1, "own")
    assert claim_one(store).artifact == "own"


def test_tenant_without_an_artifact_does_not_block_others(store: Store) -> None:
    store.promote(SHARD, "t", 1, "own")
    ingest(store, "other/a", slack_ms=-HOUR_MS)
    ingest(store, A, slack_ms=HOUR_MS)
    assert [c.lead for c in claim(store, limit=1)] == [A]
    assert store.lead(SHARD, "other/a").dirty
    promote(store, 2)
    assert [c.lead for c in claim(store)] == ["other/a"]


def test_what_no_artifact_applies_to_makes_room_however_much_it_is(store: Store) -> None:
    """More than one claim looks past: the next one finds what can be scored."""
    promote(store, tenant="t")
    blocked = [wrote(store, f"u/{n}") for n in range(CLAIM_SPARE + 2)]
    assert store.commit(batch(store, *blocked)).status is CommitStatus.COMMITTED
    ingest(store, A, slack_ms=1_000)
    assert claim(store, limit=1) == []
    assert claim_one(store).lead == A


def test_later_promotion_wins_be_it_the_tenants_or_everybodys(store: Store) -> None:
    ingest(store, A)
    store.promote(SHARD, "t", 4, "own")
    promote(store, 2, "all")
    assert claim_one(store, lease_ms=0).artifact == "own"
    promote(store, 5, "newer")
    store.promote(SHARD, "t", 3, "late copy")
    assert (claim_one(store).promotion, store.promoted(SHARD)) == (
        5,
        {"t": (4, "own"), "*": (5, "newer")},
    )


def test_promoting_again_changes_nothing(store: Store) -> None:
    promote(store, 2, "one")
    promote(store, 2, "one")
    promote(store, 1, "older")
    assert store.promoted(SHARD) == {"*": (2, "one")}


def test_touch_makes_dirty_only_what_the_live_promotion_has_not_scored(store: Store) -> None:
    promote(store, 1)
    ingest(store, A)
    score(store, A)
    ingest(store, B, queue=None)
    store.touch(SHARD, [A, B, C], 0)
    assert store.dirty_count(SHARD) == 0
    promote(store, 2)
    store.touch(SHARD, [A, B, C], 0)
    assert (store.lead(SHARD, A).dirty, store.dirty_count(SHARD)) == (True, 1)
    ingest(store, C, slack_ms=0)
    store.touch(SHARD, [A], HOUR_MS)
    assert [c.lead for c in claim(store)] == [A, C]


def test_touched_leads_give_way_to_changed_ones(store: Store) -> None:
    promote(store, 1)
    ingest(store, A)
    score(store, A)
    promote(store, 2)
    store.touch(SHARD, [A], HOUR_MS)
    ingest(store, B)
    assert [c.lead for c in claim(store)] == [B, A]


def test_parked_lead_waits_for_a_change_or_another_promotion(store: Store) -> None:
    promote(store, 1)
    ingest(store, A)
    claimed = claim_one(store)
    assert store.give_up(claimed, "w1", (b"t/a", b"letter"))
    assert store.give_up(claimed, "w1", (b"t/a", b"letter"))
    assert [(e.key, e.value, e.traceparent) for e in entries(store)] == [(A, b"letter", "00-0")]
    view = store.lead(SHARD, A)
    assert (view.parked, view.dirty, view.leased_until_ms) == (True, False, None)
    store.touch(SHARD, [A], 0)
    assert claim(store) == []
    promote(store, 2)
    store.touch(SHARD, [A], 0)
    assert claim_one(store).attempt == 1


def test_lead_is_not_parked_for_what_it_no_longer_is(store: Store) -> None:
    promote(store)
    ingest(store, A)
    poison = claim_one(store)
    ingest(store, A, b"healed")
    assert not store.give_up(poison, "w1", (b"t/a", b"letter"))
    assert entries(store) == []
    assert claim_one(store, "w2").state == b"healed"


def test_lease_that_ran_out_parks_nothing(store: Store) -> None:
    promote(store)
    ingest(store, A)
    slow = claim_one(store, lease_ms=0)
    assert not store.give_up(slow, "w1", (b"t/a", b"letter"))
    assert not store.lead(SHARD, A).parked


def test_only_the_lease_holder_parks(store: Store) -> None:
    promote(store)
    ingest(store, A)
    slow = claim_one(store, "slow", lease_ms=0)
    claim_one(store, "w2")
    assert not store.give_up(slow, "slow", (b"t/a", b"letter"))
    assert store.lead(SHARD, A).leased_until_ms is not None
    erase(store, A)
    assert not store.give_up(slow, "w2", (b"t/a", b"letter"))


def test_names_leases_expire_and_are_renewed_by_their_owner(store: Store) -> None:
    assert store.lease("publisher", SHARD, "p1", HOUR_MS)
    assert store.lease("publisher", SHARD, "p1", HOUR_MS)
    assert not store.lease("publisher", SHARD, "p2", HOUR_MS)
    assert store.lease("sweep", SHARD, "p2", HOUR_MS)
    assert store.lease("publisher", SHARD + 1, "p2", HOUR_MS)
    assert store.board_lease("t/q1", "p1", HOUR_MS)
    assert not store.board_lease("t/q1", "p2", HOUR_MS)

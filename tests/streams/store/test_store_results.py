"""Both stores: which result is accepted, and what it leaves to do."""

from __future__ import annotations

from dataclasses import replace

from streams.store.contract import CompletionStatus, EntryKind, OutboxEntry, Store
from tests.streams.store.store_steps import (
    ASR,
    HOUR_MS,
    PAST_MS,
    SHARD,
    A,
    batch,
    claim,
    claim_one,
    complete,
    drain,
    entries,
    erase,
    ingest,
    order,
    promote,
    result,
    score,
)

ACCEPTED, STALE = CompletionStatus.ACCEPTED, CompletionStatus.STALE


def test_accepted_result_is_kept_told_and_settles_the_lead(store: Store) -> None:
    promote(store)
    ingest(store, A)
    edge = store.now_ms() + HOUR_MS
    assert complete(store, claim_one(store), due_ms=edge) is ACCEPTED
    view = store.lead(SHARD, A)
    assert (view.score, view.order, view.listed_in) == (b"score", order(1), "q1")
    assert (view.dirty, view.due_ms, view.leased_until_ms, view.attempts) == (False, edge, None, 0)
    assert entries(store) == [
        OutboxEntry("", EntryKind.SCORE, A, b"score", 1, order(1), "q1", None, "00-result")
    ]


def test_repeated_result_is_stale_and_changes_nothing(store: Store) -> None:
    promote(store)
    ingest(store, A)
    done = result(claim_one(store), due_ms=PAST_MS)
    assert store.complete("w1", done) is ACCEPTED
    before = store.lead(SHARD, A), entries(store)
    assert store.complete("w1", done) is STALE
    assert (store.lead(SHARD, A), entries(store)) == before


def test_result_for_a_lead_erased_meanwhile_is_dropped(store: Store) -> None:
    """docs/explanation/protocol.md, scoring 1."""
    promote(store)
    ingest(store, A)
    claimed = claim_one(store)
    erase(store, A)
    drain(store)
    assert complete(store, claimed) is CompletionStatus.GONE
    assert entries(store) == []
    assert store.lead(SHARD, A).score is None
    assert complete(store, replace(claimed, lead="t/unknown")) is CompletionStatus.GONE


def test_result_lists_the_lead_where_it_stands_now(store: Store) -> None:
    """docs/explanation/protocol.md, scoring 2: claimed in queue 1, moved to queue 3 before the
    result."""
    promote(store)
    ingest(store, A, queue="q1")
    claimed = claim_one(store)
    ingest(store, A, b"moved", queue="q3")
    assert complete(store, claimed) is ACCEPTED
    (entry,) = entries(store)
    assert (entry.queue, entry.left, entry.version, entry.order) == ("q3", None, 2, order(1))
    assert store.lead(SHARD, A).listed_in == "q3"


def test_result_of_an_unlisted_lead_goes_to_the_ledger_only(store: Store) -> None:
    promote(store)
    ingest(store, A)
    claimed = claim_one(store)
    ingest(store, A, b"closed", queue=None)
    assert complete(store, claimed, due_ms=PAST_MS) is ACCEPTED
    (entry,) = entries(store)
    assert (entry.kind, entry.queue, entry.left) == (EntryKind.SCORE, None, None)
    view = store.lead(SHARD, A)
    assert (view.listed_in, view.due_ms, view.dirty) == (None, None, False)


def test_older_result_does_not_settle_a_lead_that_moved_on(store: Store) -> None:
    """docs/explanation/protocol.md, scoring 3: two workers score v3 while v5 arrives."""
    promote(store)
    ingest(store, A, b"v1")
    first, second = claim_one(store, lease_ms=0), claim_one(store, "w2")
    ingest(store, A, b"v2")
    assert complete(store, first) is ACCEPTED
    assert complete(store, second, "w2") is STALE
    assert store.lead(SHARD, A).dirty
    assert score(store, A).state == b"v2"
    assert not store.lead(SHARD, A).dirty


def test_refused_result_of_the_current_state_settles_it(store: Store) -> None:
    """docs/explanation/protocol.md, scoring 4: dirty would stay set for ever."""
    promote(store)
    ingest(store, A)
    claimed = claim_one(store)
    complete(store, claimed)
    promote(store, 0)
    ingest(store, A, b"one", topic=ASR)
    assert store.lead(SHARD, A).dirty
    assert complete(store, claimed) is STALE
    assert not store.lead(SHARD, A).dirty
    assert claim(store) == []


def test_refused_result_jumps_no_edge(store: Store) -> None:
    """docs/explanation/protocol.md, scoring 4: an older state, or an older version at a later
    moment."""
    promote(store)
    edge = store.now_ms() + HOUR_MS
    ingest(store, A, b"v1")
    old = claim_one(store, lease_ms=0)
    ingest(store, A, b"v2")
    same_bytes = claim_one(store, lease_ms=0)
    ingest(store, A, b"v2", topic=ASR, slack_ms=None)
    current = claim_one(store)
    assert complete(store, current, as_of_ms=100, due_ms=edge) is ACCEPTED
    assert complete(store, old, as_of_ms=100, due_ms=edge + 1) is STALE
    assert store.lead(SHARD, A).due_ms == edge
    assert complete(store, same_bytes, as_of_ms=200, due_ms=edge + 2) is STALE
    assert store.lead(SHARD, A).due_ms == edge


def test_refused_result_does_not_loop_on_its_edge(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A, as_of_ms=100, due_ms=PAST_MS)
    again = claim_one(store)
    future = store.now_ms() + HOUR_MS
    assert complete(store, again, as_of_ms=100, due_ms=future) is STALE
    assert (store.lead(SHARD, A).due_ms, claim(store)) == (future, [])


def test_due_follows_the_scored_moment_and_ends_with_the_last_edge(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A, as_of_ms=100, due_ms=PAST_MS)
    score(store, A, as_of_ms=200, due_ms=None)
    assert (store.lead(SHARD, A).due_ms, claim(store)) == (None, [])


def test_result_of_another_artifact_is_refused_and_leaves_the_lead_to_do(store: Store) -> None:
    """docs/explanation/protocol.md, scoring 5."""
    promote(store, 1, "old")
    ingest(store, A)
    claimed = claim_one(store)
    promote(store, 2, "new")
    assert complete(store, claimed) is CompletionStatus.OTHER_ARTIFACT
    assert entries(store) == []
    again = claim_one(store)
    assert (again.artifact, again.attempt) == ("new", 1)


def test_result_of_an_earlier_promotion_of_the_artifact_is_not_final(store: Store) -> None:
    promote(store, 1)
    ingest(store, A)
    claimed = claim_one(store)
    promote(store, 2)
    store.touch(SHARD, [A], 0)
    assert complete(store, claimed) is ACCEPTED
    assert claim_one(store).promotion == 2


def test_newest_result_of_an_older_state_leaves_the_lead_to_do(store: Store) -> None:
    """A worker whose clock is ahead: its result is accepted and speaks of what is no longer so."""
    promote(store)
    ingest(store, A, b"v1")
    old = claim_one(store, lease_ms=0)
    ingest(store, A, b"v2")
    score(store, A)
    assert complete(store, replace(old, version=2), as_of_ms=200) is ACCEPTED
    assert claim_one(store).state == b"v2"


def test_lead_scored_while_unlisted_is_restated_where_it_last_stood(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A)
    ingest(store, A, b"two")
    claimed = claim_one(store)
    ingest(store, A, b"closed", queue=None)
    assert complete(store, claimed) is ACCEPTED
    drain(store)
    store.restate(SHARD, [A])
    assert [(e.queue, e.left) for e in entries(store)] == [(None, "q1")]


def test_orders_compare_as_numbers(store: Store) -> None:
    promote(store, 9)
    ingest(store, A)
    claimed = claim_one(store)
    assert complete(store, claimed, as_of_ms=9) is ACCEPTED
    assert complete(store, claimed, as_of_ms=10) is ACCEPTED
    promote(store, 10)
    assert complete(store, replace(claimed, promotion=10), as_of_ms=1) is ACCEPTED
    assert store.lead(SHARD, A).order == (10, 1, 1)


def test_full_outbox_refuses_a_result_and_leaves_everything(store: Store) -> None:
    promote(store)
    ingest(store, A)
    claimed = claim_one(store)
    store.commit(batch(store, dead_letters=[(b"t/x", b"bad")] * 5))
    before = store.lead(SHARD, A)
    assert complete(store, claimed) is CompletionStatus.FULL
    assert not store.give_up(claimed, "w1", (b"t/a", b"letter"))
    assert (store.lead(SHARD, A), store.outbox_size(SHARD)) == (before, 5)
    drain(store)
    assert complete(store, claimed) is ACCEPTED


def test_result_after_the_lease_is_accepted_and_frees_nobody_elses(store: Store) -> None:
    promote(store)
    ingest(store, A)
    slow = claim_one(store, "slow", lease_ms=0)
    claim_one(store, "w2")
    assert complete(store, slow, "slow") is ACCEPTED
    assert store.renew(SHARD, "w2", [A], HOUR_MS) == [A]


def test_result_resets_the_attempts(store: Store) -> None:
    promote(store)
    ingest(store, A)
    claim_one(store, lease_ms=0)
    complete(store, claim_one(store))
    ingest(store, A, b"one", topic=ASR)
    assert claim_one(store).attempt == 1


def test_promotion_number_is_the_topics_own(store: Store) -> None:
    """docs/explanation/protocol.md, scoring 6: a shard that went back is told the same numbers
    again."""
    promote(store, 3)
    promote(store, 2, "older")
    ingest(store, A)
    assert claim_one(store).promotion == 3

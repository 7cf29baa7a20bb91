"""Both stores: what a commit compares, writes and refuses."""

from __future__ import annotations

import pytest

from streams.store.contract import CommitStatus, EntryKind, OutboxEntry, Store, StoredLead
from tests.streams.store.store_steps import (
    ASR,
    CRM,
    SHARD,
    UNKNOWN,
    A,
    B,
    batch,
    claim_one,
    complete,
    drain,
    entries,
    erase,
    ingest,
    order,
    promote,
    score,
    wrote,
)


def test_commit_keeps_state_cursor_version_and_frontier(store: Store) -> None:
    ingest(store, A, b"\x00\xff one")
    ingest(store, A, b"two", topic=ASR)
    assert store.read(SHARD, [A, B]) == [StoredLead({CRM: 0, ASR: 0}, b"two", False), UNKNOWN]
    assert store.lead(SHARD, A).version == 2
    assert store.frontier(SHARD) == {CRM: 0, ASR: 0}


def test_own_commit_whose_reply_was_lost_changes_nothing(store: Store) -> None:
    commit = batch(store, wrote(store, A), dead_letters=[(b"t/x", b"bad")])
    assert store.commit(commit).status is CommitStatus.COMMITTED
    before = store.lead(SHARD, A), entries(store)
    retried = store.commit(commit)
    assert (retried.status, retried.frontier) == (CommitStatus.AHEAD, commit.last)
    assert (store.lead(SHARD, A), entries(store)) == before


def test_batch_that_continues_from_elsewhere_writes_nothing(store: Store) -> None:
    zombie = batch(store, wrote(store, A, b"zombie"))
    ingest(store, B)
    ingest(store, B)
    assert store.commit(zombie).status is CommitStatus.AHEAD
    early = batch(store, wrote(store, A, b"early"), topic=ASR)
    early = type(early)(ASR, SHARD, 5, 6, early.leads)
    assert store.commit(early).status is CommitStatus.BEHIND
    assert store.read(SHARD, [A]) == [UNKNOWN]


def test_frontiers_of_topics_and_shards_are_apart(store: Store) -> None:
    ingest(store, A)
    assert store.frontier(SHARD) == {CRM: 0}
    assert store.frontier(SHARD + 1) == {}


def test_adopt_sets_a_frontier_once(store: Store) -> None:
    assert store.adopt(CRM, SHARD, 41)
    assert not store.adopt(CRM, SHARD, 99)
    assert store.frontier(SHARD) == {CRM: 41}
    ingest(store, A)
    assert store.frontier(SHARD) == {CRM: 42}


def test_a_topic_made_again_goes_on_as_the_same_log(store: Store) -> None:
    ingest(store, A)
    ingest(store, A)
    assert store.topic_id(CRM, "first") == "first"
    assert store.topic_id(CRM, "second") == "first"
    assert store.log_bases(SHARD) == {}
    for _ in range(2):  # a repeated one changes nothing
        store.continue_log(CRM, SHARD, 4)
        assert store.topic_id(CRM, "second", accept=True) == "second"
    assert store.topic_id(CRM, "third") == "second"
    assert store.frontier(SHARD) == {CRM: 1}
    assert store.log_bases(SHARD) == {CRM: -2}  # its offset 4 is the log's offset 2
    assert store.log_bases(SHARD + 1) == {}


def test_other_topics_cursor_move_is_noticed(store: Store) -> None:
    """docs/explanation/protocol.md, ingest 1: a duplicate on the other topic moved only the
    cursor."""
    ingest(store, A, b"one")
    mine = batch(store, wrote(store, A, b"two"))
    ingest(store, A, b"one", topic=ASR, slack_ms=None)
    assert store.commit(mine).status is CommitStatus.MOVED
    assert store.read(SHARD, [A])[0].cursor == {CRM: 0, ASR: 0}


def test_lead_erased_since_it_was_read_as_absent_is_not_resurrected(store: Store) -> None:
    """docs/explanation/protocol.md, ingest 2."""
    late = batch(store, wrote(store, A, topic=ASR, offset=0), topic=ASR)
    ingest(store, A)
    erase(store, A)
    assert store.commit(late).status is CommitStatus.MOVED
    assert store.read(SHARD, [A])[0].erased


def test_lead_only_compared_must_be_what_was_read(store: Store) -> None:
    """docs/explanation/protocol.md, ingest 3: read as erased, the shard went back to before the
    erase."""
    ingest(store, A)
    skipped = wrote(store, A, None, queue=None, slack_ms=None)
    read_as_erased = StoredLead(skipped.expected.cursor, skipped.expected.state, True)
    skipped = type(skipped)(A, read_as_erased, read_as_erased.cursor or {}, None, None)
    assert store.commit(batch(store, skipped)).status is CommitStatus.MOVED
    absent = type(skipped)(A, UNKNOWN, {}, None, None)
    assert store.commit(batch(store, absent)).status is CommitStatus.MOVED


def test_erased_lead_stays_erased_whatever_arrives(store: Store) -> None:
    """docs/explanation/protocol.md, ingest 4: the mark never expires."""
    ingest(store, A)
    erase(store, A)
    store_says = store.commit(batch(store, wrote(store, A, b"erased", queue="q1")))
    assert store_says.status is CommitStatus.COMMITTED
    view = store.lead(SHARD, A)
    assert (view.stored.erased, view.queue, view.dirty) == (True, None, False)


def test_cursor_moves_alone_when_no_state_is_given(store: Store) -> None:
    ingest(store, A)
    erase(store, A)
    store.commit(batch(store, wrote(store, A, None, queue=None)))
    assert store.read(SHARD, [A]) == [StoredLead({CRM: 2}, b"erased", True)]
    assert store.lead(SHARD, A).version == 3


def test_one_moved_lead_holds_back_the_whole_batch(store: Store) -> None:
    commit = batch(store, wrote(store, A), wrote(store, B, topic=CRM, offset=0))
    ingest(store, B, topic=ASR)
    assert store.commit(commit).status is CommitStatus.MOVED
    assert store.read(SHARD, [A]) == [UNKNOWN]
    assert CRM not in store.frontier(SHARD)


def test_unchanged_bytes_make_nothing_dirty(store: Store) -> None:
    ingest(store, A, slack_ms=None)
    assert not store.lead(SHARD, A).dirty
    assert store.dirty_count(SHARD) == 0


def test_unlisted_lead_leaves_dirty_and_due(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A, due_ms=store.now_ms() + 10_000)
    ingest(store, A, b"two")
    ingest(store, A, b"closed", queue=None)
    view = store.lead(SHARD, A)
    assert (view.dirty, view.due_ms, view.queue) == (False, None, None)


@pytest.mark.parametrize("queue", [None, "q2"])
def test_leaving_a_queue_is_told_in_the_same_step(store: Store, queue: str | None) -> None:
    promote(store)
    ingest(store, A)
    score(store, A)
    drain(store)
    ingest(store, A, b"two", queue=queue)
    assert entries(store) == [
        OutboxEntry("", EntryKind.LEAVE, A, b"", 2, order(1), queue="q1", traceparent="00-1")
    ]
    assert store.lead(SHARD, A).listed_in is None


def test_lead_that_stays_in_its_queue_is_not_told_of(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A)
    drain(store)
    ingest(store, A, b"two")
    assert entries(store) == []
    assert store.lead(SHARD, A).listed_in == "q1"


def test_lead_never_scored_leaves_without_a_word(store: Store) -> None:
    ingest(store, A)
    ingest(store, A, b"closed", queue=None)
    assert entries(store) == []


def test_erasing_forgets_the_score_and_is_told_even_when_never_listed(store: Store) -> None:
    promote(store)
    ingest(store, A)
    score(store, A)
    ingest(store, B)
    drain(store)
    erase(store, A)
    erase(store, B)
    told = [(e.kind, e.key, e.value, e.queue, e.order) for e in entries(store)]
    assert told == [
        (EntryKind.ERASE, A, b"", "q1", order(1)),
        (EntryKind.SNAPSHOT, A, b"erased", None, None),
        (EntryKind.ERASE, B, b"", None, None),
        (EntryKind.SNAPSHOT, B, b"erased", None, None),
    ]
    view = store.lead(SHARD, A)
    assert (view.score, view.order, view.listed_in) == (None, None, None)


def test_erasing_ends_the_lease(store: Store) -> None:
    promote(store)
    ingest(store, A)
    claim_one(store)
    erase(store, A)
    view = store.lead(SHARD, A)
    assert (view.leased_until_ms, view.attempts, view.dirty) == (None, 0, False)


def test_dead_letters_are_written_with_the_frontier(store: Store) -> None:
    store.commit(batch(store, dead_letters=[(b"t/x", b"bad 1"), (b"", b"bad 2")]))
    assert [(e.kind, e.key, e.value) for e in entries(store)] == [
        (EntryKind.DEAD_LETTER, "t/x", b"bad 1"),
        (EntryKind.DEAD_LETTER, "", b"bad 2"),
    ]


def test_full_outbox_holds_back_only_what_must_be_told(store: Store) -> None:
    store.commit(batch(store, dead_letters=[(b"t/x", b"bad")] * 7))
    refused = batch(store, wrote(store, A), dead_letters=[(b"t/x", b"bad")])
    assert store.commit(refused).status is CommitStatus.FULL
    assert (store.read(SHARD, [A]), store.frontier(SHARD)) == ([UNKNOWN], {CRM: 0})
    assert ingest(store, A).status is CommitStatus.COMMITTED
    drain(store)
    assert store.commit(batch(store, dead_letters=[(b"t/x", b"bad")])).frontier == 2


def test_changed_lead_is_tried_again_from_the_first_attempt(store: Store) -> None:
    promote(store)
    ingest(store, A)
    parked = claim_one(store)
    assert store.give_up(parked, "w1", (b"t/a", b"poison"))
    ingest(store, A, b"same", slack_ms=None)
    assert store.lead(SHARD, A).parked
    ingest(store, A, b"two")
    assert not store.lead(SHARD, A).parked
    again = claim_one(store)
    assert again.attempt == 1
    assert complete(store, again).value == "accepted"


def test_impossible_commits_are_bugs(store: Store) -> None:
    write = wrote(store, A)
    with pytest.raises(ValueError, match="twice"):
        store.commit(batch(store, write, write))
    commit = batch(store, write)
    with pytest.raises(ValueError, match="forward"):
        store.commit(type(commit)(CRM, SHARD, 4, 4, commit.leads))


def test_partition_count_is_recorded_at_first_use(store: Store) -> None:
    assert store.recorded_partitions() is None
    assert store.partitions(16) == 16
    assert store.recorded_partitions() == 16
    assert store.partitions(8) == 16

"""The position comes from the store and no fetch can jump over a record, whatever races."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.types import TP

from streams.ingest.batch import Batch
from streams.ingest.liveness import PartitionProgress
from tests.streams.ingest.scripted_consumer import (
    PLACE,
    Ended,
    ScriptedConsumer,
    ScriptedSeat,
    assert_chained,
    drained,
    offsets_of,
    record,
)


def test_it_continues_after_the_stores_frontier() -> None:
    consumer = drained(4, range(10))
    assert offsets_of(consumer) == [5, 6, 7, 8, 9]
    assert_chained(consumer, 4)


def test_a_partition_never_applied_begins_at_the_start() -> None:
    assert offsets_of(drained(None, range(4))) == [0, 1, 2, 3]


def test_a_fetch_that_began_before_a_seek_is_fetched_again() -> None:
    """A rebalance seeks back to 2 while records from 6 on are on their way."""

    def prepare(consumer: ScriptedConsumer) -> None:
        async def rebalance() -> None:
            consumer.seat.frontiers[PLACE] = 2  # type: ignore[attr-defined]
            consumer.lost_seeks = 1
            await consumer.perform_seek()

        consumer.before_fetch = rebalance

    consumer = drained(5, range(10), prepare)
    assert offsets_of(consumer) == [3, 4, 5, 6, 7, 8, 9]
    assert_chained(consumer, 2)


def test_what_was_fetched_before_a_seek_is_not_handed_over() -> None:
    """Meanwhile another worker applied up to 7: what begins at 6 is of no use, even its end."""

    def prepare(consumer: ScriptedConsumer) -> None:
        async def rebalance() -> None:
            consumer.seat.frontiers[PLACE] = 7  # type: ignore[attr-defined]
            await consumer.perform_seek()

        consumer.before_fetch = rebalance

    consumer = drained(5, range(10), prepare)
    assert consumer.taken == [Batch(*PLACE, 7, [8, 9])]


def test_a_fetch_that_began_during_a_seek_is_not_handed_over() -> None:
    """It may have read the position from before: a seek counts when it begins and when it ends."""

    def prepare(consumer: ScriptedConsumer) -> None:
        seat = consumer.seat
        assert isinstance(seat, ScriptedSeat)
        began_at: list[int] = []

        async def rebalance() -> None:
            seat.before_answer = lambda: began_at.append(consumer.n_seeks)
            await consumer.perform_seek()
            await consumer._hand_over({PLACE: [record(6), record(7)]}, began_at[0])
            assert consumer.taken == []

        consumer.before_fetch = rebalance

    assert offsets_of(drained(5, range(10), prepare)) == [6, 7, 8, 9]


def test_a_seek_while_an_agent_is_waited_for_stands() -> None:
    """The batch in hand must not move the position that the seek has set back."""

    def prepare(consumer: ScriptedConsumer) -> None:
        async def rebalance() -> None:
            consumer.seat.frontiers[PLACE] = 2  # type: ignore[attr-defined]
            await consumer.perform_seek()

        consumer.while_delivering = rebalance

    consumer = drained(5, range(10), prepare)
    assert offsets_of(consumer) == [6, 7, 8, 3, 4, 5, 6, 7, 8, 9]


def test_what_was_fetched_for_an_earlier_generation_is_sought_back_to() -> None:
    """A rebalance begins between the batches of two partitions."""
    other = TP(PLACE.topic, 1)

    def prepare(consumer: ScriptedConsumer) -> None:
        async def rebalance_begins() -> None:
            consumer.app.consumer_generation_id += 1

        consumer.places = [PLACE, other]
        consumer.while_delivering = rebalance_begins

    consumer = drained(None, range(3), prepare)
    at = [batch.partition for batch in consumer.taken].index(other.partition)
    assert consumer.taken[at] == Batch(*other, -1, [0, 1, 2])
    assert consumer.seeks[at] > consumer.seeks[0], "not before another seek"


def test_a_batch_no_agent_took_is_sought_back_to() -> None:
    """Nothing else would: no later record comes to show the gap."""

    def prepare(consumer: ScriptedConsumer) -> None:
        consumer.refusals = 1

    assert offsets_of(drained(None, range(3), prepare)) == [0, 1, 2]


def test_another_gap_after_a_gap_is_not_believed() -> None:
    """Two seeks in a row are lost: each fetch shows a gap, but not the same."""

    def prepare(consumer: ScriptedConsumer) -> None:
        consumer.position = 6
        consumer.lost_seeks = 2

    consumer = drained(2, range(10), prepare)
    assert offsets_of(consumer) == [3, 4, 5, 6, 7, 8, 9]


def test_a_gap_made_by_a_lost_seek_is_not_believed() -> None:
    """The fetch inherits the predecessor of the seek, but begins elsewhere: 2820 were skipped."""

    def prepare(consumer: ScriptedConsumer) -> None:
        consumer.position = 6
        consumer.lost_seeks = 1

    consumer = drained(2, range(10), prepare)
    assert offsets_of(consumer) == [3, 4, 5, 6, 7, 8, 9]


def test_a_gap_that_is_in_the_log_is_believed_when_seen_twice() -> None:
    consumer = drained(1, [0, 1, 2, 7, 8, 12])
    assert offsets_of(consumer) == [2, 7, 8, 12]
    assert_chained(consumer, 1)


def test_a_gap_made_by_retention_is_history_lost_not_a_gap() -> None:
    """The log is trimmed after the seek: a second fetch shows the same first offset."""

    def prepare(consumer: ScriptedConsumer) -> None:
        async def trim() -> None:
            consumer.log_start = 7

        consumer.before_fetch = trim

    with pytest.raises(Ended, match=r"history lost: .* starts at offset 7"):
        drained(1, [7, 8], prepare)


def test_overlap_with_what_was_handed_over_is_dropped() -> None:
    def prepare(consumer: ScriptedConsumer) -> None:
        consumer.lost_seeks = 1

    consumer = drained(4, range(10), prepare)
    assert offsets_of(consumer) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("frontier", "start", "offsets", "sentence"),
    [
        (None, 3, [3, 4], "starts at offset 3 and nothing of it was ever applied: accept the"),
        (1, 3, [3, 4], "history lost: crm.events/0 starts at offset 3, the store continues at 2"),
        (9, 0, range(5), "ends at offset 5, the store has applied 9: the topic was recreated"),
    ],
)
def test_a_log_that_cannot_be_continued_ends_the_process_with_a_sentence(
    frontier: int | None, start: int, offsets: Sequence[int], sentence: str
) -> None:
    def prepare(consumer: ScriptedConsumer) -> None:
        consumer.log_start = start

    with pytest.raises(Ended, match=sentence):
        drained(frontier, offsets, prepare)


def test_what_others_did_while_it_asked_is_no_fault_of_the_log() -> None:
    """Frozen while it asks where to continue, a worker wakes to a frontier that its successor has
    moved past the end that the log had before."""

    def prepare(consumer: ScriptedConsumer) -> None:
        seat = consumer.seat
        assert isinstance(seat, ScriptedSeat)

        def others_go_on() -> None:
            consumer.log_offsets = range(9)
            seat.frontiers[PLACE] = 7

        seat.before_answer = others_go_on

    consumer = drained(2, range(5), prepare)
    assert offsets_of(consumer) == [8]


def test_what_is_committed_to_kafka_is_what_the_store_confirmed() -> None:
    consumer = drained(4, range(10))
    assert consumer._filter_committable_offsets([PLACE]) == {PLACE: 5}
    consumer.confirm(consumer.taken[0], 7)
    assert consumer._filter_committable_offsets([PLACE]) == {PLACE: 8}


def test_progress_leaves_out_a_partition_that_a_rebalance_is_giving() -> None:
    """Faust lists it already, aiokafka knows no position of it yet."""

    def prepare(consumer: ScriptedConsumer) -> None:
        subscriptions = SubscriptionState(loop=consumer.loop)
        consumer._thread._consumer = SimpleNamespace(_subscription=subscriptions)
        assert consumer.progress() == {}
        subscriptions.subscribe({PLACE.topic})
        subscriptions.assign_from_subscribed([])
        assert consumer.progress() == {}
        subscriptions.assign_from_subscribed([PLACE])
        assert consumer.progress() == {PLACE: PartitionProgress(-1, -1, 0)}

    drained(4, range(10), prepare)

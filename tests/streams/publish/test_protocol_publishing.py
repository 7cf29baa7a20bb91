"""docs/explanation/protocol.md, "Publishing": each trace with the roles that it happens to.

`acts_at("read" | "placed", …)` is a publisher that is paused and overtaken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.outputs import BoardSnapshot
from schemas.topics import BOARDS, CRM_EVENTS, RANKED
from streams.kafka.producer import OutRecord
from streams.publish.publisher import Step, publish
from streams.store.contract import OutboxEntry
from tests.support.deaths import acts_at
from tests.support.forgetting import remember_boards, remember_shards
from tests.support.leads.lead_events import A, clicks, closes, joins, talks, writes
from tests.support.roles import LogOutput, Roles, order_of

LEASE_MS = 5_000


def others_publish(roles: Roles, *steps: str) -> None:
    """The paused publisher's lease runs out, and another takes over."""
    roles.clock.advance(LEASE_MS)
    roles.settle(roles.worker("w2"), roles.publisher("p2"))


@dataclass
class StallingOutput(LogOutput):
    """Kafka is away at the first record of `topic`; it is written after what happens meanwhile."""

    topic: str = ""
    meanwhile: Callable[[], object] | None = None

    def deliver(self, records: Sequence[OutRecord]) -> None:
        meanwhile = self.meanwhile
        if meanwhile and any(record.topic == self.topic for record in records):
            self.meanwhile = None
            meanwhile()
        super().deliver(records)


def told_of_boards(roles: Roles) -> list[int]:
    records = roles.output.of(BOARDS.name)
    return [BoardSnapshot.model_validate_json(r.value or b"").board_version for r in records]


def greatest(roles: Roles, lead: str) -> bytes | None:
    """What a subscriber holds that keeps the greatest order."""
    records = roles.output.of(RANKED.name, lead)
    return max(records, key=order_of).value


def test_record_sent_late_is_outranked_and_the_sweep_restates_the_newer(
    memory_roles: Roles,
) -> None:
    """Publisher 1 compares and is paused, publisher 2 publishes a later score, 1 sends."""
    roles = memory_roles
    roles.ingest(joins(0))
    roles.worker().step()

    def overtaken() -> None:
        roles.ingest(talks(1))
        others_publish(roles)

    roles.publisher("p1", acts_at("placed", overtaken)).step()
    newest = roles.lead(A).order
    assert newest is not None
    last = roles.output.of(RANKED.name, A)[-1]
    assert tuple(order_of(last)[1:]) < newest, "the late record is the compacted topic's last"
    kept = greatest(roles, A)
    roles.clock.advance(61_000)
    roles.settle(roles.worker("w2"), roles.publisher("p2"))
    assert roles.output.of(RANKED.name, A)[-1].value == kept
    assert roles.differences() == []


def test_snapshot_sent_late_is_outranked_and_restated(memory_roles: Roles) -> None:
    """Publisher 1 reads a board, Kafka is away for longer than its lease, publisher 2 has told of
    a newer one when what 1 sent arrives."""
    roles = memory_roles
    roles.ingest(joins(0))
    roles.worker().step()

    def overtaken() -> None:
        roles.clock.advance(LEASE_MS)
        roles.ingest(talks(1))
        roles.settle(roles.worker("w2"), others)

    roles.output = StallingOutput(topic=BOARDS.name, meanwhile=overtaken)
    others = roles.publisher("p2")
    roles.publisher("p1").step()
    newest, last = told_of_boards(roles)[-2:]
    assert last < newest, "the late record is the compacted topic's last"
    for _ in range(61):  # a sweep comes due, and no lease runs out meanwhile
        roles.clock.advance(1_000)
        others.step()
    assert told_of_boards(roles)[-1] == newest


def test_publisher_that_is_refused_a_board_as_it_ends_leaves_no_snapshot_untold(
    memory_roles: Roles,
) -> None:
    """Two end at once: one moves a board while the other, whose board it is, tells of it for the
    last time."""
    roles = memory_roles

    def moves_and_ends() -> None:
        second.finish()
        second.hand_over()

    roles.output = output = StallingOutput(topic=BOARDS.name)
    first, second = roles.publisher("p1"), roles.publisher("p2")
    second.step()  # takes the shard
    roles.ingest(joins(0))
    roles.clock.advance(200)
    first.step()  # takes the board
    roles.worker().step()
    second.step()
    roles.ingest(talks(1))
    roles.worker().step()
    output.meanwhile = moves_and_ends
    first.hand_over()
    told = told_of_boards(roles)
    assert len(told) == 2
    assert told[-1] == roles.store.board("acme/north", 0).board_version


def test_late_writer_cannot_bring_back_a_lead_that_left(memory_roles: Roles) -> None:
    """A removal leaves a marker with its order."""
    roles = memory_roles
    roles.ingest(joins(0))
    roles.worker().step()

    def overtaken() -> None:
        roles.ingest(closes(1))
        others_publish(roles)
        assert roles.standing() == {}

    roles.publisher("p1", acts_at("read", overtaken)).step()
    assert roles.standing() == {}
    assert roles.differences() == []


def test_departure_outranks_a_later_promotion(memory_roles: Roles) -> None:
    """Ordered by promotion first, a score of promotion 1 would undo a leave that came after it
    but knew, its shard having gone back, only promotion 0."""
    roles = memory_roles
    roles.ingest(joins(0, "one"))
    roles.settle(roles.worker(), roles.publisher("p1"))
    go_back = remember_shards(roles.store)
    roles.promote("rule-1")
    roles.copied()
    roles.worker().step()

    def overtaken() -> None:
        go_back()
        roles.ingest(joins(1, "three"))
        others_publish(roles)

    roles.publisher("p1", acts_at("read", overtaken)).step()
    assert roles.standing() == {A: ["acme/three"]}


def test_ghost_of_a_shard_that_went_back_is_swept_away(memory_roles: Roles) -> None:
    """Back to before A was listed; then A closes, and the shard has no departure to tell."""
    roles = memory_roles
    go_back = remember_shards(roles.store)
    roles.ingest(joins(0))
    publisher = roles.publisher()
    roles.settle(roles.worker(), publisher)
    assert roles.standing() == {A: ["acme/north"]}
    go_back()
    roles.append(closes(1))
    roles.catch_up()
    roles.copied()
    roles.clock.advance(61_000)
    roles.settle(roles.worker(), publisher)
    assert roles.standing() == {}
    assert roles.output.of(RANKED.name, A)[-1].value is None
    assert order_of(roles.output.of(RANKED.name, A)[-1])[0] == 2
    assert roles.differences() == []


def test_repeat_in_another_batch_after_a_rollback_leaves_no_greater_order_behind(
    memory_roles: Roles,
) -> None:
    """A repeat changes nothing and asks for no score. First it came with the event before it, and
    the score has its version; read again, it comes alone."""
    roles = memory_roles
    worker, publisher = roles.worker(), roles.publisher()
    roles.ingest(joins(0))
    roles.settle(worker, publisher)
    go_back = remember_shards(roles.store)
    roles.ingest(writes(2), writes(2))
    roles.settle(worker, publisher)
    published = max(map(order_of, roles.output.of(RANKED.name, A)))
    go_back()
    roles.clock.advance(2_000)
    roles.settle(worker, publisher)  # sees that the shard went back, and heals what it can by now
    for _ in range(2):
        roles.apply(CRM_EVENTS.name, 0, n_records=1)
        roles.settle(worker, publisher)
    for _ in range(61):  # a sweep comes due, and no lease runs out meanwhile
        roles.clock.advance(1_000)
        publisher.step()
    roles.settle(worker, publisher)
    order = roles.lead(A).order
    assert order is not None
    assert [*order] >= published[1:]
    assert roles.differences() == []


def test_ghost_is_swept_at_once_when_the_frontier_goes_back(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0, lead="b"))
    go_back = remember_shards(roles.store)
    roles.ingest(joins(0))
    publisher = roles.publisher(sweep_every_s=1e9)
    roles.settle(roles.worker(), publisher)
    roles.clock.advance(2_000)
    publisher.step()
    go_back()
    roles.clock.advance(2_000)
    publisher.step()
    roles.append(closes(1))
    roles.catch_up()
    roles.settle(roles.worker(), publisher)
    assert roles.standing() == {"acme/b": ["acme/north"]}


def test_ghost_is_not_removed_while_its_shard_catches_up(memory_roles: Roles) -> None:
    """The shard knows less than the board: what it does not list yet is no ghost."""
    roles = memory_roles
    go_back = remember_shards(roles.store)
    roles.ingest(joins(0))
    publisher = roles.publisher()
    roles.settle(roles.worker(), publisher)
    go_back()
    for _ in range(5):
        roles.clock.advance(61_000)
        publisher.step()
    assert roles.standing() == {A: ["acme/north"]}
    roles.catch_up()
    roles.copied()
    roles.settle(roles.worker(), publisher)
    assert roles.differences() == []


def test_board_that_went_back_alone_is_restated(memory_roles: Roles) -> None:
    """The entries were deleted long ago: only the sweep knows that A is missing."""
    roles = memory_roles
    roles.ingest(joins(0, lead="b"))
    publisher = roles.publisher(sweep_every_s=1e9)
    roles.settle(roles.worker(), publisher)
    go_back = remember_boards(roles.store)
    roles.ingest(joins(0))
    roles.settle(roles.worker(), publisher)
    go_back()
    assert set(roles.standing()) == {"acme/b"}
    roles.clock.advance(1_000)
    roles.settle(roles.worker(), publisher)
    assert set(roles.standing()) == {A, "acme/b"}
    assert roles.differences() == []
    assert len(roles.output.of(BOARDS.name)) >= 3


def test_lead_whose_listing_was_forgotten_with_its_board_gets_its_tombstone(
    memory_roles: Roles,
) -> None:
    """Shard and board are set back to before A was known; when the log is read again A is closed
    in the batch that creates it. Only `leads.ranked` still knows that it ever stood."""
    roles = memory_roles
    publisher = roles.publisher(sweep_every_s=1e9)
    roles.ingest(joins(0, lead="b"))
    roles.settle(roles.worker(), publisher)
    shards_go_back, boards_go_back = remember_shards(roles.store), remember_boards(roles.store)
    roles.ingest(joins(1))
    roles.settle(roles.worker(), publisher)
    assert roles.output.ranked(A)
    shards_go_back()
    boards_go_back()
    roles.append(closes(2))
    roles.clock.advance(1_000)
    publisher.step()
    roles.catch_up()
    roles.settle(roles.worker(), publisher)
    roles.clock.advance(61_000)
    roles.settle(roles.worker(), roles.publisher("p2"))
    assert roles.output.ranked(A) is None
    assert roles.differences() == []


def test_entry_written_after_a_rollback_is_not_deleted_in_anothers_place(roles: Roles) -> None:
    """The shard goes back while an entry of it is delivered; what is written then has an id of its
    own, and the deletion of the delivered one does not hit it."""
    go_back = remember_shards(roles.store)
    roles.ingest(joins(0))
    roles.worker().step()
    delivered = roles.store.outbox(0, 1)[0]
    survivors: list[OutboxEntry] = []

    def node_goes_back() -> None:
        go_back()
        roles.append(talks(1))
        roles.catch_up()
        roles.copied()
        roles.worker("w2").step()
        survivors.extend(roles.store.outbox(0, 10))

    publish([0], Step(roles.store, roles.output, checkpoint=acts_at("delivered", node_goes_back)))
    assert [entry.version for entry in survivors] == [2]
    assert survivors[0].id != delivered.id
    assert roles.store.outbox(0, 10) == survivors
    roles.settle(roles.worker("w3"), roles.publisher())
    assert roles.differences() == []


def test_lead_that_changes_queue_stands_in_one(roles: Roles) -> None:
    roles.ingest(joins(0, "one"))
    publisher = roles.publisher()
    roles.settle(roles.worker(), publisher)
    roles.ingest(joins(1, "three"))
    publisher.step()
    assert roles.standing() == {}, "it leaves when the event comes, before it is scored again"
    assert roles.output.of(RANKED.name, A)[-1].value is None
    roles.settle(roles.worker(), publisher)
    assert roles.standing() == {A: ["acme/three"]}
    assert roles.differences() == []


def test_orders_of_ranked_records_never_go_back_without_a_fault(roles: Roles) -> None:
    publisher, worker = roles.publisher(), roles.worker()
    for i in range(0, 40, 4):
        queue = ("one", "two")[i % 8 == 0]
        for event in (joins(i, queue), clicks(i + 1), writes(i + 2), talks(i + 3)):
            roles.ingest(event)
            worker.step()
            publisher.step()
    roles.settle(worker, publisher)
    orders = [order_of(record) for record in roles.output.of(RANKED.name, A)]
    assert orders == sorted(orders)
    assert len(orders) > 10

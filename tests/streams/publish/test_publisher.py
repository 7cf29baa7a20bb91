"""The publisher: deaths between its steps, the same bytes again, what each record says, leases,
snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from pydantic_core import from_json

from schemas.outputs import BoardSnapshot, Erasure, RankUpdate
from schemas.topics import BOARDS, DEAD_LETTER, ERASED, RANKED, SCORES, STATE
from streams.kafka.producer import OutRecord
from streams.publish.publisher import Step, publish
from tests.support.deaths import Died, acts_at, dies_at
from tests.support.leads.lead_events import A, closes, erased, joins, reopens, talks, writes
from tests.support.roles import LogOutput, Roles, order_of

LEASE_MS = 5_000
GAPS = ("read", "removed", "added", "placed", "delivered", "deleted")


def eventful(roles: Roles) -> None:
    """Entries of every kind that moves a board wait in the outbox."""
    worker, publisher = roles.worker(), roles.publisher("before")
    roles.ingest(*(joins(i, "one", lead) for i, lead in enumerate("abcd")))
    roles.settle(worker, publisher)
    roles.ingest(joins(10, "two"), talks(11, lead="b"), closes(12, "c"), erased(13, "d"))
    while worker.step():
        pass
    publisher.hand_over()
    roles.clock.advance(LEASE_MS)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("gap", GAPS)
def test_death_in_any_gap_is_mended_by_the_next(memory_roles: Roles, gap: str, nth: int) -> None:
    roles = memory_roles
    eventful(roles)
    n_before = len(roles.output.records)
    dying = roles.publisher("p1", dies_at(gap, nth))

    def two_steps() -> None:
        for _ in range(2):
            dying.step()
            roles.ingest(writes(14, lead="b"))
            roles.worker().step()

    with pytest.raises(Died):
        two_steps()
    roles.clock.advance(LEASE_MS)
    roles.settle(roles.worker("w2"), roles.publisher("p2"))
    assert roles.differences() == []
    assert roles.standing() == {A: ["acme/two"], "acme/b": ["acme/one"]}
    assert len(roles.output.of(ERASED.name)) >= 1
    assert len(roles.output.records) > n_before


def test_repeated_delivery_has_the_same_bytes(roles: Roles) -> None:
    eventful(roles)
    first, second = LogOutput(), LogOutput()
    with pytest.raises(Died):
        publish([0], Step(roles.store, first, checkpoint=dies_at("delivered")))
    publish([0], Step(roles.store, second))
    assert first.records == second.records
    assert {r.topic for r in first.records} == {SCORES.name, RANKED.name, ERASED.name, STATE.name}
    assert roles.store.outbox_size(0) == 0


def test_nothing_is_deleted_that_kafka_did_not_take(memory_roles: Roles) -> None:
    roles = memory_roles
    eventful(roles)
    waiting = roles.store.outbox(0, 100)

    class Away:
        def deliver(self, records: Sequence[OutRecord]) -> None:
            raise Died("no broker")

    with pytest.raises(Died):
        publish([0], Step(roles.store, Away()))
    assert roles.store.outbox(0, 100) == waiting


def test_placement_that_a_board_refuses_is_a_score_and_no_rank(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))
    roles.worker().step()
    (old,) = roles.store.outbox(0, 10)
    roles.ingest(talks(1))
    roles.settle(roles.worker(), roles.publisher())
    n_ranked = len(roles.output.of(RANKED.name, A))
    shard = roles.store._shard(0)  # type: ignore[attr-defined]  # the memory store's
    shard.outbox[old.id] = old
    publish([0], roles.publisher_step())
    assert len(roles.output.of(SCORES.name, A)) == 3
    assert len(roles.output.of(RANKED.name, A)) == n_ranked


def leaves(roles: Roles) -> None:
    """A departure waits in the outbox."""
    roles.ingest(closes(1))


def is_swept(roles: Roles) -> None:
    """The departure is published, and the sweep's word that the lead stands nowhere waits."""
    roles.ingest(closes(1))
    publish([0], roles.publisher_step())
    roles.store.restate(0, [A])


@pytest.mark.parametrize("departs", [leaves, is_swept])
def test_departure_that_a_board_refuses_is_not_announced(
    memory_roles: Roles, departs: Callable[[Roles], None]
) -> None:
    """The lead came back while a publisher that had read the departure was paused."""
    roles = memory_roles
    roles.ingest(joins(0))
    roles.worker().step()
    publish([0], roles.publisher_step())
    departs(roles)

    def overtaken() -> None:
        roles.ingest(reopens(2))
        roles.worker().step()
        publish([0], roles.publisher_step())

    publish([0], Step(roles.store, roles.output, checkpoint=acts_at("read", overtaken)))
    assert roles.output.ranked(A)
    assert roles.differences() == []


def test_records_carry_key_order_and_cloudevents(roles: Roles) -> None:
    roles.ingest(joins(0))
    roles.settle(roles.worker(), roles.publisher())
    view = roles.lead(A)
    assert view.order is not None
    (ranked,) = set(roles.output.of(RANKED.name))
    headers = dict(ranked.headers)
    assert from_json(headers.pop("asllr_order")) == [view.version, *view.order]
    dotted = ".".join(map(str, (view.version, *view.order))).encode()
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"acme/a:" + dotted,
        "ce_source": b"asllr",
        "ce_type": b"asllr.RankUpdate.v1",
        "ce_subject": b"acme/a",
        "content-type": b"application/json",
    }
    update = RankUpdate.model_validate_json(ranked.value or b"")
    assert (update.rank, update.previous_rank, update.delta) == (1, None, None)
    assert update.state_hash == roles.output.scores(A)[0].state_hash


def test_mover_says_where_it_was_and_how_far_it_moved(roles: Roles) -> None:
    roles.ingest(*(joins(i, lead=lead) for i, lead in enumerate("abc")))
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    before = roles.output.ranked(A)
    roles.ingest(talks(3))
    roles.settle(worker, publisher)
    after = roles.output.ranked(A)
    assert before is not None
    assert after is not None
    assert after.delta == pytest.approx(after.probability - before.probability)
    assert after.previous_rank is not None
    assert after.board_version > before.board_version


def test_erased_lead_leaves_a_tombstone_and_an_erasure(roles: Roles) -> None:
    roles.ingest(joins(0))
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    roles.ingest(erased(1))
    roles.settle(worker, publisher)
    placed, *_, gone = roles.output.of(RANKED.name, A)
    assert gone.value is None
    assert order_of(gone) > order_of(placed)
    (record,) = set(roles.output.of(ERASED.name, A))
    assert Erasure.model_validate_json(record.value or b"").lead == "a"


def test_never_scored_lead_can_be_erased(roles: Roles) -> None:
    roles.ingest(joins(0), erased(1))
    roles.settle(roles.worker(), roles.publisher())
    assert len(roles.output.of(ERASED.name, A)) == 1
    assert roles.standing() == {}


def test_dead_letter_goes_out_under_its_key(roles: Roles) -> None:
    record = roles.broken_record()
    roles.catch_up()
    roles.settle(roles.worker(), roles.publisher())
    (letter,) = roles.output.of(DEAD_LETTER.name)
    assert letter.key == record.key
    assert dict(letter.headers)["ce_type"] == b"asllr.DeadLetter.v1"


def test_shard_has_one_publisher_and_a_dead_ones_is_taken_over(memory_roles: Roles) -> None:
    roles = memory_roles
    first, second = roles.publisher("p1"), roles.publisher("p2")
    first.step()
    roles.ingest(joins(0))
    roles.worker().step()
    assert not second.step()
    roles.clock.advance(LEASE_MS)
    assert second.step()
    assert not first.step()


def test_publisher_keeps_its_shards_while_a_slow_store_places_many_leads(
    memory_roles: Roles,
) -> None:
    roles = memory_roles
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(10)))
    worker = roles.worker()
    while worker.step():
        pass
    other = roles.publisher("p2")
    taken = []

    def slowly(name: str) -> None:
        if name == "added":
            roles.clock.advance(LEASE_MS // 5)
        elif name == "placed":
            taken.append(other.step())

    roles.publisher("p1", slowly).step()
    assert taken == [False]


def test_publisher_that_ends_in_order_is_replaced_at_once(memory_roles: Roles) -> None:
    roles = memory_roles
    first, second = roles.publisher("p1"), roles.publisher("p2")
    first.step()
    first.hand_over()
    roles.clock.advance(LEASE_MS // 3)
    roles.ingest(joins(0))
    roles.worker().step()
    assert second.step()


def test_takeover_restates_every_placement(memory_roles: Roles) -> None:
    roles = memory_roles
    eventful(roles)
    roles.settle(roles.worker(), roles.publisher("p1", sweep_every_s=1e9))
    roles.output.records.clear()
    roles.clock.advance(LEASE_MS)
    roles.settle(roles.worker(), roles.publisher("p2", sweep_every_s=1e9))
    last = {r.key.decode(): r.value for r in roles.output.of(RANKED.name)}
    assert {lead for lead, value in last.items() if value} == {A, "acme/b"}
    assert {lead for lead, value in last.items() if not value} == {"acme/c", "acme/d"}


def test_snapshots_are_coalesced_and_only_of_what_changed(memory_roles: Roles) -> None:
    roles = memory_roles
    worker, publisher = roles.worker(), roles.publisher()
    roles.ingest(*(joins(i, lead=f"l{i:02}") for i in range(60)))
    roles.clock.advance(200)
    for _ in range(60):
        worker.step()
        publisher.step()
    assert len(roles.output.of(BOARDS.name)) == 1
    roles.clock.advance(200)
    publisher.step()
    first, last = roles.output.of(BOARDS.name)
    snapshot = BoardSnapshot.model_validate_json(last.value or b"")
    assert (snapshot.size, len(snapshot.top)) == (60, 50)
    assert [row.rank for row in snapshot.top] == list(range(1, 51))
    assert first.key == last.key == b"acme/north"
    for _ in range(5):
        roles.clock.advance(200)
        publisher.step()
    assert len(roles.output.of(BOARDS.name)) == 2


def test_each_queue_has_one_writer_of_snapshots_and_a_dead_ones_is_taken_over(
    memory_roles: Roles,
) -> None:
    roles = memory_roles
    publishers = [roles.publisher(name, sweep_every_s=1e9) for name in ("p1", "p2")]
    roles.ingest(joins(0))
    roles.worker().step()
    for _ in range(3):
        for publisher in publishers:
            publisher.step()
        roles.clock.advance(200)
    assert len(roles.output.of(BOARDS.name)) == 1
    roles.ingest(talks(1))
    roles.worker().step()
    roles.clock.advance(LEASE_MS)
    publishers[1].step()
    roles.clock.advance(200)
    publishers[1].step()
    assert len(roles.output.of(BOARDS.name)) >= 2

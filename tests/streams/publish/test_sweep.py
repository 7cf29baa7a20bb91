"""The sweep's own manners: slow, polite to what is new, complete."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.topics import RANKED
from streams.kafka.producer import OutRecord
from streams.publish.sweep import SLACK_MS, Sweep, is_ghost
from streams.store.contract import MAX_BACKLOG
from tests.support.deaths import Died
from tests.support.forgetting import remember_boards
from tests.support.leads.lead_events import A, closes, joins
from tests.support.roles import Roles, order_of


def sweep_all(roles: Roles, chunk: int = 2) -> None:
    sweep = Sweep(roles.store, roles.output, 60.0, roles.clock.now_s, chunk)
    sweep.soon(0)
    while sweep.step([0]):
        pass


def test_sweep_restates_every_lead_that_stood_somewhere_or_must_not(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(7)), joins(7, lead="late"))
    roles.settle(roles.worker(), roles.publisher("p1", sweep_every_s=1e9))
    roles.ingest(closes(8, "l3"))
    roles.settle(roles.worker(), roles.publisher("p1", sweep_every_s=1e9))
    roles.ingest(closes(9, "never"))
    sweep_all(roles)
    entries = roles.store.outbox(0, 100)
    stood = {f"acme/l{i}" for i in range(7)} | {"acme/late"}
    assert {entry.key for entry in entries} == stood | {"acme/never"}
    assert {entry.key for entry in entries if entry.queue is None} == {"acme/l3", "acme/never"}


def test_restating_twice_changes_no_board_and_repeats_the_bytes(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(5)))
    publisher = roles.publisher()
    roles.settle(roles.worker(), publisher)
    boards = roles.store.board("acme/north", 10)
    said = set(roles.output.of(RANKED.name))
    for _ in range(3):
        roles.clock.advance(61_000)
        roles.settle(roles.worker(), publisher)
    assert roles.store.board("acme/north", 10) == boards
    assert set(roles.output.of(RANKED.name)) == said


def test_sweep_asks_only_for_leads_that_have_passed_their_score(memory_roles: Roles) -> None:
    """A repeat is a record more and no change: the version grows, nothing becomes dirty."""
    roles = memory_roles
    roles.ingest(joins(0), joins(1, lead="b"))
    worker = roles.worker()
    roles.settle(worker, roles.publisher(sweep_every_s=1e9))
    roles.ingest(joins(0))
    assert roles.store.dirty_count(0) == 0
    sweep_all(roles)
    assert roles.lead(A).dirty
    assert not roles.lead("acme/b").dirty
    roles.clock.advance(SLACK_MS)
    worker.step()
    sweep_all(roles)
    assert roles.store.dirty_count(0) == 0


def test_sweep_waits_while_new_entries_do(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(MAX_BACKLOG + 1)))
    worker = roles.worker()
    while worker.step():
        pass
    sweep = Sweep(roles.store, roles.output, 60.0, roles.clock.now_s)
    sweep.soon(0)
    n_waiting = roles.store.outbox_size(0)
    assert not sweep.step([0])
    assert roles.store.outbox_size(0) == n_waiting


def test_sweep_of_a_lost_shard_is_given_up(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))
    roles.settle(roles.worker(), roles.publisher("p1", sweep_every_s=1e9))
    sweep = Sweep(roles.store, roles.output, 60.0, roles.clock.now_s)
    sweep.soon(0)
    assert not sweep.step([])
    assert not sweep.step([0])
    assert roles.store.outbox_size(0) == 0


def test_ghosts_are_only_what_a_shard_that_knows_more_lists_elsewhere(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(joins(0))
    roles.settle(roles.worker(), roles.publisher("p1", sweep_every_s=1e9))
    (row,) = roles.store.board("acme/north", 1).rows
    assert not is_ghost(row, "acme/north", roles.lead(A))
    assert not is_ghost(row, "acme/south", roles.lead(A)), "same version: never listed there"
    roles.ingest(closes(1))
    assert is_ghost(row, "acme/north", roles.lead(A))


def ghosts(roles: Roles, n: int) -> None:
    """Leads that closed after their board was saved, and their board restored."""
    publisher = roles.publisher("p1", sweep_every_s=1e9)
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(n)))
    roles.settle(roles.worker(), publisher)
    go_back = remember_boards(roles.store)
    roles.ingest(*(closes(n + i, f"l{i}") for i in range(n)))
    roles.settle(roles.worker(), publisher)
    go_back()
    assert len(roles.standing()) == n
    roles.output.records.clear()


def test_no_row_is_passed_over_where_ghosts_were_removed(memory_roles: Roles) -> None:
    ghosts(memory_roles, 5)
    sweep_all(memory_roles, chunk=2)
    assert memory_roles.standing() == {}


def test_ghost_is_found_again_when_its_removal_could_not_be_said(memory_roles: Roles) -> None:
    roles = memory_roles
    ghosts(roles, 1)

    class Away:
        def deliver(self, records: Sequence[OutRecord]) -> None:
            raise Died("no broker")

    def sweep_without_a_broker() -> None:
        sweep = Sweep(roles.store, Away(), 60.0, roles.clock.now_s)
        sweep.soon(0)
        while sweep.step([0]):
            pass

    with pytest.raises(Died):
        sweep_without_a_broker()
    assert set(roles.standing()) == {"acme/l0"}
    sweep_all(roles)
    (said,) = roles.output.of(RANKED.name, "acme/l0")
    assert said.value is None
    assert order_of(said)[0] == 2
    assert roles.standing() == {}


def test_ghost_that_stands_elsewhere_gets_no_tombstone(memory_roles: Roles) -> None:
    """The board it left is restored; where it stands now is not to be unsaid."""
    roles = memory_roles
    publisher = roles.publisher("p1", sweep_every_s=1e9)
    roles.ingest(joins(0, "one"))
    roles.settle(roles.worker(), publisher)
    go_back = remember_boards(roles.store)
    roles.ingest(joins(1, "two"))
    roles.settle(roles.worker(), publisher)
    go_back()
    roles.output.records.clear()
    sweep_all(roles)
    assert roles.standing() == {}, "the ghost is gone, what stands is restated later"
    assert roles.output.of(RANKED.name, A) == []
    roles.settle(roles.worker(), publisher)
    assert roles.standing() == {A: ["acme/two"]}

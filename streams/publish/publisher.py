"""The publisher role: outbox -> boards -> Kafka, one process per shard at a time, by lease.

`publish` is the order in which things happen; a death between any two of its steps is mended by
whoever runs it next. What records say is `streams.publish.records`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import assert_never

from schemas.outputs import Score
from streams.kafka.producer import KafkaOutput, Output, OutRecord
from streams.publish.board_snapshots import Snapshots
from streams.publish.leases import ShardLeases
from streams.publish.promotions import PromotionLog, Promotions
from streams.publish.records import (
    dead_letter_record,
    erasure_record,
    frontier_record,
    placement_of,
    rank_record,
    score_record,
    state_record,
    tombstone,
)
from streams.publish.state_snapshots import StateSnapshots
from streams.publish.sweep import Sweep
from streams.store.board import board_of
from streams.store.contract import EntryKind, OutboxEntry, Store
from streams.waiting import Patience, Pause, Stopping, stop_on_signals

log = logging.getLogger(__name__)

StepHook = Callable[[str], None]


def no_checkpoint(name: str) -> None:
    """Does nothing; tests pass a checkpoint at which the process dies."""


@dataclass(frozen=True, slots=True)
class PublisherConfig:
    """What one publisher process needs. `owner` is stable per process slot: a restart takes its own
    leases back at once."""

    bootstrap_servers: str
    open_store: Callable[[], Store]
    owner: str
    n_shards: int
    patience_s: float = 60.0
    lease_ms: int = 5_000
    batch: int = 500
    sweep_every_s: float = 60.0
    snapshot_every_s: float = 0.2
    state_every_s: float = 6 * 3600.0


def run_publisher(
    config: PublisherConfig,
    stop: threading.Event | None = None,
    checkpoint: StepHook = no_checkpoint,
) -> None:
    """Runs the publisher role until SIGTERM or SIGINT (or `stop`), then returns. Raises RoleStopped
    when it cannot go on; whatever else it raises is our bug."""
    stop = stop or stop_on_signals()
    patience = Patience(stop, config.patience_s)
    try:
        store = patience.call(config.open_store)
        publisher = build_publisher(config, store, stop, checkpoint)
        patience.call(lambda: store.partitions(config.n_shards))
        pause = Pause(stop)
        while not stop.is_set():
            if patience.call(publisher.step):
                pause.reset()
            else:
                pause.wait()
        patience.call(publisher.finish)
        patience.call(publisher.hand_over)
    except Stopping:
        log.info("publisher_stopped_while_waiting owner=%s", config.owner)


def build_publisher(
    config: PublisherConfig, store: Store, stop: threading.Event, checkpoint: StepHook
) -> Publisher:
    leases = ShardLeases(store, config.owner, config.n_shards, config.lease_ms)
    output = KafkaOutput(config.bootstrap_servers, config.patience_s, stop, leases.keep)
    return Publisher(
        leases,
        Promotions(store, config.n_shards, PromotionLog(config.bootstrap_servers).read),
        Sweep(store, output, every_s=config.sweep_every_s),
        Snapshots(store, output, config.owner, config.snapshot_every_s, config.sweep_every_s),
        StateSnapshots(store, config.state_every_s),
        Step(store, output, config.batch, checkpoint, leases.keep),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """What `publish` works with. `keep` is called often enough that a slow store costs no lease:
    who loses one restates every lead when it is back, which makes a slow store slower."""

    store: Store
    output: Output
    batch: int = 500
    checkpoint: StepHook = no_checkpoint
    keep: Callable[[], None] = lambda: None


def publish(shards: Sequence[int], step: Step) -> int:
    """Publishes the oldest entries of the shards; returns how many. Safe to repeat from any point:
    boards compare and set and return the move they stored, Kafka gets the same bytes again,
    deleting is idempotent."""
    # 1. Read. Entries of one lead are in one shard, in order, and stay so.
    entries_of = {shard: step.store.outbox(shard, step.batch) for shard in shards}
    step.checkpoint("read")
    # 2. Boards: what a lead moves from, then where it moves to.
    records: list[OutRecord] = []
    for entry in chain.from_iterable(entries_of.values()):
        step.keep()
        records += place(entry, step)
    step.checkpoint("placed")
    # 3. Kafka: acknowledged by all replicas, in order per key, before anything is forgotten.
    if records:
        step.output.deliver(records)
    # A frontier speaks of snapshots told before it: they must be acknowledged first.
    if marks := [
        frontier_record(entry)
        for entries in entries_of.values()
        for entry in entries
        if entry.kind is EntryKind.FRONTIER
    ]:
        step.output.deliver(marks)
    step.checkpoint("delivered")
    # 4. Delete.
    for shard, entries in entries_of.items():
        if entries:
            step.store.delete(shard, [entry.id for entry in entries])
            step.checkpoint("deleted")
    return sum(map(len, entries_of.values()))


def place(entry: OutboxEntry, step: Step) -> list[OutRecord]:
    """Puts the entry's effect on the boards; returns the records to send to Kafka. A placement that
    a board refuses (it holds something newer) is not announced."""
    match entry.kind:
        case EntryKind.DEAD_LETTER:
            return [dead_letter_record(entry)]
        case EntryKind.SCORE:
            return [score_record(entry), *_stand(entry, step)]
        case EntryKind.SNAPSHOT:
            return [state_record(entry)]
        case EntryKind.FRONTIER:
            return []
        case EntryKind.PLACE:
            return _stand(entry, step) if entry.queue else _stand_nowhere(entry, step)
        case EntryKind.LEAVE:
            move = _remove(entry, entry.queue, step)
            return [tombstone(entry)] if move else []
        case EntryKind.ERASE:
            # An erased lead never comes back: nothing newer can be overwritten by saying so.
            _remove(entry, entry.queue, step)
            return [tombstone(entry), erasure_record(entry)]
    assert_never(entry.kind)


def _stand(entry: OutboxEntry, step: Step) -> list[OutRecord]:
    """Places a score on its board. The score of an unlisted lead stands nowhere."""
    if entry.queue is None or not entry.value:
        return []
    score = Score.model_validate_json(entry.value)
    move = step.store.place(board_of(entry.key, entry.queue), placement_of(entry, score))
    step.checkpoint("added")
    return [rank_record(entry, score, move)] if move.applied else []


def _stand_nowhere(entry: OutboxEntry, step: Step) -> list[OutRecord]:
    return [tombstone(entry)] if _remove(entry, entry.left, step) else []


def _remove(entry: OutboxEntry, queue: str | None, step: Step) -> bool:
    """Removes a lead from `queue`; returns whether it does not stand there now, also where a later
    entry removed it."""
    if queue is None:
        return True
    move = step.store.remove(board_of(entry.key, queue), entry.key, entry.version, entry.order)
    step.checkpoint("removed")
    return move.applied or move.rank is None


class Publisher:
    """Everything a publisher process does, one short step at a time, in one thread."""

    def __init__(
        self,
        leases: ShardLeases,
        promotions: Promotions,
        sweep: Sweep,
        snapshots: Snapshots,
        states: StateSnapshots,
        step: Step,
    ) -> None:
        self._leases = leases
        self._promotions = promotions
        self._sweep = sweep
        self._snapshots = snapshots
        self._states = states
        self._step = step

    def step(self) -> bool:
        """Does one step; returns whether there was something to publish."""
        self._leases.keep()
        held = self._leases.held
        for shard in self._leases.newly_taken():
            log.info("shard_taken shard=%d", shard)
            self._heal(shard)
        n_published = publish(held, self._step)
        self._promotions.step(held)
        if self._snapshots.step():
            log.warning("board_went_back owner_shards=%s", held)
            for shard in held:
                self._heal(shard)
        for shard in self._sweep.due(held):
            self._heal(shard)
        self._sweep.step(held)
        self._states.step(held)
        return n_published > 0

    def _heal(self, shard: int) -> None:
        """Has the ranks of a shard and the live artifacts published again."""
        self._sweep.soon(shard)
        self._promotions.soon(shard)

    def finish(self) -> None:
        """Publishes what the last step's passes left: nobody else may be there to do it."""
        publish(self._leases.held, self._step)

    def hand_over(self) -> None:
        """Publishes the last board snapshots and gives all leases back, before an orderly end."""
        self._snapshots.hand_over()
        self._leases.hand_over()

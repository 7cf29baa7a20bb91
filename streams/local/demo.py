"""The demo's loop: start-up, live events, the view, waiting until all is published, and the
verdict.

One thread, one step after the other; the roles are processes under the supervisor. Where the
events come from and what broker and Redis are used is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from time import monotonic

from schemas.codec import Record
from schemas.events import EventBase
from schemas.outputs import Promotion
from streams import exit_codes
from streams.kafka.journal import JournalingProducer
from streams.local.demo_tally import DemoCounts, Summary
from streams.local.demo_view import DemoView
from streams.local.supervisor import RoleProcess, Supervisor
from streams.oracle.output_reader import OutputReader
from streams.publish.promotions import publish_promotion
from streams.store.contract import Store
from streams.waiting import RoleStopped

MAX_RECORDS = 50_000
"""The most records of the journal, and of the outputs: so many the oracle recomputes in seconds.
When there are more the demo forgets them and runs on without an oracle."""

START_S = 90.0
"""The first rank must be there by then; five seconds of it is the consumer group's forming."""

DRAIN_S = 60.0
INTERRUPTED_DRAIN_S = 5.0
READ_S = 0.03


Judge = Callable[[Sequence[Record], Sequence[Record]], Sequence[str]]
"""(journal, outputs) -> the differences from what the store should hold."""


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything a demo needs. `history` is sent at once; `live` are events with the seconds after
    which they are due."""

    bootstrap_servers: str
    store: Store
    n_partitions: int
    artifact: str
    roles: Sequence[RoleProcess]
    history: Sequence[EventBase]
    live: Iterable[tuple[float, EventBase]]
    for_s: float | None
    judge: Judge


def run_demo(demo: Demo, supervisor: Supervisor, view: DemoView, stop: Event) -> Summary:
    """Runs the demo until `for_s` is over or `stop` is set, waits until all is published, and
    judges. Raises RoleFailed, RoleStopped."""
    return _Run(demo, supervisor, view, stop).run()


class _Run:
    def __init__(self, demo: Demo, supervisor: Supervisor, view: DemoView, stop: Event) -> None:
        self._demo = demo
        self._supervisor = supervisor
        self._view = view
        self._stop = stop
        self._tally = DemoCounts()
        self._is_live = False
        self._reader = OutputReader(demo.bootstrap_servers)
        self._producer = JournalingProducer(demo.bootstrap_servers, self._note_sent, MAX_RECORDS)

    def run(self) -> Summary:
        try:
            self._start()
            self._go_live()
            return self._summarise(self._drain())
        finally:
            self._reader.close()

    def _start(self) -> None:
        demo = self._demo
        promotion = Promotion(tenant="*", artifact=demo.artifact, promoted_at=datetime.now(UTC))
        publish_promotion(demo.bootstrap_servers, promotion)
        for role in demo.roles:
            self._supervisor.start(role)
        self._view.step(f"{len(demo.roles)} role processes started")
        for event in demo.history:
            self._producer.send(event)
        self._producer.flush()
        self._view.step(f"{len(demo.history)} events of the past sent")
        if self._wait_for("ingest did not begin to read", self._has_frontier):
            self._view.step("ingest has joined its consumer group")
        if self._wait_for("no lead was ranked", lambda: self._tally.n_rank_updates > 0):
            self._view.step("the first lead is ranked")

    def _wait_for(self, else_say: str, is_true: Callable[[], bool]) -> bool:
        """Waits for a condition; False when a stop came first. Raises RoleStopped when it takes too
        long."""
        deadline = monotonic() + START_S
        while not is_true() and not self._stop.is_set():
            if monotonic() >= deadline:
                tails = {name: self._supervisor.log_tail(name, 1) for name in self._names()}
                said = "; ".join(f"{name}: {tail or 'silent'}" for name, tail in tails.items())
                raise RoleStopped(exit_codes.AWAY, f"{else_say} within {START_S:.0f} s ({said})")
            self._turn()
        return not self._stop.is_set()

    def _names(self) -> list[str]:
        return [role.name for role in self._demo.roles]

    def _has_frontier(self) -> bool:
        return any(self._demo.store.frontier(shard) for shard in range(self._demo.n_partitions))

    def _go_live(self) -> None:
        self._is_live = True
        start_s, for_s = monotonic(), self._demo.for_s
        due = Paced(self._demo.live)
        while not self._stop.is_set() and (for_s is None or monotonic() < start_s + for_s):
            for event in due.until(monotonic() - start_s):
                self._producer.send(event)
            self._turn()

    def _turn(self) -> None:
        """Does one round of everything that goes on while something is awaited."""
        self._supervisor.poll()
        self._producer.poll()
        for record in self._reader.read(READ_S):
            self._tally.note_output(record, monotonic(), MAX_RECORDS)
        self._view.show(self._tally, monotonic())

    def _note_sent(self, event: EventBase, record: Record) -> None:
        self._tally.note_event(event, record, monotonic(), is_timed=self._is_live)

    def _drain(self) -> str | None:
        """Waits until everything that was sent is scored, published and read: returns None, or what
        is not."""
        self._producer.flush()
        self._view.step("letting the queue come to rest")
        deadline = monotonic() + (INTERRUPTED_DRAIN_S if self._stop.is_set() else DRAIN_S)
        while True:
            self._turn()
            unrest = self._unrest()
            if unrest is None or monotonic() >= deadline:
                return unrest

    def _unrest(self) -> str | None:
        store = self._demo.store
        for shard in range(self._demo.n_partitions):
            frontier = store.frontier(shard)
            for (topic, partition), last in self._producer.ends.items():
                if partition == shard and frontier.get(topic, -1) < last:
                    return f"{topic}/{shard} is applied up to {frontier.get(topic)} of {last}"
            if n_dirty := store.dirty_count(shard):
                return f"{n_dirty} leads of shard {shard} wait to be scored"
            if n_entries := store.outbox_size(shard):
                return f"{n_entries} entries of shard {shard} wait to be published"
        for queue in store.queues():
            # Snapshots are coalesced: the last one of a queue may still be on its way. A queue that
            # a lead only passed through, unscored, has none: version 0.
            seen = self._tally.boards.get(queue)
            published, stored = seen.board_version if seen else 0, store.board(queue, 0)
            if published < stored.board_version:
                return f"board {queue} is published as {published}, stored {stored.board_version}"
        return None if self._reader.is_at_end() else "the outputs are not read to their end"

    def _summarise(self, unrest: str | None) -> Summary:
        tally = self._tally
        return Summary(
            events=tally.n_events,
            scores=tally.n_scores,
            faithful_reasons=tally.n_faithful,
            rank_updates=tally.n_rank_updates,
            latency_ms=tally.latency(),
            dead_letters=tally.n_dead_letters,
            oracle=self._verdict(unrest),
            restarts=self._supervisor.restarts,
        )

    def _verdict(self, unrest: str | None) -> str | list[str]:
        journal, outputs = self._producer.records, self._tally.outputs
        if journal is None or outputs is None:
            return f"not judged: more than {MAX_RECORDS} records"
        if self._stop.is_set() and unrest:
            return f"not judged: interrupted, {unrest}"
        self._view.step("recomputing everything from the log")
        differences = [f"not at rest after {DRAIN_S:.0f} s: {unrest}"] if unrest else []
        differences += self._demo.judge(journal, outputs)
        return differences or "ok"


class Paced:
    """Hands out events when they are due: (seconds after the start, event), ascending. Looks one
    event ahead."""

    def __init__(self, events: Iterable[tuple[float, EventBase]]) -> None:
        self._events = iter(events)
        self._next = next(self._events, None)

    @property
    def is_over(self) -> bool:
        return self._next is None

    def until(self, elapsed_s: float) -> Iterator[EventBase]:
        while self._next is not None and self._next[0] <= elapsed_s:
            yield self._next[1]
            self._next = next(self._events, None)

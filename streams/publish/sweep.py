"""The sweep: restates where each lead stands, slowly, and at once after a takeover or a rollback.

Heals what a paused publisher, a shard or a board that went back has left on boards and compacted
topics. Placements go through the outbox like everything else; what no shard lists any more is
taken off the boards here. Runs inside the publisher, one small step at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic

from schemas.partitioner import shard_of
from streams.kafka.producer import Output
from streams.publish.records import tombstone
from streams.store.board import Placement
from streams.store.contract import MAX_BACKLOG, EntryKind, LeadView, OutboxEntry, Store

log = logging.getLogger(__name__)

CHUNK = 200
"""How many leads or board rows one step takes."""

SLACK_MS = 2_000
"""How long the score of a lead may wait that the sweep asks for: nobody waits for it."""

WATCH_EVERY_S = 1.0
"""Seconds after which a frontier is compared again with what it was."""


@dataclass(slots=True)
class _Pass:
    """Where the sweep of one shard is: first through its leads, then through the boards."""

    cursor: int = 0
    leads_done: bool = False
    queues: list[str] | None = None
    start: int = 0


class Sweep:
    """Restates where leads stand. `step` advances one shard's pass by one chunk and returns
    quickly."""

    def __init__(
        self,
        store: Store,
        output: Output,
        every_s: float = 60.0,
        clock: Callable[[], float] = monotonic,
        chunk: int = CHUNK,
    ) -> None:
        self._store = store
        self._output = output
        self._every_s = every_s
        self._clock = clock
        self._chunk = chunk
        self._passes: dict[int, _Pass] = {}
        self._next_s: dict[int, float] = {}
        self._frontiers: dict[int, dict[str, int]] = {}
        self._watch_s = clock()

    def soon(self, shard: int) -> None:
        """Begins a pass through the shard anew."""
        self._passes[shard] = _Pass()

    def due(self, held: Collection[int]) -> set[int]:
        """Shards whose pass should begin: it is time, or their frontier went back, so that boards
        and topics show what they forgot."""
        now_s = self._clock()
        due = {
            shard
            for shard in held
            if shard not in self._passes
            and now_s >= self._next_s.setdefault(shard, now_s + self._every_s)
        }
        if now_s >= self._watch_s:
            self._watch_s = now_s + WATCH_EVERY_S
            due |= {shard for shard in held if self._went_back(shard)}
        return due

    def step(self, held: Collection[int]) -> bool:
        """Advances one pass by one chunk; returns whether a pass is under way that could
        advance."""
        for lost in self._passes.keys() - set(held):
            del self._passes[lost]
        advanced = {shard: self._advance(shard, at) for shard, at in [*self._passes.items()]}
        return any(advanced.values())

    def _went_back(self, shard: int) -> bool:
        frontier = self._store.frontier(shard)
        before = self._frontiers.get(shard, {})
        self._frontiers[shard] = frontier
        went_back = any(frontier.get(topic, -1) < offset for topic, offset in before.items())
        if went_back:
            log.warning("shard_went_back shard=%d from=%s to=%s", shard, before, frontier)
        return went_back

    def _advance(self, shard: int, at: _Pass) -> bool:
        if not at.leads_done:
            return self._restate_chunk(shard, at)
        if at.queues is None:
            at.queues = self._store.queues()
        if not at.queues:
            del self._passes[shard]
            self._next_s[shard] = self._clock() + self._every_s
            log.info("swept shard=%d", shard)
            return False
        self._clear_chunk(shard, at, at.queues)
        return True

    def _restate_chunk(self, shard: int, at: _Pass) -> bool:
        if self._store.outbox_size(shard) > MAX_BACKLOG:
            return False
        cursor, views = self._store.leads(shard, at.cursor, self._chunk)
        if views and not self._store.restate(shard, [view.lead for view in views]):
            return False
        # Only these: all others that `touch` would find are a promotion's, and can wait longer.
        if passed := [view.lead for view in views if has_passed_its_score(view)]:
            self._store.touch(shard, passed, SLACK_MS)
        at.cursor, at.leads_done = cursor, cursor == 0
        return True

    def _clear_chunk(self, shard: int, at: _Pass, queues: list[str]) -> None:
        queue = queues[0]
        rows = self._store.board(queue, self._chunk, at.start).rows
        n_shards = self._store.recorded_partitions() or 1
        ghosts = [
            (row, view)
            for row in rows
            if shard_of(row.lead, n_shards) == shard
            and is_ghost(row, queue, view := self._store.lead(shard, row.lead))
        ]
        self._lay(queue, ghosts)
        at.start += len(rows) - len(ghosts)
        if len(rows) < self._chunk:
            queues.pop(0)
            at.start = 0

    def _lay(self, queue: str, ghosts: list[tuple[Placement, LeadView]]) -> None:
        """Removes ghosts: writes the record first and removes the row then, so that a process that
        dies in between leaves a row that is found again."""
        gone = [tombstone(_departure(view)) for _, view in ghosts if view.listed_in is None]
        if gone:
            self._output.deliver(gone)
        for row, view in ghosts:
            self._store.remove(queue, row.lead, view.version, view.order)
        if ghosts:
            log.warning("ghosts_removed queue=%s n=%d", queue, len(ghosts))


def is_ghost(row: Placement, queue: str, view: LeadView) -> bool:
    """Whether the board holds a lead that its shard lists elsewhere or nowhere. A shard that is
    behind the board has gone back and reads the log again: until it has caught up it knows less."""
    return view.board != queue and view.version > row.version


def has_passed_its_score(view: LeadView) -> bool:
    """Whether the lead's version is newer than its score's though it does not wait to be scored:
    the records since then changed nothing."""
    return view.order is not None and view.order[1] < view.version and not view.dirty


def _departure(view: LeadView) -> OutboxEntry:
    return OutboxEntry("", EntryKind.LEAVE, view.lead, b"", view.version, view.order)

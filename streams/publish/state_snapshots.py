"""State snapshots: all leads of a shard, once in a while, written to `leads.state` through the
outbox.

Every pass tells every lead again, changed or not: a paused publisher may put an old snapshot behind
a newer one, and whoever rebuilds goes by the oldest frontier that stands. Runs inside the
publisher, one small step at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic
from uuid import uuid4

from streams.store.contract import MAX_BACKLOG, SnapshotChunk, SnapshotStatus, Store

log = logging.getLogger(__name__)

CHUNK = 100
"""How many leads one step takes: with their states, less than a megabyte."""

FIRST_AFTER_S = 60.0
"""Seconds until the first pass of a shard that was just taken: soon, because the one before may
have died before its pass was done."""


@dataclass(slots=True)
class _Pass:
    pass_id: str
    step: int = 0
    cursor: int = 0


class StateSnapshots:
    """Takes the snapshots of the shards held. `step` advances each held shard's pass by one chunk
    and returns quickly."""

    def __init__(
        self, store: Store, every_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._every_s = every_s
        self._clock = clock
        self._passes: dict[int, _Pass] = {}
        self._next_s: dict[int, float] = {}

    def step(self, held: Collection[int]) -> None:
        for lost in (self._passes.keys() | self._next_s.keys()) - {*held}:
            self._passes.pop(lost, None)
            self._next_s.pop(lost, None)
        now_s = self._clock()
        for shard in held:
            first_s = now_s + min(self._every_s, FIRST_AFTER_S)
            if shard in self._passes:
                self._advance(shard, self._passes[shard])
            elif now_s >= self._next_s.setdefault(shard, first_s):
                self._begin(shard)

    def _begin(self, shard: int) -> None:
        self._passes[shard] = _Pass(uuid4().hex)
        self._store.snapshot(shard, SnapshotChunk(self._passes[shard].pass_id, 0))

    def _advance(self, shard: int, at: _Pass) -> None:
        if self._store.outbox_size(shard) > MAX_BACKLOG:
            return
        cursor, views = self._store.leads(shard, at.cursor, CHUNK)
        leads = [view.lead for view in views]
        status = self._store.snapshot(
            shard, SnapshotChunk(at.pass_id, at.step + 1, leads, is_last=cursor == 0)
        )
        match status:
            case SnapshotStatus.FULL:
                return
            case SnapshotStatus.BROKEN_OFF:
                log.warning("snapshot_broken_off shard=%d", shard)
                self._begin(shard)
            case SnapshotStatus.TAKEN:
                at.step, at.cursor = at.step + 1, cursor
                if cursor == 0:
                    log.info("snapshot_taken shard=%d", shard)
                    del self._passes[shard]
                    self._next_s[shard] = self._clock() + self._every_s

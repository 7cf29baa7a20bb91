"""After a promotion: shows a board as the new artifact sees it, once it has scored all its leads.

Runs in the publisher that holds the board's lease. A death between any two steps is mended by the
next holder: what is held stays held, and the sweep says what was flipped and not told.
"""

from __future__ import annotations

import logging
from collections import defaultdict

from schemas.partitioner import shard_of
from streams.store.contract import MAX_BACKLOG, LeadView, Store

log = logging.getLogger(__name__)

CHUNK = 500
"""How many leads one call flips: a flip takes the node some 20 µs per lead."""


class BoardFlips:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._untold: dict[int, list[str]] = defaultdict(list)

    def flip_when_covered(self, queue: str, promotion: int, owner: str, lease_ms: int) -> bool:
        """Flips a board once every lead on it is scored; returns whether it did. `promotion` was
        the board's newest. The caller holds the board's lease; it is renewed. A board beyond CHUNK
        leads is mixed for the moment that the calls take."""
        n_shards = self._store.recorded_partitions() or 1
        if not self._is_covered(queue, n_shards):
            return False
        n_flipped = 0
        while self._store.board_lease(queue, owner, lease_ms):
            flipped = self._store.flip(queue, CHUNK, promotion)
            for lead in flipped:
                self._untold[shard_of(lead, n_shards)].append(lead)
            n_flipped += len(flipped)
            if len(flipped) < CHUNK:
                break
        log.info("board_flipped queue=%s n=%d", queue, n_flipped)
        return n_flipped > 0

    def tell(self) -> None:
        """Has the flipped leads' new ranks published, a chunk per shard and call."""
        for shard, leads in [*self._untold.items()]:
            if self._store.outbox_size(shard) > MAX_BACKLOG:
                continue
            if self._store.restate(shard, leads[:CHUNK]):
                del leads[:CHUNK]
            if not leads:
                del self._untold[shard]

    def _is_covered(self, queue: str, n_shards: int) -> bool:
        """Whether no lead is left that will still be scored under the board's newest promotion."""
        start = 0
        while leads := self._store.uncovered(queue, CHUNK, start):
            views = (self._store.lead(shard_of(lead, n_shards), lead) for lead in leads)
            if any(_is_awaited(view, queue) for view in views):
                return False
            start += len(leads)
        return True


def _is_awaited(view: LeadView, queue: str) -> bool:
    """Whether the board waits for this lead's new score. A lead that no worker could score keeps
    its row; one that left is about to lose it."""
    return view.board == queue and not view.parked

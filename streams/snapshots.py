"""Board snapshots: the first rows of each queue, coalesced, one writer per queue by lease.

Subscribers learn here how the leads stand that were displaced by others' moves.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from streams.output import Output
from streams.records import snapshot_record
from streams.store import BoardView, Store

LEASE_MS = 5_000

TOP_K = 50
"""Rows of a snapshot."""


class Snapshots:
    """Call `step` as often as you like: it works at most every `every_s`, and publishes what
    changed since it last did."""

    def __init__(
        self,
        store: Store,
        output: Output,
        owner: str,
        every_s: float = 0.2,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._output = output
        self._owner = owner
        self._every_s = every_s
        self._clock = clock
        self._next_s = clock()
        self._published: dict[str, int] = {}

    def step(self) -> bool:
        """True when a board's version went back: its Redis node forgot something."""
        if self._clock() < self._next_s:
            return False
        went_back = self._publish_changed()
        self._next_s = self._clock() + self._every_s
        return went_back

    def hand_over(self) -> None:
        """Says what has changed since the last step and lets the next one begin at once."""
        self._publish_changed()
        for queue in self._published:
            self._store.board_lease(queue, self._owner, 1)

    def _publish_changed(self) -> bool:
        changed: dict[str, BoardView] = {}
        for queue in self._store.queues():
            if not self._store.board_lease(queue, self._owner, LEASE_MS):
                self._published.pop(queue, None)
                continue
            board = self._store.board(queue, TOP_K)
            if board.board_version != self._published.get(queue, 0):
                changed[queue] = board
        if changed:
            self._output.deliver([snapshot_record(*item) for item in changed.items()])
        went_back = any(
            board.board_version < self._published.get(queue, 0) for queue, board in changed.items()
        )
        self._published |= {queue: board.board_version for queue, board in changed.items()}
        return went_back

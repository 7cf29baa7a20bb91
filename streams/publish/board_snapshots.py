"""Board snapshots: the first rows of each queue, coalesced, one writer per queue by lease.

Subscribers learn here how the leads stand that were displaced by others' moves.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from streams.kafka.producer import Output
from streams.publish.board_flips import BoardFlips
from streams.publish.records import snapshot_record
from streams.store.board import TOP_ROWS, BoardView
from streams.store.contract import Store

LEASE_MS = 5_000

NEVER = BoardView(board_version=0, n_moves=0, size=0, rows=())
"""The version of a board of which nothing was published yet."""


class Snapshots:
    """Publishes snapshots of boards. Call `step` as often as you like: it works at most every
    `every_s`, and publishes what changed since it last did; every `restate_every_s` all that is its
    own, because a writer that lost its lease while Kafka was away may have sent an older snapshot
    after a newer one, and of a compacted topic the last record stays."""

    def __init__(
        self,
        store: Store,
        output: Output,
        owner: str,
        every_s: float = 0.2,
        restate_every_s: float = 60.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._output = output
        self._owner = owner
        self._every_s = every_s
        self._restate_every_s = restate_every_s
        self._clock = clock
        self._next_s = clock()
        self._restate_s = clock() + restate_every_s
        self._published: dict[str, BoardView] = {}
        self._flips = BoardFlips(store)

    def step(self) -> bool:
        """Publishes the boards that changed; returns whether a board's version went back, because
        its Redis node forgot something."""
        if self._clock() < self._next_s:
            return False
        is_restating = self._clock() >= self._restate_s
        went_back = self._publish(all_of_them=is_restating)
        self._next_s = self._clock() + self._every_s
        if is_restating:
            self._restate_s = self._clock() + self._restate_every_s
        return went_back

    def hand_over(self) -> None:
        """Publishes what has changed since the last step, and gives its leases back so that the
        next process begins at once. Then once more: who was refused a board meanwhile and ended
        relies on us."""
        for _ in range(2):
            self._publish()
            for queue in self._published:
                self._store.board_lease(queue, self._owner, 1)

    def _publish(self, *, all_of_them: bool = False) -> bool:
        due: dict[str, BoardView] = {}
        for queue in self._store.queues():
            if not self._store.board_lease(queue, self._owner, LEASE_MS):
                self._published.pop(queue, None)
                continue
            board = self._store.board(queue, TOP_ROWS)
            if board.n_held and self._flips.flip_when_covered(
                queue, board.newest, self._owner, LEASE_MS
            ):
                board = self._store.board(queue, TOP_ROWS)
            last = self._published.get(queue, NEVER)
            if board.board_version != last.board_version or (all_of_them and last is not NEVER):
                due[queue] = board
        self._flips.tell()
        if due:
            self._output.deliver([snapshot_record(*item) for item in due.items()])
        went_back = any(
            board.n_moves < self._published.get(queue, NEVER).n_moves
            for queue, board in due.items()
        )
        self._published |= due
        return went_back

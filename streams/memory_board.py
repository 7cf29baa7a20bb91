"""One queue's board in memory: who stands where, and what moved last.

Rows outlive their removal as markers, so that a late writer cannot bring a lead back.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from streams.store import BoardView, Move, Order, Placement

BoardOrder = tuple[int, Order]
"""(lead version when the entry was written, score order); a removal without a score sorts first."""

UNSCORED: Order = (-1, -1, -1)


@dataclass(frozen=True, slots=True)
class Row:
    """`placement` is None in the marker that a removal leaves."""

    order: BoardOrder
    placement: Placement | None
    move: Move


@dataclass(slots=True)
class MemoryBoard:
    """Without a clock its versions are 1, 2, 3."""

    now_ms: Callable[[], int] = lambda: 0
    version: int = 0
    n_moves: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    ranking: list[tuple[float, str]] = field(default_factory=list)

    def place(self, placement: Placement) -> Move:
        order = (placement.version, placement.order)
        return self._settled(placement.lead, order, placement) or self._place(placement, order)

    def remove(self, lead: str, version: int, order: Order | None) -> Move:
        board_order = (version, order or UNSCORED)
        return self._settled(lead, board_order, None) or self._remove(lead, board_order)

    def view(self, limit: int, start: int) -> BoardView:
        leads = [lead for _, lead in self.ranking[start : start + max(0, limit)]]
        rows = [row.placement for lead in leads if (row := self.rows[lead]).placement]
        return BoardView(self.version, self.n_moves, len(self.ranking), rows)

    def _settled(self, lead: str, order: BoardOrder, placement: Placement | None) -> Move | None:
        """The answer when nothing is to be done: a retry, or the board holds something newer."""
        row = self.rows.get(lead)
        if row is None or order > row.order:
            return None
        if order < row.order:
            return replace(row.move, applied=False)
        return row.move if row.placement == placement else None

    def _place(self, placement: Placement, order: BoardOrder) -> Move:
        previous_rank, previous = self._take_out(placement.lead)
        position = (-placement.probability, placement.lead)
        insort(self.ranking, position)
        self._count_move()
        move = Move(
            rank=bisect_left(self.ranking, position) + 1,
            previous_rank=previous_rank,
            board_version=self.version,
            delta=None if previous is None else placement.probability - previous.probability,
            applied=True,
        )
        self.rows[placement.lead] = Row(order, placement, move)
        return move

    def _remove(self, lead: str, order: BoardOrder) -> Move:
        previous_rank, previous = self._take_out(lead)
        if previous is not None:
            self._count_move()
        move = Move(None, previous_rank, self.version, None, applied=True)
        self.rows[lead] = Row(order, None, move)
        return move

    def _count_move(self) -> None:
        self.version = max(self.version + 1, self.now_ms())
        self.n_moves += 1

    def _take_out(self, lead: str) -> tuple[int | None, Placement | None]:
        row = self.rows.get(lead)
        if row is None or row.placement is None:
            return None, None
        index = bisect_left(self.ranking, (-row.placement.probability, lead))
        del self.ranking[index]
        return index + 1, row.placement

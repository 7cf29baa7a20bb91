"""One queue's board in memory: who stands where, and what moved last.

Rows outlive their removal as markers, so that a late writer cannot bring a lead back.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from streams.store.board import UNSCORED, BoardView, Move, OrderKey, Placement, is_held

BoardOrder = tuple[int, OrderKey]
"""What orders the placements of a lead: (lead version when the entry was written, score order); a
removal without a score sorts first."""


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """What a board keeps of one lead. `placement` is None in the marker that a removal leaves."""

    order: BoardOrder
    placement: Placement | None
    move: Move
    held: Placement | None = None

    @property
    def newest(self) -> Placement | None:
        return self.held or self.placement


@dataclass(slots=True)
class MemoryBoard:
    """A board in memory. Without a clock its versions are 1, 2, 3. Without `holds` every placement
    is shown at once: who replays one artifact sees no promotion."""

    now_ms: Callable[[], int] = lambda: 0
    holds: bool = True
    version: int = 0
    n_moves: int = 0
    rows: dict[str, MemoryRow] = field(default_factory=dict)
    ranking: list[tuple[float, str]] = field(default_factory=list)

    def place(self, placement: Placement) -> Move:
        order = _order_of(placement)
        return (
            self._settled(placement.lead, order, placement)
            or self._held(placement, order)
            or self._place(placement, order)
        )

    def remove(self, lead: str, version: int, order: OrderKey | None) -> Move:
        board_order = (version, order or UNSCORED)
        return self._settled(lead, board_order, None) or self._remove(lead, board_order)

    def view(self, limit: int, start: int) -> BoardView:
        leads = [lead for _, lead in self.ranking[start : start + max(0, limit)]]
        rows = [row.placement for lead in leads if (row := self.rows[lead]).placement]
        n_held = sum(row.held is not None for row in self.rows.values())
        return BoardView(
            self.version, self.n_moves, len(self.ranking), rows, n_held, self._newest()
        )

    def uncovered(self, limit: int, start: int) -> list[str]:
        newest = {lead: row.newest.order[0] for lead, row in self.rows.items() if row.newest}
        latest = max(newest.values(), default=-1)
        found = sorted((number, lead) for lead, number in newest.items() if number < latest)
        return [lead for _, lead in found[start : start + max(0, limit)]]

    def _newest(self) -> int:
        return max((row.newest.order[0] for row in self.rows.values() if row.newest), default=-1)

    def flip(self, limit: int, promotion: int) -> list[str]:
        held = sorted((row.held.order[0], lead) for lead, row in self.rows.items() if row.held)
        leads = [lead for number, lead in held if number <= promotion][: max(0, limit)]
        before = {lead: self._rank(lead) for lead in leads}
        shown: dict[str, tuple[Placement, Placement | None]] = {}
        for lead in leads:
            if (placement := self.rows[lead].held) is not None:
                shown[lead] = placement, self._take_out(lead)[1]
                insort(self.ranking, (-placement.probability, lead))
        self._count_moves(len(leads))
        for lead, (placement, previous) in shown.items():
            move = self._move(placement, before[lead], previous)
            self.rows[lead] = MemoryRow(_order_of(placement), placement, move)
        return leads

    def _settled(self, lead: str, order: BoardOrder, placement: Placement | None) -> Move | None:
        """The move to return when nothing is to be done: a retry, or the board holds something
        newer."""
        row = self.rows.get(lead)
        if row is None or order > row.order:
            return None
        if order < row.order:
            return replace(row.move, applied=False)
        return row.move if row.placement == placement else None

    def _held(self, placement: Placement, order: BoardOrder) -> Move | None:
        """The move to return when the placement waits for a flip, or something newer does."""
        row = self.rows.get(placement.lead)
        if not self.holds or row is None or not is_held(row.placement, placement):
            return None
        if row.held is None or order >= _order_of(row.held):
            self.rows[placement.lead] = replace(row, held=placement)
        return replace(row.move, applied=False)

    def _place(self, placement: Placement, order: BoardOrder) -> Move:
        previous_rank, previous = self._take_out(placement.lead)
        insort(self.ranking, (-placement.probability, placement.lead))
        self._count_moves(1)
        move = self._move(placement, previous_rank, previous)
        self.rows[placement.lead] = MemoryRow(order, placement, move)
        return move

    def _move(
        self, placement: Placement, previous_rank: int | None, previous: Placement | None
    ) -> Move:
        """The move of a lead that stands where `placement` puts it."""
        return Move(
            rank=bisect_left(self.ranking, (-placement.probability, placement.lead)) + 1,
            previous_rank=previous_rank,
            board_version=self.version,
            delta=None if previous is None else placement.probability - previous.probability,
            applied=True,
        )

    def _remove(self, lead: str, order: BoardOrder) -> Move:
        previous_rank, previous = self._take_out(lead)
        if previous is not None:
            self._count_moves(1)
        move = Move(None, previous_rank, self.version, None, applied=True)
        self.rows[lead] = MemoryRow(order, None, move)
        return move

    def _count_moves(self, n: int) -> None:
        if n:
            self.version = max(self.version + 1, self.now_ms())
            self.n_moves += n

    def _rank(self, lead: str) -> int | None:
        row = self.rows.get(lead)
        if row is None or row.placement is None:
            return None
        return bisect_left(self.ranking, (-row.placement.probability, lead)) + 1

    def _take_out(self, lead: str) -> tuple[int | None, Placement | None]:
        rank = self._rank(lead)
        if rank is None:
            return None, None
        del self.ranking[rank - 1]
        return rank, self.rows[lead].placement


def _order_of(placement: Placement) -> BoardOrder:
    return placement.version, placement.order

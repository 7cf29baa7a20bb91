"""The queues of a replay: production's boards, and the moves that a replay writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from pydantic import AwareDatetime

from schemas.ids import Id, LeadKey
from schemas.outputs import OutputRecord, ReasonKind, Score, ScoreOrder
from schemas.timestamps import from_ms, to_ms
from streams.replay.outcome import ReplayedStep
from streams.store.board import BoardView, Placement, board_of
from streams.store.memory_board import MemoryBoard


class RankMove(OutputRecord):
    """A line of `moves.jsonl`: where `lead` came to stand at `moment`; rank null: it left."""

    moment: AwareDatetime
    tenant: Id
    queue: Id
    lead: Id
    rank: int | None
    previous_rank: int | None
    board_version: int
    probability: float | None = None
    delta: float | None = None
    order: ScoreOrder | None = None
    reason: str | None = None
    reason_kind: ReasonKind | None = None


class ReplayedBoards:
    """The boards of all queues. Takes outcomes in the order of their places."""

    def __init__(self) -> None:
        self._boards: dict[str, MemoryBoard] = defaultdict(partial(MemoryBoard, holds=False))

    def take(self, outcome: ReplayedStep) -> RankMove | None:
        """Applies an outcome and returns the move; None when nothing moved, as with the score of an
        unlisted lead."""
        if outcome.queue is None:
            return None
        moment = from_ms(outcome.place.moment_ms)
        if outcome.score is None:
            return self._leave(outcome, outcome.queue, moment)
        return self._place(outcome, outcome.queue, moment, outcome.score)

    def views(self, limit: int) -> Iterator[tuple[str, BoardView]]:
        """Each queue with the first `limit` rows of its board, as they stand now."""
        for queue, board in self._boards.items():
            yield queue, board.view(limit, 0)

    def _leave(self, outcome: ReplayedStep, queue: str, moment: datetime) -> RankMove | None:
        board = self._boards[board_of(outcome.lead, queue)]
        move = board.remove(outcome.lead, outcome.version, None)
        if not move.applied or move.previous_rank is None:
            return None
        key = LeadKey.parse(outcome.lead)
        return RankMove(
            moment=moment,
            tenant=key.tenant,
            queue=queue,
            lead=key.lead,
            rank=None,
            previous_rank=move.previous_rank,
            board_version=move.board_version,
        )

    def _place(
        self, outcome: ReplayedStep, queue: str, moment: datetime, value: bytes
    ) -> RankMove | None:
        score = Score.model_validate_json(value)
        order = score.order
        placement = Placement(
            lead=outcome.lead,
            version=outcome.version,
            order=(order.promotion, order.version, to_ms(order.as_of)),
            probability=score.probability,
            reason=score.reason,
            reason_kind=score.reason_kind,
        )
        move = self._boards[board_of(outcome.lead, queue)].place(placement)
        if not move.applied:
            return None
        return RankMove(
            moment=moment,
            tenant=score.tenant,
            queue=queue,
            lead=score.lead,
            rank=move.rank,
            previous_rank=move.previous_rank,
            board_version=move.board_version,
            probability=score.probability,
            delta=move.delta,
            order=order,
            reason=score.reason,
            reason_kind=score.reason_kind,
        )

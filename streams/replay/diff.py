"""Compares two replays: how far scores and ranks are apart, who moves and why.

Holds one number per score of the first replay, and of both the last score of each lead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.outputs import Score
from schemas.timestamps import to_ms
from scoring.metrics.queue_moves import QueueMove, queue_moves
from scoring.metrics.rank_agreement import RankAgreement, RankChange
from streams.replay.result import ReplayOutput


class Why(StrEnum):
    """Why two last scores of a lead differ: the first reason that applies."""

    LISTING = "is listed on one side only"
    EVENTS = "other events were known"
    MOMENT = "scored at another moment"
    MODEL = "another model"
    OTHERS = "others moved past it"


@dataclass(frozen=True, slots=True)
class Mover:
    """A lead that has another rank at the end. `a` and `b`: its last score of either replay, also
    where it is not listed; None: it was never scored there."""

    moved: QueueMove
    a: Score | None
    b: Score | None
    why: Why


@dataclass(frozen=True, slots=True)
class ReplayDifference:
    """How two replays differ. `n_common`: scores of one lead, version and moment in both; `max_dp`
    is the largest difference of their probabilities, `at` where it is (None when all are equal).
    `queues` and `movers` are of the boards at the end."""

    n_a: int
    n_b: int
    n_common: int
    n_differing: int
    max_dp: float
    at: str | None
    queues: dict[str, RankAgreement]
    movers: tuple[Mover, ...]


@dataclass(slots=True)
class _End:
    """How a replay ended: each lead's last score, each queue's probabilities."""

    scores: dict[str, Score] = field(default_factory=dict)
    queues: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(slots=True)
class _Scores:
    n_a: int = 0
    n_b: int = 0
    n_common: int = 0
    n_differing: int = 0
    max_dp: float = 0.0
    at: str | None = None


def difference(a: ReplayOutput, b: ReplayOutput, k: int) -> ReplayDifference:
    """Compares two replays. `k`: how far down a queue agreement counts. Raises OSError, ValueError
    for a line that is not a score or move."""
    scores, end_a, end_b = _Scores(), _End(), _End()
    probabilities: dict[tuple[str, int, int], float] = {}
    for score in a.scores():
        probabilities[_point(score)] = score.probability
        end_a.scores[_lead(score)] = score
        scores.n_a += 1
    for score in b.scores():
        end_b.scores[_lead(score)] = score
        scores.n_b += 1
        _compare(scores, probabilities.get(_point(score)), score)
    _end(a, end_a)
    _end(b, end_b)
    moves = queue_moves(end_a.queues, end_b.queues, k)
    return ReplayDifference(
        scores.n_a,
        scores.n_b,
        scores.n_common,
        scores.n_differing,
        scores.max_dp,
        scores.at,
        moves.queues,
        tuple(_mover(one, end_a, end_b) for one in moves.moves),
    )


def why_counts(movers: Iterable[Mover]) -> dict[str, int]:
    counts = dict.fromkeys(Why, 0)
    for mover in movers:
        counts[mover.why] += 1
    return {why.value: n for why, n in counts.items() if n}


def _compare(scores: _Scores, before: float | None, score: Score) -> None:
    if before is None:
        return
    scores.n_common += 1
    dp = abs(score.probability - before)
    scores.n_differing += dp > 0
    if dp > scores.max_dp:
        order = score.order
        scores.max_dp = dp
        scores.at = f"{_lead(score)} version {order.version} as of {order.as_of.isoformat()}"


def _end(output: ReplayOutput, end: _End) -> None:
    for move in output.moves():
        queue = end.queues[f"{move.tenant}/{move.queue}"]
        if move.rank is None:
            queue.pop(move.lead, None)
        elif move.probability is not None:
            queue[move.lead] = move.probability


def _mover(moved: QueueMove, end_a: _End, end_b: _End) -> Mover:
    key = f"{moved.queue.partition('/')[0]}/{moved.move.lead}"
    a, b = end_a.scores.get(key), end_b.scores.get(key)
    return Mover(moved, a, b, _why(moved.move, a, b))


def _why(move: RankChange, a: Score | None, b: Score | None) -> Why:
    if a is None or b is None or move.rank_a is None or move.rank_b is None:
        return Why.LISTING
    if a.state_hash != b.state_hash:
        return Why.EVENTS
    if a.probability == b.probability:
        return Why.OTHERS
    return Why.MODEL if a.order.as_of == b.order.as_of else Why.MOMENT


def _lead(score: Score) -> str:
    return f"{score.tenant}/{score.lead}"


def _point(score: Score) -> tuple[str, int, int]:
    return _lead(score), score.order.version, to_ms(score.order.as_of)

"""Compares whole queues before and after: how far their orders agree, and which leads moved.

What `asllr replay diff`, `asllr promote --dry-run` and the lists of a backtest share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.metrics.rank_agreement import RankAgreement, RankChange, agreement
from scoring.ranking import ranked

Queues = Mapping[str, Mapping[str, float]]
"""Queue -> lead -> probability."""


@dataclass(frozen=True, slots=True)
class QueueMove:
    """A lead whose rank in a queue changed. A probability is None where the lead is not listed."""

    queue: str
    move: RankChange
    probability_a: float | None
    probability_b: float | None


@dataclass(frozen=True, slots=True)
class QueueMoves:
    """The comparison of all queues: `queues` by name; `moves` of all of them, farthest first, then
    by how far the probabilities are apart, then by queue and lead."""

    queues: dict[str, RankAgreement]
    moves: tuple[QueueMove, ...]


def queue_moves(a: Queues, b: Queues, k: int) -> QueueMoves:
    """Compares queues `a` with queues `b`. `k`: how many ranks from the top agreement counts. A
    queue that is empty on both sides is left out.

    >>> before = {"north": {"ann": 0.9, "bob": 0.5}}
    >>> after = {"north": {"ann": 0.4, "bob": 0.5}}
    >>> [(moved.move.lead, moved.move.rank_b) for moved in queue_moves(before, after, 10).moves]
    [('ann', 2), ('bob', 1)]
    """
    names = sorted(name for name in a.keys() | b.keys() if a.get(name) or b.get(name))
    queues = {
        name: agreement(ranked(a.get(name, {})), ranked(b.get(name, {})), k) for name in names
    }
    moves = [
        QueueMove(name, move, a.get(name, {}).get(move.lead), b.get(name, {}).get(move.lead))
        for name, agreed in queues.items()
        for move in agreed.moves
    ]
    return QueueMoves(queues, tuple(sorted(moves, key=_farthest_first)))


def _farthest_first(moved: QueueMove) -> tuple[int, float, str, str]:
    apart = abs((moved.probability_a or 0.0) - (moved.probability_b or 0.0))
    return -moved.move.distance, -apart, moved.queue, moved.move.lead


BOUNDS = (1, 3, 10, 30, 100)
"""Ranks: where the next kind of change begins."""

_FAR = ("1 or 2", "3 to 9", "10 to 29", "30 to 99", "100 or more")
UP, SAME, DOWN = "up", "same rank", "down"


def change_counts(changes: NDArray[np.intp]) -> dict[str, int]:
    """Counts changes by direction and distance, from far up to far down. `changes`: the later rank
    minus the earlier; below 0 the lead is called sooner."""
    kinds = np.sign(changes) * np.searchsorted(BOUNDS, np.abs(changes), side="right")
    counts = np.bincount(kinds + len(BOUNDS), minlength=2 * len(BOUNDS) + 1)
    names = [f"{UP} {far}" for far in reversed(_FAR)] + [SAME] + [f"{DOWN} {far}" for far in _FAR]
    return dict(zip(names, counts.tolist(), strict=True))


def queue_change_counts(queues: Mapping[str, RankAgreement]) -> dict[str, int]:
    """Counts the changes of all leads in all queues, and the leads that came or left."""
    n_came = n_left = n_same = 0
    changes: list[int] = []
    for agreed in queues.values():
        n_same += agreed.n_a
        for move in agreed.moves:
            n_same -= move.rank_a is not None
            n_came += move.rank_a is None
            n_left += move.rank_b is None
            if move.rank_a is not None and move.rank_b is not None:
                changes.append(move.rank_b - move.rank_a)
    counts = change_counts(np.array(changes + [0] * n_same, dtype=np.intp))
    return {"came": n_came, **counts, "left": n_left}

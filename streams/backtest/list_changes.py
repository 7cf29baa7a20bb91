"""How ranks on daily lists change: from one model to another, and from one day to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.backtest.daily_calls import Bools, DailyLists, Ints, lists
from scoring.floats import Floats
from scoring.metrics.queue_moves import change_counts

N_MOVERS = 10


@dataclass(frozen=True, slots=True)
class Places:
    """Rows of daily lists. `boards` with the names of its leads and queues. `since` (n,): the first
    day on whose list the lead stood with the score of this row."""

    boards: DailyLists
    leads: Sequence[str]
    queues: Sequence[str]
    since: Ints


@dataclass(frozen=True, slots=True)
class ListMove:
    """One lead's largest move, to its place on the list of `day`, scored on that of `since`.
    `before`: the day of the list it is compared with, the same for two models. `ordered`: within
    the horizon of `day`."""

    lead: str
    queue: str
    before: int
    day: int
    since: int
    rank_a: int
    rank_b: int
    probability_a: float
    probability_b: float
    ordered: bool


@dataclass(frozen=True, slots=True)
class ListChanges:
    """How far ranks move between two models, or between two days of one model. From `theirs` to
    `ours` on the same list; equal names: from each day to the next, on one queue. `counts`: places
    by how far they move; `movers`: of other leads each, farthest first."""

    ours: str
    theirs: str
    n_places: int
    counts: Mapping[str, int]
    movers: tuple[ListMove, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    """Rows `rows_a` as `theirs` ranks them become rows `rows_b` as `ours` does."""

    theirs: str
    ours: str
    rows_a: Ints
    rows_b: Ints


def changes_of(
    places: Places, scores: Mapping[str, Floats], labels: Bools
) -> tuple[ListChanges, ...]:
    """Compares ranks: from day to day by the first model, then each other model against the first.
    Places that a model does not know are left out."""
    boards = places.boards
    ranks = {name: _ranks(boards, said) for name, said in scores.items()}
    first, *others = scores
    same = np.arange(len(boards.day))
    pairs = [_Pair(first, first, *_next_days(boards))]
    pairs += [_Pair(first, other, same, same) for other in others]
    return tuple(_changes(places, ranks, scores, labels, pair) for pair in pairs)


def _ranks(boards: DailyLists, said: Floats) -> Ints:
    """The ranks, (n,), where 1 is called first; ties by lead."""
    ranks = np.zeros(len(said), dtype=np.intp)
    for rows in lists(boards, -said):
        ranks[rows] = np.arange(1, len(rows) + 1)
    return ranks


def _next_days(boards: DailyLists) -> tuple[Ints, Ints]:
    """The rows of each lead and queue on two days in a row."""
    order = np.lexsort((boards.day, boards.queue, boards.lead))
    before, after = order[:-1], order[1:]
    follows = (
        (boards.lead[before] == boards.lead[after])
        & (boards.queue[before] == boards.queue[after])
        & (boards.day[before] + 1 == boards.day[after])
    )
    return before[follows], after[follows]


def _changes(
    places: Places,
    ranks: Mapping[str, Ints],
    scores: Mapping[str, Floats],
    labels: Bools,
    pair: _Pair,
) -> ListChanges:
    boards, before, after = places.boards, scores[pair.theirs], scores[pair.ours]
    known = ~(np.isnan(before[pair.rows_a]) | np.isnan(after[pair.rows_b]))
    rows_a, rows_b = pair.rows_a[known], pair.rows_b[known]
    changes = ranks[pair.ours][rows_b] - ranks[pair.theirs][rows_a]
    movers = []
    for at in _farthest(boards, rows_b, changes):
        a, b = int(rows_a[at]), int(rows_b[at])
        move = ListMove(
            lead=places.leads[boards.lead[b]],
            queue=places.queues[boards.queue[b]],
            before=int(boards.day[a]),
            day=int(boards.day[b]),
            since=int(places.since[b]),
            rank_a=int(ranks[pair.theirs][a]),
            rank_b=int(ranks[pair.ours][b]),
            probability_a=float(before[a]),
            probability_b=float(after[b]),
            ordered=bool(labels[b]),
        )
        movers.append(move)
    return ListChanges(pair.ours, pair.theirs, len(changes), change_counts(changes), tuple(movers))


def _farthest(boards: DailyLists, rows: Ints, changes: Ints) -> Ints:
    """The indices into `rows` where the N_MOVERS leads that move most move farthest, one for each
    lead."""
    order = np.lexsort((boards.day[rows], boards.lead[rows], -np.abs(changes)))
    order = order[changes[order] != 0]
    _, first = np.unique(boards.lead[rows[order]], return_index=True)
    farthest: Ints = order[np.sort(first)[:N_MOVERS]]
    return farthest

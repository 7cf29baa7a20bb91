"""How many buyers fewer or more calls a day would have reached: the whole curve of which a backtest
measures one point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scoring.backtest.daily_calls import CallTerms, DailyLists, calls_on, labels_of, lists
from scoring.floats import Floats

N_CAPACITIES = 12
LEAST = 10
"""The curve of one call a day would be a point."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`reached`: by model, how many of `n_buyers` get a call in time at each of the `capacities`,
    in calls a day and queue."""

    n_buyers: int
    capacities: tuple[int, ...]
    reached: Mapping[str, tuple[int, ...]]


def reach(boards: DailyLists, scores: Mapping[str, Floats], terms: CallTerms) -> Reach:
    """Makes the calls of all models at about N_CAPACITIES capacities: up to twice that of `terms`
    and at least LEAST, but no more than the longest list has. `scores` (n_rows,) by model."""
    hit = labels_of(boards, terms)
    capacities = _capacities(boards, terms.capacity)
    reached = {}
    for name, each in scores.items():
        ordered = [*lists(boards, -each)]
        counts = []
        for capacity in capacities:
            called = calls_on(boards, ordered, each, replace(terms, capacity=capacity))
            counts.append(len(np.unique(boards.lead[called & hit])))
        reached[name] = tuple(counts)
    return Reach(len(np.unique(boards.lead[hit])), capacities, reached)


def _capacities(boards: DailyLists, capacity: int) -> tuple[int, ...]:
    longest = max((len(rows) for rows in lists(boards, np.zeros(len(boards.day)))), default=1)
    most = min(longest, max(2 * capacity, LEAST))
    steps = np.unique(np.round(np.geomspace(1, most, N_CAPACITIES)).astype(int)).tolist()
    return tuple(sorted({*steps, min(capacity, most)}))

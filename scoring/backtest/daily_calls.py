"""Decides who is called from daily lists of leads, with a limited number of calls a day.

All days are numbers: `day` counts from any midnight, `ordered` is a moment on the same scale.
`scoring.backtest.backtest` says what the calls came to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.floats import Floats

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class DailyLists:
    """One row for each lead that is listed at the beginning of `day` and whose outcome within the
    horizon is known: `day`, `queue` and `lead` (n,), the latter two being numbers from 0 in the
    order of their names. `ordered` (n_leads,): when each lead ordered first, NaN: never."""

    day: Ints
    queue: Ints
    lead: Ints
    ordered: Floats

    def __post_init__(self) -> None:
        if not len(self.day) == len(self.queue) == len(self.lead):
            raise ValueError(
                f"{len(self.day)} days, {len(self.queue)} queues and {len(self.lead)} leads; "
                "need one of each for a row"
            )
        if len(self.lead) and not 0 <= self.lead.min() <= self.lead.max() < len(self.ordered):
            raise ValueError(f"a lead is outside 0..{len(self.ordered) - 1}")
        if (self.ordered[self.lead] <= self.day).any():
            raise ValueError("a lead is listed after it ordered; leave such rows out")

    def during(self, first_day: int, end_day: int) -> Bools:
        """Which rows are of days from `first_day` up to but not including `end_day`."""
        is_within: Bools = (self.day >= first_day) & (self.day < end_day)
        return is_within


@dataclass(frozen=True, slots=True)
class CallTerms:
    """The rules of calling. `capacity`: calls a day in each queue. A lead that was called is not
    called again for `rest_days`. A buyer is a lead that orders within `horizon_days` of a day on
    which it was listed."""

    capacity: int
    horizon_days: float
    rest_days: int = 7

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.rest_days < 1 or not self.horizon_days > 0:
            raise ValueError(
                f"capacity {self.capacity}, rest {self.rest_days} days, horizon "
                f"{self.horizon_days} days: capacity and rest must be 1 or more, horizon above 0"
            )


def labels_of(boards: DailyLists, terms: CallTerms) -> Bools:
    """Returns the label of each row, (n,): whether the lead orders within the horizon of that
    day."""
    wait_days = boards.ordered[boards.lead] - boards.day
    labels: Bools = wait_days <= terms.horizon_days  # NaN compares false
    return labels


def calls_made(boards: DailyLists, scores: Floats, terms: CallTerms) -> Bools:
    """Returns whether each row is called, (n,): each day the leads of each queue with the highest
    scores that are not resting, ties by lead. A lead with score NaN is not called: the model knows
    nothing about it."""
    return calls_on(boards, lists(boards, -scores), scores, terms)


def calls_on(
    boards: DailyLists, ordered: Iterable[Ints], scores: Floats, terms: CallTerms
) -> Bools:
    """As `calls_made`, of lists that are in order already."""
    free_from = np.full(len(boards.ordered), -np.inf)
    called = np.zeros(len(boards.day), dtype=np.bool_)
    for rows in ordered:
        day, leads = boards.day[rows[0]], boards.lead[rows]
        may = (free_from[leads] <= day) & ~np.isnan(scores[rows])
        chosen = rows[may][: terms.capacity]
        called[chosen] = True
        free_from[boards.lead[chosen]] = day + terms.rest_days
    return called


def lists(boards: DailyLists, within: Floats) -> Iterator[Ints]:
    """Yields the rows of each day and queue, by day, each list sorted by `within` and then by
    lead."""
    order = np.lexsort((boards.lead, within, boards.queue, boards.day))
    day, queue = boards.day[order], boards.queue[order]
    cuts = np.flatnonzero((np.diff(day) != 0) | (np.diff(queue) != 0)) + 1
    if len(order):
        yield from np.split(order, cuts)

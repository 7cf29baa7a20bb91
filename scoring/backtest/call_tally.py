"""Counts calls: by lead for the bootstrap, by day for the reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scoring.backtest.daily_calls import Bools, CallTerms, DailyLists, labels_of, lists
from scoring.floats import Floats


@dataclass(frozen=True, slots=True)
class DayOf:
    """One model's calls on one day. `n_reached`: buyers called in time for the first time;
    `days_gained`: how long before they ordered, on average. NaN: precision without calls, lift
    where nobody who was to order stood on a list, days gained where nobody was reached."""

    n_calls: int
    n_hits: int
    n_reached: int
    precision: float
    lift: float
    days_gained: float


@dataclass(frozen=True, slots=True)
class Day:
    """One day, all queues together. `n_positive`: how many of the `n_listed` order within the
    horizon."""

    day: int
    n_listed: int
    n_positive: int
    models: Mapping[str, DayOf]


@dataclass(frozen=True, slots=True)
class CallOutcomes:
    """What a call of each row would be worth. `hit` (n,): whether the lead orders in time; `blind`
    (n,): the share of that list that are hits; `buyers` (n_leads,) 0 or 1."""

    boards: DailyLists
    chosen: Bools
    hit: Bools
    blind: Floats
    buyers: Floats


@dataclass(frozen=True, slots=True)
class CallTally:
    """One model's calls: `made` (n,); `first` (n,): those that reach a buyer for the first time;
    `sums` (5, n_leads): calls, hits, blind hits, reached, days gained."""

    made: Bools
    first: Bools
    sums: Floats


def facts_of(boards: DailyLists, terms: CallTerms, chosen: Bools) -> CallOutcomes:
    """Computes what a call of each row would be worth; buyers are those of the `chosen` rows."""
    hit, blind = labels_of(boards, terms), np.zeros(len(boards.day))
    for rows in lists(boards, blind):
        blind[rows] = hit[rows].mean()
    buyers = np.zeros(len(boards.ordered))
    buyers[boards.lead[hit & chosen]] = 1.0
    return CallOutcomes(boards, chosen, hit, blind, buyers)


def tally_of(facts: CallOutcomes, made: Bools) -> CallTally:
    """Counts the calls `made` by one model, by lead."""
    boards, n_leads = facts.boards, len(facts.buyers)
    hits = np.flatnonzero(made & facts.hit)
    by_day = hits[np.argsort(boards.day[hits], kind="stable")]
    reached, at = np.unique(boards.lead[by_day], return_index=True)
    first = np.zeros(len(made), dtype=np.bool_)
    first[by_day[at]] = True
    gained = np.zeros(n_leads)
    gained[reached] = boards.ordered[reached] - boards.day[by_day[at]]

    def per_lead(rows: Bools, weights: Floats | None = None) -> Floats:
        row_weights = None if weights is None else weights[rows]
        counted: Floats = np.bincount(boards.lead[rows], row_weights, n_leads).astype(np.float64)
        return counted

    sums = (
        per_lead(made),
        per_lead(made & facts.hit),
        per_lead(made, facts.blind),
        per_lead(first),
        gained,
    )
    return CallTally(made, first, np.stack(sums))


def days_of(facts: CallOutcomes, calls: Mapping[str, CallTally]) -> Iterator[Day]:
    """Counts the calls of all models by day; `calls` by model."""
    boards = facts.boards
    days, of = np.unique(boards.day, return_inverse=True)

    def count(rows: Bools) -> list[int]:
        counted: list[int] = np.bincount(of[rows], minlength=len(days)).tolist()
        return counted

    listed, positive = count(facts.chosen), count(facts.chosen & facts.hit)
    models = {}
    for name, tally in calls.items():
        hits, reached = count(tally.made & facts.hit), count(tally.first)
        blind = np.bincount(of[tally.made], facts.blind[tally.made], len(days))
        wait_days = boards.ordered[boards.lead[tally.first]] - boards.day[tally.first]
        gained = np.bincount(of[tally.first], wait_days, len(days))
        columns = zip(count(tally.made), hits, reached, blind, gained, strict=True)
        models[name] = [
            DayOf(
                n_calls=n,
                n_hits=hit,
                n_reached=new,
                precision=_share(hit, n),
                lift=_share(hit, met),
                days_gained=_share(won, new),
            )
            for n, hit, new, met, won in columns
        ]
    for i, day in enumerate(days):
        if listed[i]:
            at_day = {name: model_days[i] for name, model_days in models.items()}
            yield Day(int(day), listed[i], positive[i], at_day)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0.0 else float("nan")

"""Counts the positives and negatives above every threshold on a score, for many weightings of the
leads at once: the table behind ROC, precision-recall and lift curves and all ranking metrics.

A lead of outcome `p` (0, 1, or its true probability) and weight `w` counts as a mass of `w * p`
positives and `w * (1 - p)` negatives. A weight is how many leads a row stands for: 1 / the rate at
which rows like it were sampled, times how often a bootstrap drew it. Sorting happens once, so a
thousand weightings of 50,000 leads take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.floats import Floats


@dataclass(frozen=True, slots=True)
class Ranked:
    """Leads sorted by score, best first. `starts`: where each group of tied scores begins;
    `outcomes` is sorted likewise."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    thresholds: Floats
    outcomes: Floats


@dataclass(frozen=True, slots=True)
class ThresholdMasses:
    """The masses at or above each distinct score, best first: (n_weightings, n_thresholds).
    `selves` (n_weightings,): the mass of pairs that a lead would make with itself."""

    positives: Floats
    negatives: Floats
    selves: Floats

    @property
    def called(self) -> Floats:
        return self.positives + self.negatives


def rank_by(scores: ArrayLike, outcomes: ArrayLike) -> Ranked:
    """Sorts leads by score, best first. Raises ValueError for a NaN among the scores and unless
    there are as many outcomes as scores."""
    score_values, outcome_values = floats(scores), floats(outcomes)
    if len(score_values) != len(outcome_values) or not len(score_values):
        raise ValueError(
            f"{len(score_values)} scores and {len(outcome_values)} outcomes; "
            "need equally many, 1 or more"
        )
    if np.isnan(score_values).any():
        raise ValueError("a score is NaN")
    order = np.argsort(-score_values, kind="stable")
    falling = score_values[order]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(falling)) + 1))
    return Ranked(order, starts, falling[starts], outcome_values[order])


def tally(ranked: Ranked, weightings: ArrayLike | None = None) -> ThresholdMasses:
    """Sums the masses at every threshold. `weightings`: (n_weightings, n_leads) or (n_leads,); None
    counts every lead once."""
    mass = weighting_rows(weightings, len(ranked.order))[:, ranked.order]
    positive = mass * ranked.outcomes
    negative = mass - positive
    selves = negative @ ranked.outcomes
    if len(ranked.starts) < len(ranked.order):
        positive = np.add.reduceat(positive, ranked.starts, axis=1)
        negative = np.add.reduceat(negative, ranked.starts, axis=1)
    return ThresholdMasses(np.cumsum(positive, axis=1), np.cumsum(negative, axis=1), selves)


def aucs(table: ThresholdMasses) -> Floats:
    """Returns for each weighting the chance that a random positive scores above a random negative,
    ties counting half, a lead never paired with itself; NaN without a pair."""
    positive = np.diff(table.positives, axis=1, prepend=0.0)
    negative = np.diff(table.negatives, axis=1, prepend=0.0)
    below = table.negatives[:, -1:] - table.negatives
    won = np.sum(positive * (below + 0.5 * negative), axis=1) - 0.5 * table.selves
    pairs = table.positives[:, -1] * table.negatives[:, -1] - table.selves
    return ratio(won, pairs)


def average_precisions(table: ThresholdMasses) -> Floats:
    """Returns for each weighting the mean precision at the score of each positive: the step-wise
    area under precision over recall, as scikit-learn computes it. NaN without positives."""
    positive = np.diff(table.positives, axis=1, prepend=0.0)
    precision = ratio(table.positives, table.called)
    return ratio(np.nansum(positive * precision, axis=1), table.positives[:, -1])


def caught(table: ThresholdMasses, n_called: ArrayLike) -> Floats:
    """Returns the mass of positives among the best `n_called` (n_weightings,) by mass; of a group
    tied at the boundary, a share of its positives."""
    wanted = floats(n_called)[:, None]
    called = table.called
    at = np.argmax(called >= wanted * (1.0 - EPSILON), axis=1)[:, None]
    above = np.maximum(at - 1, 0)
    is_first = at == 0
    before = np.where(is_first, 0.0, np.take_along_axis(table.positives, above, 1))
    n_before = np.where(is_first, 0.0, np.take_along_axis(called, above, 1))
    tied = np.take_along_axis(table.positives, at, 1) - before
    n_tied = np.take_along_axis(called, at, 1) - n_before
    share = np.clip((wanted - n_before) / np.where(n_tied > 0.0, n_tied, 1.0), 0.0, 1.0)
    return np.asarray((before + share * tied)[:, 0], dtype=np.float64)


EPSILON = 1e-9
"""Sums of weights that should be equal differ by their rounding."""


def best_mass(table: ThresholdMasses, fraction: float) -> Floats:
    """Returns how many leads `fraction` of each weighting is: rounded, at least one."""
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"fraction {fraction} is not in (0, 1]")
    total = table.called[:, -1]
    return np.minimum(np.maximum(np.round(total * fraction), 1.0), total)


def weighting_rows(weightings: ArrayLike | None, n_rows: int) -> Floats:
    """Returns weights as (n_weightings, n_rows); raises ValueError for another shape or a weight
    below zero."""
    if weightings is None:
        return np.ones((1, n_rows))
    rows = np.atleast_2d(np.asarray(weightings, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] != n_rows:
        raise ValueError(f"weights of shape {rows.shape} for {n_rows} leads")
    if not (rows >= 0.0).all():
        raise ValueError("a weight is below zero or NaN")
    return rows


def floats(values: ArrayLike) -> Floats:
    """Returns `values` as a flat array of float64."""
    return np.asarray(values, dtype=np.float64).ravel()


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divides; NaN where the denominator is not above zero."""
    out: Floats = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0.0)
    return out


def sums(groups: NDArray[np.intp], values: ArrayLike, n_groups: int = 0) -> Floats:
    """Returns the sum of each group 0, 1, …, at least `n_groups` of them."""
    return np.bincount(groups, floats(values), n_groups).astype(np.float64)

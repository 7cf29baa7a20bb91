"""All metrics of one model as one statistic, so that they share each bootstrap resample.

Against labels, or against true probabilities; the latter are the "expected" metrics, without label
noise. A name ends in the group it is about: `p_at_1pct` is the precision among the best one
percent.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from scoring.floats import Floats
from scoring.metrics.bootstrap import Statistic
from scoring.metrics.delong import hanley_mcneil, share_error, z_of
from scoring.metrics.metrics import equal_mass_bins, log_losses, squared_errors
from scoring.metrics.thresholds import (
    aucs,
    average_precisions,
    best_mass,
    caught,
    rank_by,
    ratio,
    sums,
    tally,
)
from training.evaluation.judged import JudgedRows, Scored

FRACTIONS = {"0_1pct": 0.001, "1pct": 0.01, "5pct": 0.05, "10pct": 0.1}
CAPACITY = "capacity"
METRICS = (
    "auc",
    "average_precision",
    *chain.from_iterable(
        (f"p_at_{top}", f"r_at_{top}", f"lift_at_{top}") for top in (*FRACTIONS, CAPACITY)
    ),
    "log_loss",
    "brier",
    "ece",
)
"""The names, in the order in which a statistic of this module returns the values."""

LESS_IS_BETTER = frozenset({"log_loss", "brier", "ece"})
N_BINS = 10


def call_shares(scores: Floats, lists: NDArray[np.intp], weights: Floats, per_day: float) -> Floats:
    """How much of a call each row gets when the best of each list get `per_day` calls: 1, 0 or, in
    the group tied at the boundary, the same share for all.

    Resamples keep these shares: with a few leads in a list, drawing a lead twice would change who
    else is called, and the interval would be that of another policy."""
    order = np.lexsort((-scores, lists))
    changes = (np.diff(lists[order]) != 0) | (np.diff(scores[order]) != 0)
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    mass = np.add.reduceat(weights[order], starts)
    before = np.cumsum(mass) - mass
    _, first, list_of = np.unique(lists[order][starts], return_index=True, return_inverse=True)
    before -= before[first][list_of]
    share = np.clip((per_day - before) / np.where(mass > 0.0, mass, 1.0), 0.0, 1.0)
    sizes = np.diff(np.append(starts, len(order)))
    shares = np.empty(len(order))
    shares[order] = np.repeat(share, sizes)
    return shares


def measures(
    scored: Scored, judged: JudgedRows, outcomes: Floats, calls_per_day: float
) -> Statistic:
    """The statistic that gives METRICS of `scored` against `outcomes`: the labels or the true
    probabilities."""
    ranked = rank_by(scored.scores, outcomes)
    share = call_shares(scored.scores, judged.lists, judged.weights, calls_per_day)
    in_lists = np.column_stack([share, share * outcomes])
    losses = np.column_stack(
        [
            log_losses(scored.probabilities, outcomes),
            squared_errors(scored.probabilities, outcomes),
        ]
    )
    bin_of = equal_mass_bins(scored.probabilities, N_BINS, judged.weights)
    gaps = np.zeros((len(outcomes), N_BINS))
    gaps[np.arange(len(outcomes)), bin_of] = scored.probabilities - outcomes

    def statistic(weightings: Floats) -> Floats:
        table = tally(ranked, weightings)
        n, positives = table.called[:, -1], table.positives[:, -1]
        tops = [
            (mass, caught(table, mass))
            for mass in (best_mass(table, fraction) for fraction in FRACTIONS.values())
        ]
        called, hits = (weightings @ in_lists).T
        tops.append((called, hits))
        columns = [aucs(table), average_precisions(table)]
        for called, hits in tops:
            precision = ratio(hits, called)
            columns += [precision, ratio(hits, positives), ratio(precision * n, positives)]
        columns += [*(weightings @ losses / n[:, None]).T]
        columns.append(np.abs(weightings @ gaps).sum(axis=1) / n)
        return np.column_stack(columns)

    return statistic


def expected_half_widths(
    values: dict[str, float], judged: JudgedRows, calls_per_day: float, level: float
) -> dict[str, float]:
    """How wide theory expects the interval of each metric to be for as many leads that ordered and
    that did not; NaN for metrics without such a formula."""
    n, n_positives = len(judged), float(judged.n_positives)
    n_ordered = float(judged.n_who_ordered)
    n_others = max(1.0, judged.n_leads - n_ordered)
    prevalence, mass = judged.prevalence, float(judged.weights.sum())
    per_list = sums(judged.lists, judged.weights)
    called = {top: max(1.0, mass * fraction) for top, fraction in FRACTIONS.items()}
    called[CAPACITY] = float(np.minimum(per_list, calls_per_day).sum())
    errors = {
        "auc": hanley_mcneil(values["auc"], n_ordered, n_others),
        "average_precision": share_error(values["average_precision"], n_ordered),
    }
    # Rows stand for more leads than there are where negatives were sampled; what was seen counts.
    for top, n_called in called.items():
        precision = values[f"p_at_{top}"]
        n_seen = precision * n_called + (1.0 - precision) * n_called * (n - n_positives) / max(
            mass - n_positives, 1.0
        )
        errors[f"p_at_{top}"] = share_error(precision, n_seen * judged.n_leads / n)
        errors[f"r_at_{top}"] = share_error(values[f"r_at_{top}"], n_ordered)
        errors[f"lift_at_{top}"] = errors[f"p_at_{top}"] / prevalence
    return {name: z_of(level) * errors.get(name, float("nan")) for name in METRICS}

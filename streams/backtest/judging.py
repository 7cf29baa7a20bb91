"""Judges daily lists for `asllr try`: with the calls of a day, with fewer and more, and by their
probabilities."""

from __future__ import annotations

import numpy as np

from scoring.backtest.daily_calls import CallTerms, labels_of
from scoring.backtest.judged_trial import JudgedTrial
from scoring.backtest.reach import reach
from scoring.metrics.metrics import reliability
from scoring.metrics.verdict import MIN_POSITIVES
from streams.backtest.trial import RULE, JudgedLists, judge_lists

N_BINS = 5
"""With more of them each has the luck of a few buyers."""


def judged_trial(lists: JudgedLists, terms: CallTerms, name: str) -> JudgedTrial:
    """Judges daily lists. `name`: the model that is asked about. Raises CannotTell."""
    judged = judge_lists(lists, terms)
    scores = lists.scores[name]
    is_scored = ~np.isnan(scores)
    calibration: tuple[tuple[float, float], ...] = ()
    if name != RULE and judged.n_buyers >= MIN_POSITIVES and is_scored.any():
        labels = labels_of(lists.boards, terms)[is_scored].astype(np.float64)
        bins = reliability(scores[is_scored], labels, N_BINS)
        calibration = tuple(zip(bins.predicted.tolist(), bins.observed.tolist(), strict=True))
    return JudgedTrial(judged, reach(lists.boards, lists.scores, terms), calibration)

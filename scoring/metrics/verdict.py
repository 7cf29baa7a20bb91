"""Decides whether a paired difference puts a model ahead, behind, or cannot tell; the last comes
with the number of positives that a decision would take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, isnan

from scoring.metrics.bootstrap import Interval

MIN_POSITIVES = 20
"""Below it a percentile interval is too narrow for its name: no verdict whatever it says."""


class Verdict(StrEnum):
    """What a difference says about a model."""

    AHEAD = "ahead"
    BEHIND = "behind"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict. `positives_needed`: about how many positives it would take for the interval to
    exclude 0 if the difference is as large as it looks; None where there is a verdict, or where
    there is no difference to find."""

    verdict: Verdict
    positives_needed: int | None


def judge(difference: Interval, n_positives: int | None) -> Judgement:
    """Decides on `difference`: ours minus theirs, of a metric where more is better, on
    `n_positives` positives in different clusters; None where labels play no part, as in expected
    metrics.

    >>> judge(Interval(value=0.02, low=0.01, high=0.03, level=0.95), n_positives=200).verdict.value
    'ahead'
    >>> judge(Interval(value=0.02, low=-0.02, high=0.06, level=0.95), n_positives=200)
    Judgement(verdict=<Verdict.CANNOT_TELL: 'cannot tell'>, positives_needed=800)
    """
    if n_positives is None:
        return Judgement(_verdict(difference), None)
    if n_positives >= MIN_POSITIVES and difference.excludes_zero:
        return Judgement(_verdict(difference), None)
    return Judgement(Verdict.CANNOT_TELL, _needed(difference, n_positives))


def _verdict(difference: Interval) -> Verdict:
    if not difference.excludes_zero:
        return Verdict.CANNOT_TELL
    return Verdict.AHEAD if difference.low > 0.0 else Verdict.BEHIND


def _needed(difference: Interval, n_positives: int) -> int | None:
    """Half-widths shrink with the square root of the positives."""
    if isnan(difference.half_width) or difference.value == 0.0 or not n_positives:
        return None
    times = (difference.half_width / abs(difference.value)) ** 2
    return max(MIN_POSITIVES, n_positives + 1, ceil(n_positives * times))

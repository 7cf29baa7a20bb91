"""Turns logits into probabilities: Platt scaling, isotonic knots, correction of sampled negatives.

Sources: J. C. Platt, Probabilistic Outputs for Support Vector Machines and Comparisons to
Regularized Likelihood Methods, in Advances in Large Margin Classifiers, 1999; B. Zadrozny and C.
Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002
(isotonic); G. King and L. Zeng, Logistic Regression in Rare Events Data, Political Analysis 9, 2001
(sampled negatives).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scoring.engine import Unscorable

Finite = Annotated[float, Field(allow_inf_nan=False)]
Knot = tuple[Finite, Finite]
"""(an engine's logit, the log odds observed for leads with this logit)."""

MIN_PROBABILITY = 1e-6
"""A score never claims certainty; also keeps log losses finite."""


class NotALogit(Unscorable):
    """An engine returned NaN or infinity: a bug of the engine, never a score."""


class Calibration(BaseModel):
    """How a logit becomes a probability: sigmoid(a * logit + b), `a` > 0; or, with knots, sigmoid
    of the straight line between the two knots around the logit, and of slope `a` beyond the
    outermost. Strictly increasing either way: calibration keeps the ranking."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: Annotated[Finite, Field(gt=0)] = 1.0
    b: Finite = 0.0
    knots: tuple[Knot, ...] = ()

    @model_validator(mode="after")
    def _rises(self) -> Self:
        for (x0, y0), (x1, y1) in pairwise(self.knots):
            if not (x0 < x1 and y0 < y1):
                raise ValueError(f"knots must rise: ({x0}, {y0}) is followed by ({x1}, {y1})")
        return self


def probability(logit: float, calibration: Calibration) -> float:
    """Returns the calibrated probability of `logit`, from MIN_PROBABILITY to 1 - MIN_PROBABILITY.
    Raises NotALogit for NaN and infinities.

    >>> probability(0.0, Calibration())
    0.5
    >>> round(probability(-2.0, Calibration(a=1.5, b=-1.0)), 4)
    0.018
    """
    if not math.isfinite(logit):
        raise NotALogit(f"the engine returned {logit}; expected a finite logit")
    return min(max(_sigmoid(log_odds(logit, calibration)), MIN_PROBABILITY), _MAX)


def log_odds(logit: float, calibration: Calibration) -> float:
    """Returns the calibrated logit, before the sigmoid: never decreasing in `logit`."""
    a, knots = calibration.a, calibration.knots
    if not knots:
        return a * logit + calibration.b
    at = bisect_right(knots, logit, key=lambda knot: knot[0])
    if at == 0:
        return knots[0][1] + a * (logit - knots[0][0])
    if at == len(knots):
        return knots[-1][1] + a * (logit - knots[-1][0])
    (x0, y0), (x1, y1) = knots[at - 1], knots[at]
    return min(y0 + (y1 - y0) * ((logit - x0) / (x1 - x0)), y1)


_MAX = 1 - MIN_PROBABILITY


def sampling_correction(kept_negatives: float) -> float:
    """Returns what to add to the logit of a model trained with this share of the negatives, (0, 1]:
    dropping negatives multiplied the odds by 1 / share (the prior correction of King and Zeng)."""
    if not 0 < kept_negatives <= 1:
        raise ValueError(f"kept_negatives is {kept_negatives}; expected a share in (0, 1]")
    return math.log(kept_negatives)


def _sigmoid(x: float) -> float:
    """Without overflow for any finite x."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    z = math.exp(x)
    return z / (1 + z)

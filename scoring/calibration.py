"""Logit -> probability: Platt scaling and the correction for sampled negatives."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from scoring.engine import Unscorable

Finite = Annotated[float, Field(allow_inf_nan=False)]

MIN_PROBABILITY = 1e-6
"""A score never claims certainty; also keeps log losses finite."""


class NotALogit(Unscorable):
    """An engine returned NaN or infinity: its bug, never a score."""


class Calibration(BaseModel):
    """probability = sigmoid(a * logit + b). `a` > 0, so that calibration keeps the ranking."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    a: Annotated[Finite, Field(gt=0)] = 1.0
    b: Finite = 0.0


def probability(logit: float, calibration: Calibration) -> float:
    """In [MIN_PROBABILITY, 1 - MIN_PROBABILITY]. Raises NotALogit for NaN and infinities."""
    if not math.isfinite(logit):
        raise NotALogit(f"the engine returned {logit}; expected a finite logit")
    return min(max(_sigmoid(calibration.a * logit + calibration.b), MIN_PROBABILITY), _MAX)


_MAX = 1 - MIN_PROBABILITY


def sampling_correction(kept_negatives: float) -> float:
    """What to add to the logit of a model trained with this share of the negatives, (0, 1]:
    dropping negatives multiplied the odds by 1 / share."""
    if not 0 < kept_negatives <= 1:
        raise ValueError(f"kept_negatives is {kept_negatives}; expected a share in (0, 1]")
    return math.log(kept_negatives)


def _sigmoid(x: float) -> float:
    """Without overflow for any finite x."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    z = math.exp(x)
    return z / (1 + z)

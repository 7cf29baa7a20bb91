"""Platt scaling: two numbers from logits and outcomes of leads that nothing else was fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from scoring.calibration import Calibration

MIN_SLOPE = 1e-3


def fit_platt(
    logits: NDArray[np.float64], orders: NDArray[np.float64], weights: NDArray[np.float64]
) -> Calibration:
    """probability = sigmoid(a * logit + b). Practically unregularised: two parameters only."""
    found = LogisticRegression(C=1e6).fit(logits[:, None], orders, weights)
    return Calibration(a=max(MIN_SLOPE, float(found.coef_[0, 0])), b=float(found.intercept_[0]))

"""Checks the features of an engine's input, for every engine that reads them."""

from __future__ import annotations

import numpy as np

from scoring.engine import EngineInput, Unscorable


def check_table(engine_input: EngineInput, n_features: int) -> None:
    """Raises Unscorable for features that the model was not trained for. NaN is fine: unknown."""
    if engine_input.features.shape != (n_features,):
        raise Unscorable(
            f"the table has shape {engine_input.features.shape}, the artifact reads ({n_features},)"
        )
    if np.isinf(engine_input.features).any():
        raise Unscorable("a feature is infinite; unknown is NaN")

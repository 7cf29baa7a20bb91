"""The engine of models that read numbers alone, and the check of those numbers for all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.engine import EngineInput, Unscorable


@dataclass(frozen=True, slots=True)
class TableWidth:
    """How many numbers an artifact reads: features of its domain, and columns of its own."""

    n_features: int
    n_columns: int = 0

    @property
    def n_numbers(self) -> int:
        return self.n_features + self.n_columns


def check_table(engine_input: EngineInput, width: TableWidth) -> None:
    """Raises Unscorable for features or columns that the model was not trained for. NaN is fine:
    unknown."""
    for what, numbers, n in (
        ("table", engine_input.features, width.n_features),
        ("columns", engine_input.columns, width.n_columns),
    ):
        if numbers.shape != (n,):
            raise Unscorable(f"the {what} has shape {numbers.shape}, the artifact reads ({n},)")
    if np.isinf(engine_input.features).any() or np.isinf(engine_input.columns).any():
        raise Unscorable("a feature is infinite; unknown is NaN")


@dataclass(frozen=True, slots=True)
class TableEngine:
    """A model of rows: `row_logits` gives the logit of each row of features and columns, float32
    (n, width.n_numbers), the same whatever other rows there are. The prompt is not read."""

    row_logits: Callable[[NDArray[np.float32]], list[float]]
    width: TableWidth

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        for engine_input in inputs:
            check_table(engine_input, self.width)
        return self.row_logits(np.array([one.row for one in inputs])) if inputs else []

"""Scores with a model of features, columns and the logit of a language model.

The same trees as in `scoring.engines.trees`, or the same regression as in `scoring.engines.linear`,
with the language model's logit as the row's last number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.engine import Engine, EngineInput
from scoring.engines.linear import linear_row_logit
from scoring.engines.row_graph import open_row_graph, row_logit
from scoring.engines.table import TableWidth, check_table
from scoring.engines.trees import TREES


@dataclass(frozen=True, slots=True)
class StackEngine:
    """A model of one row on top of the engine `lm`, which may be any. `top`: the logit of a row,
    float32 (width.n_numbers + 1,), of which the language model's is the last number."""

    lm: Engine
    top: Callable[[NDArray[np.float32]], float]
    width: TableWidth

    @property
    def batch_size(self) -> int:
        return self.lm.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        for engine_input in inputs:
            check_table(engine_input, self.width)
        read = self.lm.logits(inputs)
        return [
            self.top(np.append(engine_input.row, np.float32(logit)))
            for engine_input, logit in zip(inputs, read, strict=True)
        ]


def load_stack_engine(
    path: Path, lm: Engine, width: TableWidth, *, is_linear: bool = False
) -> StackEngine:
    """Loads what decides, from folder `path`, and puts it on top of `lm`: trees, or a regression.
    Raises ArtifactError for one of other columns."""
    n_numbers = width.n_numbers + 1
    if is_linear:
        return StackEngine(lm, linear_row_logit(path, n_numbers), width)
    return StackEngine(lm, partial(row_logit, open_row_graph(path / TREES, n_numbers)), width)

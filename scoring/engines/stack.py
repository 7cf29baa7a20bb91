"""Scores with trees that read features, columns and the logit of a language model.

The same ensemble as in `scoring.engines.trees`, with the LM logit as the row's last number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from scoring.engine import Engine, EngineInput
from scoring.engines.row_graph import open_row_graph, row_logit
from scoring.engines.table import TableWidth, check_table
from scoring.engines.trees import TREES


@dataclass(frozen=True, slots=True)
class StackEngine:
    """Trees on top of the engine `lm`, which may be any."""

    lm: Engine
    trees: onnxruntime.InferenceSession
    width: TableWidth

    @property
    def batch_size(self) -> int:
        return self.lm.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        for engine_input in inputs:
            check_table(engine_input, self.width)
        read = self.lm.logits(inputs)
        return [
            row_logit(self.trees, np.append(engine_input.row, np.float32(logit)))
            for engine_input, logit in zip(inputs, read, strict=True)
        ]


def load_stack_engine(path: Path, lm: Engine, width: TableWidth) -> StackEngine:
    """Loads the trees in folder `path` and puts them on top of `lm`. Raises ArtifactError for trees
    on other columns."""
    return StackEngine(lm, open_row_graph(path / TREES, width.n_numbers + 1), width)

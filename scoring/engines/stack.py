"""Scores with trees that read the table and the logit of a language model. No lightgbm here.

The same ensemble as in `scoring.engines.trees`, with the LM logit as the row's last number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from scoring.engine import Engine, EngineInput
from scoring.engines.onnx import open_session
from scoring.engines.table import check_table
from scoring.engines.trees import TREES, tree_logit


@dataclass(frozen=True, slots=True)
class StackEngine:
    """Trees on top of the engine `lm`, which may be any."""

    lm: Engine
    trees: onnxruntime.InferenceSession
    n_features: int

    @property
    def batch_size(self) -> int:
        return self.lm.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        for engine_input in inputs:
            check_table(engine_input, self.n_features)
        read = self.lm.logits(inputs)
        return [
            tree_logit(self.trees, np.append(engine_input.features, np.float32(logit)))
            for engine_input, logit in zip(inputs, read, strict=True)
        ]


def load_stack_engine(path: Path, lm: Engine, n_features: int) -> StackEngine:
    """Loads the trees in folder `path` and puts them on top of `lm`."""
    return StackEngine(lm, open_session(path / TREES, 1), n_features)

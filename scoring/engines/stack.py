"""Trees on the table plus the language model's logit, over any LM engine. Imports no lightgbm.

The trees are an ONNX ensemble (`training.tree_graph`): one row of features, the LM logit last,
gives the final logit. Unknown features travel as NaN and take the branch learned for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from scoring.engine import Engine, EngineInput, Unscorable
from scoring.engines.onnx import open_session
from scoring.engines.reading import finite

TREES = "trees.onnx"


@dataclass(frozen=True, slots=True)
class StackEngine:
    lm: Engine
    trees: onnxruntime.InferenceSession
    n_features: int

    @property
    def batch_size(self) -> int:
        return self.lm.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        for each in inputs:
            self._check(each)
        read = self.lm.logits(inputs)
        return [self._logit(each, logit) for each, logit in zip(inputs, read, strict=True)]

    def _check(self, each: EngineInput) -> None:
        if each.features.shape != (self.n_features,):
            raise Unscorable(
                f"the table has shape {each.features.shape}, the artifact reads "
                f"({self.n_features},)"
            )
        if np.isinf(each.features).any():
            raise Unscorable("a feature is infinite; unknown is NaN")

    def _logit(self, each: EngineInput, lm_logit: float) -> float:
        row = np.append(each.features, np.float32(lm_logit)).astype(np.float32)[None, :]
        (logit,) = self.trees.run(None, {"row": row})
        return finite(float(np.asarray(logit)[0, 0]))


def load_stack_engine(path: Path, lm: Engine, n_features: int) -> StackEngine:
    return StackEngine(lm, open_session(path / TREES, 1), n_features)

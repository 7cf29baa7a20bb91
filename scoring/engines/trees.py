"""Scores with boosted trees on features and columns: no language model, no tokenizer, no lightgbm.

The trees are an ONNX ensemble (`training.trees.tree_graph`): one row of float32 in, the final logit
out. What is unknown travels as NaN and takes the branch learned for it. The prompt is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scoring.engine import EngineInput
from scoring.engines.reading import finite
from scoring.engines.table import TableWidth, check_table, only_row, open_row_graph

TREES = "trees.onnx"


@dataclass(frozen=True, slots=True)
class TreesEngine:
    """Boosted trees in ONNX Runtime."""

    trees: onnxruntime.InferenceSession
    width: TableWidth

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        for engine_input in inputs:
            check_table(engine_input, self.width)
        return [tree_logit(self.trees, engine_input.row) for engine_input in inputs]


def tree_logit(trees: onnxruntime.InferenceSession, row: NDArray[np.float32]) -> float:
    """Returns the logit of one row. Raises Unscorable for a logit that is NaN or infinite."""
    (logit,) = trees.run(None, only_row(row))
    return finite(float(np.asarray(logit)[0, 0]))


def load_trees_engine(path: Path, width: TableWidth) -> TreesEngine:
    """Loads the trees in folder `path`. Raises ArtifactError for trees on other columns."""
    return TreesEngine(open_row_graph(path / TREES, width.n_numbers), width)

"""Scores with an ONNX graph that takes one row of numbers: features, then columns. The prompt is
not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scoring.artifact import ArtifactError
from scoring.engine import EngineInput
from scoring.engines.onnx import open_session
from scoring.engines.reading import finite
from scoring.engines.table import TableWidth, check_table


@dataclass(frozen=True, slots=True)
class RowGraphEngine:
    """A graph in ONNX Runtime."""

    graph: onnxruntime.InferenceSession
    width: TableWidth

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        for engine_input in inputs:
            check_table(engine_input, self.width)
        return [row_logit(self.graph, engine_input.row) for engine_input in inputs]


def row_logit(graph: onnxruntime.InferenceSession, row: NDArray[np.float32]) -> float:
    """Returns the logit of one row. Raises Unscorable for a logit that is NaN or infinite."""
    (logit,) = graph.run(None, {"row": row.astype(np.float32)[None, :]})
    return finite(float(np.asarray(logit)[0, 0]))


def open_row_graph(path: Path, n_numbers: int) -> onnxruntime.InferenceSession:
    """Opens a graph that takes one `row` of so many numbers. Raises ArtifactError for a graph of
    another width: it was fitted with other columns."""
    session = open_session(path, 1)
    (row,) = session.get_inputs()
    if row.shape[1] != n_numbers:
        raise ArtifactError(
            f"{path} reads rows of {row.shape[1]} numbers, this artifact's features and columns "
            f"make {n_numbers}; fit and export it again"
        )
    return session

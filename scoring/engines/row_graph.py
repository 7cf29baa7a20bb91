"""Scores with an ONNX graph that takes one row of numbers: features, then columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scoring.artifact import ArtifactError
from scoring.engines.onnx import open_session
from scoring.engines.reading import finite
from scoring.engines.table import TableEngine, TableWidth


def row_logit(graph: onnxruntime.InferenceSession, row: NDArray[np.float32]) -> float:
    """Returns the logit of one row. Raises Unscorable for a logit that is NaN or infinite."""
    (logit,) = graph.run(None, {"row": row.astype(np.float32)[None, :]})
    return finite(float(np.asarray(logit)[0, 0]))


def load_row_graph(path: Path, width: TableWidth) -> TableEngine:
    """An engine of the graph. Raises ArtifactError."""
    graph = open_row_graph(path, width.n_numbers)
    return TableEngine(lambda rows: [row_logit(graph, row) for row in rows], width)


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

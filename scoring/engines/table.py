"""Checks the numbers of an engine's input, for every engine that reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scoring.artifact import ArtifactError
from scoring.engine import EngineInput, Unscorable
from scoring.engines.onnx import open_session


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


def open_row_graph(path: Path, width: int) -> onnxruntime.InferenceSession:
    """Opens a graph that takes one `row` of `width` numbers. Raises ArtifactError for a graph of
    another width: it was fitted with other columns."""
    session = open_session(path, 1)
    (row,) = session.get_inputs()
    if row.shape[1] != width:
        raise ArtifactError(
            f"{path} reads rows of {row.shape[1]} numbers, this artifact's features and columns "
            f"make {width}; fit and export it again"
        )
    return session


def only_row(numbers: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The inputs of a graph that takes one `row`."""
    return {"row": numbers.astype(np.float32)[None, :]}

"""Scores with a neural network for tables, DeepFM or DCN-v2, on features and own fields. No torch.

The network is an ONNX graph (`training.baselines.network_graph`) that also encodes: one row of
float32 in, NaN where unknown, the logit out.
"""

from __future__ import annotations

from pathlib import Path

from scoring.engines.row_graph import RowGraphEngine, open_row_graph
from scoring.engines.table import TableWidth

NETWORK = "network.onnx"


def load_network_engine(path: Path, width: TableWidth) -> RowGraphEngine:
    """Loads the network in folder `path`. Raises ArtifactError for one on other columns."""
    return RowGraphEngine(open_row_graph(path / NETWORK, width.n_numbers), width)

"""Scores with a neural network for tables, DeepFM or DCN-v2, on features and own fields. No torch.

The network is an ONNX graph (`training.baselines.network_graph`) that also encodes: one row of
float32 in, NaN where unknown, the logit out.
"""

from __future__ import annotations

from pathlib import Path

from scoring.engines.row_graph import load_row_graph
from scoring.engines.table import TableEngine, TableWidth

NETWORK = "network.onnx"


def load_network_engine(path: Path, width: TableWidth) -> TableEngine:
    """Loads the network in folder `path`. Raises ArtifactError for one on other columns."""
    return load_row_graph(path / NETWORK, width)

"""Scores with boosted trees on features and columns: no language model, no tokenizer, no lightgbm.

The trees are an ONNX ensemble (`training.trees.tree_graph`): one row of float32 in, the final logit
out. What is unknown travels as NaN and takes the branch learned for it.
"""

from __future__ import annotations

from pathlib import Path

from scoring.engines.row_graph import load_row_graph
from scoring.engines.table import TableEngine, TableWidth

TREES = "trees.onnx"


def load_trees_engine(path: Path, width: TableWidth) -> TableEngine:
    """Loads the trees in folder `path`. Raises ArtifactError for trees on other columns."""
    return load_row_graph(path / TREES, width)

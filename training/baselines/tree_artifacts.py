"""Writes fitted trees and stacks as artifacts, which are served without a training library."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx

from scoring.artifact import DataWindow, EngineKind, Manifest, load_manifest
from scoring.engine import EngineInput
from scoring.engines.trees import TREES, load_trees_engine
from training.artifact_folder import artifact_folder, seal
from training.baselines.facts import ArtifactFacts, data_window_of, describe, manifest_of
from training.dataset.example import Examples
from training.trees.boosted_trees import TunedTree
from training.trees.tree_graph import build_tree_graph

MAX_LOGIT_DIFFERENCE = 1e-4
"""Between the trees and their graph, which sums the same float32 values in another order."""


class GraphBroken(Exception):
    """The exported graph gives other logits than the trees: a bug of ours."""


def write_trees(out: Path, tree: TunedTree, examples: Examples, facts: ArtifactFacts) -> Manifest:
    """Writes trees as an artifact, complete or not at all. Raises NotOurs, and GraphBroken where
    the graph disagrees with the trees on `examples`."""
    with artifact_folder(out) as folder:
        _save_graph(folder, tree)
        graph_logits = load_trees_engine(folder, examples.features.shape[1]).logits(
            [EngineInput(row, "") for row in examples.features]
        )
        _check_graph(np.array(graph_logits), tree.logits(examples.features))
        describe(folder, facts, "Boosted trees on the features; no text is read.")
        return seal(folder, manifest_of(EngineKind.TREES, facts))


def write_stack(out: Path, tree: TunedTree, lm: Path, facts: ArtifactFacts) -> Manifest:
    """Writes the artifact `lm` with `tree` on top: its language model reads, the trees decide. The
    data window and the sources are of both. Complete or not at all. Raises NotOurs,
    ArtifactError."""
    below = load_manifest(lm)
    own, other = data_window_of(facts), below.data_window
    window = DataWindow(start=min(own.start, other.start), end=max(own.end, other.end))
    with artifact_folder(out) as folder:
        for name in below.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(lm / name, folder / name)
        _save_graph(folder, tree)
        text = (
            f"Boosted trees on the features and on the logit of {below.name}, which reads the text."
        )
        describe(folder, facts, text)
        stacked = {
            "engine": EngineKind.STACK,
            "renderer": facts.rendering.version,
            "name": facts.name,
            "calibration": facts.calibration,
            "horizon_days": facts.horizon_days,
            "label": facts.label,
            "dataset": below.dataset or facts.dataset,
            "sources": tuple(dict.fromkeys([*below.sources, *facts.sources])),
            "data_window": window,
            "metrics": dict(facts.metrics),
            "files": {},
        }
        return seal(folder, below.model_copy(update=stacked))


def _save_graph(folder: Path, tree: TunedTree) -> None:
    onnx.save(build_tree_graph(tree.booster, tree.init_logit), str(folder / TREES))


def _check_graph(graph_logits: np.ndarray, tree_logits: np.ndarray) -> None:
    gap = float(np.abs(graph_logits - tree_logits).max(initial=0.0))
    if not gap <= MAX_LOGIT_DIFFERENCE:
        raise GraphBroken(
            f"{TREES} and the trees differ by {gap:.6f} in a logit; the limit is "
            f"{MAX_LOGIT_DIFFERENCE}"
        )

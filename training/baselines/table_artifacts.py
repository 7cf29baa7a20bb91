"""Writes models of the table and stacks as artifacts, which are served without a training library.

Before an artifact is there it is loaded as a worker loads it: the columns it computes must be those
of the fit, bit for bit, and its logits those of the fitted model.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from scoring.artifact import DataWindow, EngineKind, Manifest, load_manifest
from scoring.columns.columns import Columns
from scoring.engines.columns_file import COLUMNS, WORDS_ARRAY, save_columns
from scoring.engines.linear import LINEAR
from scoring.engines.loading import load_scorer
from scoring.engines.network import NETWORK
from scoring.engines.trees import TREES
from scoring.floats import Floats
from training.artifact_folder import artifact_folder, seal
from training.baselines.baseline import Predictor
from training.baselines.columns.table import TableColumns
from training.baselines.facts import ArtifactFacts, data_window_of, describe, manifest_of
from training.baselines.logistic import LogisticPredictor
from training.baselines.tree import TreePredictor
from training.baselines.tree_rank import RankPredictor
from training.dataset.example import Examples
from training.trees.boosted_trees import TunedTree
from training.trees.tree_graph import build_tree_graph

MAX_LOGIT_DIFFERENCE = 1e-4
"""Between a model and what is served of it, which sums the same float32 values in another order."""

MAX_NAMED = 20
"""How many own fields a card names."""


class GraphBroken(Exception):
    """The exported model gives other columns or logits than the fitted one: a bug of ours."""


@dataclass(frozen=True, slots=True)
class TableExport:
    """A model of features and columns as it is to be served. `save` writes its files into a folder;
    `logits` are the fitted model's; `what` says what it is."""

    kind: EngineKind
    table: TableColumns
    save: Callable[[Path], None]
    logits: Callable[[Examples], Floats]
    what: str


def table_export(fitted: Predictor) -> TableExport | None:
    """How a fitted baseline is served; None for one that is for measuring."""
    match fitted:
        case TreePredictor(tree=tree, columns=TableColumns() as table):
            graph = build_tree_graph(tree.booster, tree.init_logit)
            save, what = partial(_save_graph, graph), "Boosted trees"
            return TableExport(EngineKind.TREES, table, save, fitted.logits, what)
        case RankPredictor(booster=booster, calibration=platt, columns=table):
            graph = build_tree_graph(booster, platt.b, scale=platt.a)
            save, what = partial(_save_graph, graph), "Boosted trees that rank (LambdaRank)"
            return TableExport(EngineKind.TREES, table, save, fitted.logits, what)
        case LogisticPredictor(columns=table):
            text = fitted.served.model_dump_json() + "\n"

            def save_linear(folder: Path) -> None:
                (folder / LINEAR).write_text(text, encoding="utf-8")

            what = "A logistic regression"
            return TableExport(EngineKind.LINEAR, table, save_linear, fitted.logits, what)
    return _network_export(fitted)


def _network_export(fitted: Predictor) -> TableExport | None:
    # Imports here: torch takes seconds to load, and whoever fitted a network has it loaded.
    if "training.baselines.deep_tabular" not in sys.modules:
        return None
    from training.baselines.deep_tabular import DeepPredictor
    from training.baselines.network_graph import build_network_graph

    if not isinstance(fitted, DeepPredictor):
        return None
    graph = build_network_graph(fitted.model, fitted.fields)

    def save(folder: Path) -> None:
        onnx.save(graph, str(folder / NETWORK))

    what = "A neural network for tables"
    return TableExport(EngineKind.NETWORK, fitted.columns, save, fitted.logits, what)


def write_table(
    out: Path, export: TableExport, examples: Examples, facts: ArtifactFacts
) -> Manifest:
    """Writes the model as an artifact, complete or not at all. Raises NotOurs, and GraphBroken
    where the artifact disagrees with the model on `examples`."""
    with artifact_folder(out) as folder:
        export.save(folder)
        _save_columns(folder, export.table.columns)
        reads = _reads(export.table.columns)
        describe(folder, facts, f"{export.what} on {reads}; no language model.")
        written = seal(folder, manifest_of(export.kind, facts))
        _check_served(folder, export, examples)
        return written


def write_stack(
    out: Path, tree: TunedTree, table: TableColumns, lm: Path, facts: ArtifactFacts
) -> Manifest:
    """Writes the artifact `lm` with `tree` on top, which reads `table` and the logit: its language
    model reads, the trees decide. The data window and the sources are of both. Complete or not at
    all. Raises NotOurs, ArtifactError."""
    below = load_manifest(lm)
    own, other = data_window_of(facts), below.data_window
    window = DataWindow(start=min(own.start, other.start), end=max(own.end, other.end))
    with artifact_folder(out) as folder:
        for name in set(below.files) - {COLUMNS, WORDS_ARRAY, LINEAR}:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(lm / name, folder / name)
        _save_graph(build_tree_graph(tree.booster, tree.init_logit), folder)
        _save_columns(folder, table.columns)
        reads = _reads(table.columns)
        text = f"Boosted trees on {reads}, and on the logit of {below.name}, which reads the text."
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


def _save_graph(graph: onnx.ModelProto, folder: Path) -> None:
    onnx.save(graph, str(folder / TREES))


def _save_columns(folder: Path, columns: Columns) -> None:
    if len(columns):
        save_columns(folder, columns)


def _reads(columns: Columns) -> str:
    names = [field.name for field in columns.own.fields]
    shown = ", ".join(names[:MAX_NAMED]) + (", …" if len(names) > MAX_NAMED else "")
    parts = [
        "the features",
        *([f"own fields ({shown})"] if names else []),
        *(["wrap-up codes"] if columns.own.codes else []),
        *(["counts and times"] if columns.aggregates else []),
        *(["the words of calls"] if columns.words else []),
    ]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _check_served(folder: Path, export: TableExport, examples: Examples) -> None:
    scorer = load_scorer(folder)
    inputs = list(examples.inputs(scorer.spec, scorer.columns))
    rows = np.array([one.row for one in inputs], dtype=np.float32).reshape(len(inputs), -1)
    if not np.array_equal(rows, export.table.rows(examples), equal_nan=True):
        raise GraphBroken("the artifact computes other columns than those it was fitted on")
    served, fitted = np.array(scorer.engine.logits(inputs)), export.logits(examples)
    gap = float(np.abs(served - fitted).max(initial=0.0))
    if not gap <= MAX_LOGIT_DIFFERENCE:
        raise GraphBroken(
            f"the artifact and the model differ by {gap:.6f} in a logit; the limit is "
            f"{MAX_LOGIT_DIFFERENCE}"
        )

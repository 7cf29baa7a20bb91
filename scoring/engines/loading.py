"""Loads an artifact folder: as an engine, or as a Scorer with its checks and prompt spec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from scoring.artifact import (
    ArtifactError,
    EngineKind,
    HeadKind,
    Manifest,
    digest,
    load_manifest,
    load_rendering,
)
from scoring.columns.columns import NO_COLUMNS, Columns
from scoring.engine import Engine
from scoring.engines.columns_file import COLUMNS, load_columns
from scoring.engines.kept_chunks import KEPT_BYTES
from scoring.engines.linear import LINEAR, load_linear_engine
from scoring.engines.network import load_network_engine
from scoring.engines.onnx import GRAPH, load_onnx_engine
from scoring.engines.reading import PromptReader, load_reader
from scoring.engines.readout import READOUT
from scoring.engines.remembered import LanguageModelEngine, RememberingEngine
from scoring.engines.rule import load_rule_engine
from scoring.engines.stack import load_stack_engine
from scoring.engines.table import TableWidth
from scoring.engines.trees import load_trees_engine
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering
from scoring.score import Scorer, build_scorer

UNREAD_BUDGET = 100_000
"""Characters, the `token_budget` of an artifact without a tokenizer: above any prompt, so that none
is cut for a model that does not read it."""


def load_scorer(path: Path, *, kept_bytes: int = KEPT_BYTES) -> Scorer:
    """Loads the artifact in folder `path`. `kept_bytes`: the memory for what its language model
    makes of prompts (`scoring.engines.kept_chunks`). Raises ArtifactError, in one clear sentence,
    when it cannot be used for scoring."""
    manifest = load_manifest(path)
    rendering = load_rendering(path, manifest)
    columns = load_columns(path) if COLUMNS in manifest.files else NO_COLUMNS
    columns = replace(columns, rendering=rendering)
    engine, count_tokens = load_engine(path, manifest, rendering, columns, kept_bytes)
    spec = PromptSpec(rendering, manifest.token_budget, count_tokens, manifest.turns)
    return build_scorer(manifest, digest(path), engine, spec, columns)


def load_engine(
    path: Path,
    manifest: Manifest,
    rendering: Rendering,
    columns: Columns = NO_COLUMNS,
    kept_bytes: int = KEPT_BYTES,
) -> tuple[Engine, Callable[[str], int]]:
    """Loads the engine of the artifact in folder `path`, and the token counter for its prompts.
    `rendering` and `columns`: the artifact's; `kept_bytes`: as for `load_scorer`. The stack
    runs its language model on ONNX where the artifact has that graph. Raises ArtifactError."""
    width = TableWidth(len(rendering.features), len(columns))
    match manifest.engine:
        case EngineKind.TREES:
            return load_trees_engine(path, width), len
        case EngineKind.NETWORK:
            return load_network_engine(path, width), len
        case EngineKind.LINEAR:
            return load_linear_engine(path, width), len
        case EngineKind.RULE:
            return load_rule_engine(path, rendering), len
        case EngineKind.ONNX | EngineKind.TORCH | EngineKind.STACK:
            return _load_reading_engine(path, manifest, width, kept_bytes)
        case _:
            assert_never(manifest.engine)


def _load_reading_engine(
    path: Path, manifest: Manifest, width: TableWidth, kept_bytes: int
) -> tuple[Engine, Callable[[str], int]]:
    if (path / READOUT).exists() and READOUT not in manifest.files:
        raise ArtifactError(
            f"{READOUT} of artifact {manifest.name} at {path} is not in its manifest; remove the "
            "file, or export the artifact again"
        )
    reader, count_tokens = load_reader(path, manifest.token_budget, manifest.turns)
    if manifest.engine is not EngineKind.STACK:
        lm = load_language_model(path, reader, manifest.engine, manifest.head, kept_bytes)
        return _remembering(lm), count_tokens
    kind = EngineKind.ONNX if GRAPH in manifest.files else EngineKind.TORCH
    lm = load_language_model(path, reader, kind, manifest.head, kept_bytes)
    is_linear = LINEAR in manifest.files
    stack = load_stack_engine(path, _remembering(lm), width, is_linear=is_linear)
    return stack, count_tokens


def _remembering(lm: LanguageModelEngine) -> Engine:
    """With a memory where what is remembered is what would be computed: batch mates on a GPU may
    change the last bits."""
    return RememberingEngine(lm) if lm.batch_size == 1 else lm


def load_language_model(
    path: Path,
    reader: PromptReader,
    kind: EngineKind,
    head: HeadKind = HeadKind.POINT,
    kept_bytes: int = KEPT_BYTES,
) -> LanguageModelEngine:
    """Loads the artifact's language model alone, in the runtime `kind`. The ONNX graph holds one
    head only."""
    match kind:
        case EngineKind.ONNX:
            return load_onnx_engine(path, reader, kept_bytes=kept_bytes)
        case EngineKind.TORCH:
            # Here and not above: the base install has no torch.
            try:
                from scoring.engines.torch import load_torch_engine
            except ImportError as error:
                raise ArtifactError(
                    f"the artifact at {path} runs on torch, which is not installed: "
                    "pip install 'asllr[gpu]'"
                ) from error
            return load_torch_engine(path, reader, head)
        case _:
            raise ValueError(f"{kind} is not a language model; load it with load_engine")

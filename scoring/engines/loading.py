"""Loads an artifact folder: as an engine, or as a Scorer with its checks and prompt spec."""

from __future__ import annotations

from collections.abc import Callable
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
from scoring.engine import Engine
from scoring.engines.onnx import GRAPH, load_onnx_engine
from scoring.engines.reading import PromptReader, load_reader
from scoring.engines.rule import load_rule_engine
from scoring.engines.stack import load_stack_engine
from scoring.engines.trees import load_trees_engine
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering
from scoring.score import Scorer, build_scorer

UNREAD_BUDGET = 100_000
"""Characters, the `token_budget` of an artifact without a tokenizer: above any prompt, so that none
is cut for a model that does not read it."""


def load_scorer(path: Path) -> Scorer:
    """Loads the artifact in folder `path`. Raises ArtifactError, in one clear sentence, when it
    cannot be used for scoring."""
    manifest = load_manifest(path)
    rendering = load_rendering(path, manifest)
    engine, count_tokens = load_engine(path, manifest, rendering)
    spec = PromptSpec(rendering, manifest.token_budget, count_tokens)
    return build_scorer(manifest, digest(path), engine, spec)


def load_engine(
    path: Path, manifest: Manifest, rendering: Rendering
) -> tuple[Engine, Callable[[str], int]]:
    """Loads the engine of the artifact in folder `path`, and the token counter for its prompts.
    `rendering`: the artifact's. The stack runs its language model on ONNX where the artifact has
    that graph."""
    n_features = len(rendering.features)
    match manifest.engine:
        case EngineKind.TREES:
            return load_trees_engine(path, n_features), len
        case EngineKind.RULE:
            return load_rule_engine(path, rendering), len
        case EngineKind.ONNX | EngineKind.TORCH | EngineKind.STACK:
            return _load_reading_engine(path, manifest, n_features)
        case _:
            assert_never(manifest.engine)


def _load_reading_engine(
    path: Path, manifest: Manifest, n_features: int
) -> tuple[Engine, Callable[[str], int]]:
    reader, count_tokens = load_reader(path, manifest.token_budget)
    if manifest.engine is not EngineKind.STACK:
        lm = load_language_model(path, reader, manifest.engine, manifest.head)
        return lm, count_tokens
    kind = EngineKind.ONNX if GRAPH in manifest.files else EngineKind.TORCH
    lm = load_language_model(path, reader, kind, manifest.head)
    return load_stack_engine(path, lm, n_features), count_tokens


def load_language_model(
    path: Path, reader: PromptReader, kind: EngineKind, head: HeadKind = HeadKind.POINT
) -> Engine:
    """Loads the artifact's language model alone, in the runtime `kind`. The ONNX graph holds one
    head only."""
    match kind:
        case EngineKind.ONNX:
            return load_onnx_engine(path, reader)
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
        case EngineKind.STACK | EngineKind.TREES | EngineKind.RULE:
            raise ValueError(f"{kind} is not a language model; load it with load_engine")

"""Engines: features and prompt in, logit out. One file each; only that file imports its library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from scoring.artifact import ArtifactError, EngineKind, Manifest
from scoring.engine import Engine
from scoring.engines.onnx import GRAPH, load_onnx_engine
from scoring.engines.reading import Reader, load_reader
from scoring.engines.stack import load_stack_engine
from scoring.features import FEATURES


def load_engine(path: Path, manifest: Manifest) -> tuple[Engine, Callable[[str], int]]:
    """The engine of the artifact in folder `path` and the token counter its prompts are built
    with. The stack runs its language model on ONNX where the artifact has that graph."""
    reader, count_tokens = load_reader(path, manifest.token_budget)
    match manifest.engine:
        case EngineKind.ONNX | EngineKind.TORCH:
            engine = load_language_model(path, reader, manifest.engine)
        case EngineKind.STACK:
            kind = EngineKind.ONNX if GRAPH in manifest.files else EngineKind.TORCH
            lm = load_language_model(path, reader, kind)
            engine = load_stack_engine(path, lm, len(FEATURES))
        case _:
            assert_never(manifest.engine)
    return engine, count_tokens


def load_language_model(path: Path, reader: Reader, kind: EngineKind) -> Engine:
    """The artifact's language model alone, in the runtime `kind`."""
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
            return load_torch_engine(path, reader)
        case EngineKind.STACK:
            raise ValueError("a stack is no language model; load_engine builds it")

"""An artifact folder becomes a Scorer: the checks, the engine and the prompt spec in one step."""

from __future__ import annotations

from pathlib import Path

from scoring.artifact import digest, load_manifest
from scoring.engines import load_engine
from scoring.score import Scorer, build_scorer


def load_scorer(path: Path) -> Scorer:
    """Raises ArtifactError with one clear sentence when the folder cannot be scored with."""
    manifest = load_manifest(path)
    engine, count_tokens = load_engine(path, manifest)
    return build_scorer(manifest, digest(path), engine, count_tokens)

"""Serving needs no training library, and the shipped artifact stays small."""

from __future__ import annotations

import subprocess
import sys

from scoring.artifact import MANIFEST, demo_artifact_path, load_manifest

MAX_BYTES = 8 * 1024 * 1024

SCORE_ONE_LEAD = """
import sys
import numpy as np
from scoring.artifact import demo_artifact_path, load_manifest
from scoring.engine import EngineInput
from scoring.engines import load_engine
from scoring.features import FEATURES
from scoring.prompt import MARKER
path = demo_artifact_path()
engine, count_tokens = load_engine(path, load_manifest(path))
table = np.full(len(FEATURES), np.nan, dtype=np.float32)
assert engine.logits([EngineInput(table, f"anything{MARKER}")])
heavy = {"torch", "transformers", "peft", "lightgbm", "onnx", "sklearn", "training"}
print(sorted(heavy & set(sys.modules)))
"""


def test_scoring_with_the_shipped_artifact_imports_no_training_library() -> None:
    command = [sys.executable, "-c", SCORE_ONE_LEAD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_artifact_is_whole_and_at_most_8_mb() -> None:
    path = demo_artifact_path()
    files = [path / MANIFEST, *(path / name for name in load_manifest(path).files)]
    assert sum(file.stat().st_size for file in files) <= MAX_BYTES
    assert {file.name for file in files} >= {"README.md", "metrics.json", "tokenizer.json"}
    assert not [file for file in path.rglob("*") if file.suffix in {".pkl", ".pt", ".bin"}]

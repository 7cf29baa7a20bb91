"""Serving needs no training library, and the shipped artifact stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scoring.artifact import MANIFEST, demo_artifact_path, load_manifest
from tests.support.engines.table_artifacts import (
    build_linear_artifact,
    build_rule_artifact,
    build_trees_artifact,
    small_columns,
)

MAX_BYTES = 8 * 1024 * 1024

SCORE_ONE_LEAD = """
import sys
from pathlib import Path
from scoring.engines.loading import load_scorer
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
scorer = load_scorer(Path(sys.argv[1]))
assert scorer.engine.logits([scorer.read(history_of(LeadState()), 0)])
heavy = {"torch", "transformers", "peft", "lightgbm", "onnx", "sklearn", "scipy", "training"}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["demo", "trees", "linear", "rule"])
def test_scoring_imports_no_training_library(kind: str, tmp_path: Path) -> None:
    path = {
        "demo": lambda _: demo_artifact_path(),
        "trees": build_trees_artifact,
        "linear": lambda path: build_linear_artifact(path, small_columns()),
        "rule": build_rule_artifact,
    }[kind](tmp_path / kind)
    command = [sys.executable, "-c", SCORE_ONE_LEAD, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_the_shipped_artifact_is_whole_and_at_most_8_mb() -> None:
    path = demo_artifact_path()
    files = [path / MANIFEST, *(path / name for name in load_manifest(path).files)]
    assert sum(file.stat().st_size for file in files) <= MAX_BYTES
    assert {file.name for file in files} >= {"README.md", "metrics.json", "tokenizer.json"}
    assert not [file for file in path.rglob("*") if file.suffix in {".pkl", ".pt", ".bin"}]

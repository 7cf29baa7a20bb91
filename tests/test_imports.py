"""What import-linter cannot hold: the front door is a module, and nothing may go through it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_nothing_imports_the_front_door() -> None:
    importers = [
        str(path.relative_to(ROOT))
        for folder in ("schemas", "scoring", "streams", "training")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if "asllr" in {name.partition(".")[0] for name in _imported(node)}
    ]
    assert importers == []


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom():
            return [node.module or ""]
        case _:
            return []


@pytest.mark.slow
def test_the_front_door_loads_no_training_library_and_no_engine() -> None:
    """The base install has no torch, and `asllr --help` should not wait for an engine."""
    heavy = ("torch", "transformers", "peft", "sklearn", "lightgbm", "onnxruntime", "faust")
    program = f"import asllr, sys; print([name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert loaded.stdout.strip() == "[]"

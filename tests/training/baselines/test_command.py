"""`asllr baseline`: what it refuses before it reads anything, and the rule of the first day."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from asllr import main
from scoring.artifact import EngineKind, load_manifest
from scoring.engines.loading import load_scorer
from training.cli.baseline import NAMES, STACK

RULE_WITHOUT_LIBRARIES = """
import sys
for name in ("torch", "lightgbm", "sklearn", "scipy", "onnx", "pyarrow", "transformers", "peft"):
    sys.modules[name] = None
from asllr import main
main(["baseline", "rule", "--out", sys.argv[1], "--json"])
"""


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["baseline", *arguments])
    return done.exit_code, done.output


def test_the_names_are_those_of_the_registry() -> None:
    pytest.importorskip("pyarrow", reason="needs the train extra")
    from training.baselines.registry import SERVED

    assert (*(name.value for name in SERVED), STACK) == NAMES


@pytest.mark.slow
def test_the_rule_of_the_first_day_needs_neither_data_nor_training_libraries(
    tmp_path: Path,
) -> None:
    out = tmp_path / "rule"
    command = [sys.executable, "-c", RULE_WITHOUT_LIBRARIES, str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout)["artifact"] == load_scorer(out).digest
    assert load_manifest(out).engine is EngineKind.RULE


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tree_tabular",), "needs a dataset folder"),
        (("rule",), "name a dataset to measure the rule on, or --out"),
        (("tree_practised", "d", "--out", "x"), "is not one of"),
        (("stack", "d", "--out", "x"), "--lm goes with stack"),
        (("tree_tabular", "d", "--lm", "demo"), "--lm goes with stack"),
        (("guess", "d"), "is not one of"),
        ((), "a baseline needs a dataset folder"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_read(
    arguments: tuple[str, ...], says: str
) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert says in output.replace("\n", " ")


@pytest.mark.train
@pytest.mark.slow
def test_a_folder_that_is_no_dataset_is_one_sentence(tmp_path: Path) -> None:
    code, output = run("tree_tabular", str(tmp_path / "nothing"), "--out", str(tmp_path / "out"))
    assert code == 78
    assert output.startswith("Error: no dataset at")
    assert output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []

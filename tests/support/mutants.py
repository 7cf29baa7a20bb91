"""The project with one of its rules taken out, in a folder of its own: tests of tests run there.

A mutant is a text of a source file and what stands there instead, so that the same means serve Lua
and Python, and a process started there runs the mutated code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("schemas", "scoring", "streams", "training", "tests")
LINKED = ("deploy", "pyproject.toml", "asllr.py")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands exactly once in `file`."""

    rule: str
    file: str
    old: str
    new: str

    def __str__(self) -> str:
        return self.rule.replace(" ", "-")


def plant(mutants: list[Mutant], folder: Path) -> Path:
    """A copy of the project with the mutants in it."""
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    for mutant in mutants:
        path = folder / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant.rule}: {mutant.file} holds {mutant.old!r} not exactly once")
        path.write_text(text.replace(mutant.old, mutant.new))
    return folder


def assert_noticed(rule: Mutant, folder: Path, noticing: Sequence[str]) -> None:
    """One of the tests that `noticing` selects fails without the rule, and none breaks."""
    pytest_there = ("-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider")
    done = run_there(plant([rule], folder), *pytest_there, *noticing)
    assert done.returncode == 1, done.stdout[-2000:]
    assert "1 failed" in done.stdout


def assert_unmutated_pass(folder: Path, noticing: Sequence[str]) -> None:
    """Else a failure with a mutant would prove nothing."""
    done = run_there(plant([], folder), "-m", "pytest", "-q", "-x", "--tb=line", *noticing)
    assert done.returncode == 0, done.stdout[-2000:]


def run_there(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python` with `arguments`, in a planted folder."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )

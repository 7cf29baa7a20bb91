"""Every command of the tutorials runs, in order, and prints what the page says it prints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from streams.settings import VARIABLES
from tests.docs.tutorial import MARK, broken_promises, script_of, steps_of
from tests.support.brokers import N_PARTITIONS

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"


def run_page(page: Path, folder: Path, servers: dict[str, str]) -> None:
    """In one fresh folder, with `asllr` of this checkout on the path."""
    steps = steps_of(page.read_text(encoding="utf-8"))
    assert sum(bool(step.promised) for step in steps) >= 2, f"{page.name} shows hardly any output"
    programs, work = folder / "bin", folder / "work"
    for one in (programs, work):
        one.mkdir()
    shim = programs / "asllr"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/asllr.py" "$@"\n')
    shim.chmod(0o755)
    output = folder / "output"
    ours = {variable.name for variable in VARIABLES}
    environ = {name: text for name, text in os.environ.items() if name not in ours} | servers
    with (
        output.open("wb") as file,
        subprocess.Popen(
            ["bash", "-c", script_of(steps)],
            cwd=work,
            env=environ | {"PATH": f"{programs}:{environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        ) as process,
    ):
        try:
            code = process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    printed = output.read_text(encoding="utf-8")
    assert code == 0, f"{page.name} ended with {code}:\n{printed[-3_000:]}"
    broken = broken_promises(steps, printed)
    assert not broken, "\n\n".join(broken)


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.timeout(600)
def test_first_queue_runs_as_it_is_written(tmp_path: Path, embedded: str, redis_url: str) -> None:
    servers = {
        "ASLLR_BROKER": embedded,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
    }
    run_page(TUTORIALS / "first-queue.md", tmp_path, servers)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_your_exports_runs_as_it_is_written(tmp_path: Path) -> None:
    run_page(TUTORIALS / "your-exports.md", tmp_path, {})


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.timeout(900)
def test_first_model_runs_as_it_is_written(tmp_path: Path) -> None:
    run_page(TUTORIALS / "first-model.md", tmp_path, {})


def test_every_tutorial_has_a_test() -> None:
    here = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{page.name}"' in here for page in TUTORIALS.iterdir())


PAGE = """```bash
asllr try
```
```text
3 leads
  …
```
```text-varies
took 12 s, AUC 0.71
```
"""


@pytest.mark.parametrize(
    ("printed", "n_broken"),
    [
        ("read it\n3   leads\nmore\ntook 7.5 s, AUC 0.70", 0),
        ("3 leads\ntook 12 s, AUC -0.70", 0),
        ("4 leads\ntook 12 s, AUC 0.71", 1),
        ("took 12 s, AUC 0.71\n3 leads", 1),
        ("3 leads\ntook long, AUC 0.71", 1),
    ],
)
def test_a_page_that_lies_is_found_out(printed: str, n_broken: int) -> None:
    assert len(broken_promises(steps_of(PAGE), f"{MARK}\n{printed}\n")) == n_broken

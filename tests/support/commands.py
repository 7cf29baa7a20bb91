"""The front door as people and machines use it: one command, or all roles at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from asllr import main

ROOT = Path(__file__).resolve().parents[2]


def asllr(environ: dict[str, str], *words: str | Path) -> str:
    """What the command printed; it must succeed."""
    result = run(environ, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def run(environ: dict[str, str], *words: str | Path) -> Result:
    """In this process, come what may."""
    return CliRunner().invoke(main, [str(word) for word in words], env=environ)


def process(environ: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, come what may."""
    return subprocess.run(
        [sys.executable, "asllr.py", *map(str, words)],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def running(environ: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`asllr run`, stopped by SIGTERM within what it promises."""
    with subprocess.Popen(
        [sys.executable, "asllr.py", "run", "--logs", str(folder / "logs")],
        cwd=ROOT,
        env=os.environ | environ,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
            process.terminate()
            assert process.wait(15) == 0
        finally:
            process.kill()

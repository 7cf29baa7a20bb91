"""The front door as people and machines use it: one command, or all roles at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from asllr import main
from streams.store.open_redis import look_at_redis_store
from tests.support.brokers import N_PARTITIONS

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


def answer(environ: dict[str, str], *words: str | Path) -> dict[str, Any]:
    """What the command, in a process of its own, says to machines; it must succeed."""
    done = process(environ, *words)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def is_done(redis_url: str, n_events: int) -> bool:
    """Whether the roles have applied so many events, scored the leads and published all."""
    store = look_at_redis_store(redis_url)
    shards = range(N_PARTITIONS)
    n_applied = sum(last + 1 for shard in shards for last in store.frontier(shard).values())
    return n_applied == n_events and not any(
        store.dirty_count(shard) or store.outbox_size(shard) for shard in shards
    )


def descendants(pid: int) -> set[int]:
    """Every living process below `pid`."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            child = int(stat.parent.name)
            found |= {child} | descendants(child)
    return found

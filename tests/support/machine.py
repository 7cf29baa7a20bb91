"""On what a figure was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    cpu: str
    cores: int
    load: float
    """Of the last minute: what else was running."""

    python: str
    commit: str

    def described(self) -> dict[str, object]:
        return asdict(self)


def this_machine() -> Machine:
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 0,
        load=round(os.getloadavg()[0], 2),
        python=platform.python_version(),
        commit=_commit(),
    )


def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str:
    """With a + when the tree differs from it."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude", "*"]
    here = Path(__file__).parent
    found = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"

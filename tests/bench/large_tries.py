"""How long `asllr try` takes with many leads and no calls, and how much memory a large file takes:
in processes of their own, of which the system tells both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from tests.support.leads.planted import planted_leads, write_exports

N_FIELDS = 40
LEADS_A_DAY_CALLED = 0.5
SPAN_DAYS = 300


@dataclass(frozen=True, slots=True)
class TimedTry:
    """`cpu_s`: user and system time; `peak_mb`: the most memory that was resident."""

    leads: int
    file_mb: float
    cpu_s: float
    wall_s: float
    peak_mb: float

    @property
    def line(self) -> str:
        return (
            f"{self.leads:,} leads without calls, {self.file_mb:,.0f} MB: {self.cpu_s:.0f} s of "
            f"CPU, {self.wall_s:.0f} s, {self.peak_mb:,.0f} MB of memory at most"
        )


def without_calls(n_leads: int) -> TimedTry:
    """Learns from the planted leads' columns, judges and ranks."""
    capacity = max(1, round(LEADS_A_DAY_CALLED * n_leads / SPAN_DAYS))
    with tempfile.TemporaryDirectory() as folder:
        paths = write_exports(Path(folder), planted_leads(1, n_leads, has_effect=True))
        words = [f"--{kind}={paths[kind]}" for kind in ("leads", "outcomes")]
        return _timed([*words, f"--capacity={capacity}"], n_leads, paths["leads"])


def large_file(n_bytes: int) -> TimedTry:
    """Reads and ranks leads of many columns by the rule."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leads.csv"
        n_leads = _write_leads(path, n_bytes)
        return _timed([f"--leads={path}"], n_leads, path)


def _write_leads(path: Path, n_bytes: int) -> int:
    columns = ",".join(f"Field {number}" for number in range(N_FIELDS))
    rows = [
        ",".join(f"word {(row * 7 + number) % 990} of the row" for number in range(N_FIELDS))
        for row in range(1_000)
    ]
    n = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(f"Lead ID,Created At,{columns}\n")
        for row in cycle(rows):
            n += 1
            file.write(f"L{n:08},2026-{1 + n % 9:02}-{1 + n % 28:02} 09:30,{row}\n")
            if file.tell() >= n_bytes:
                return n
    raise AssertionError("cycle ends")


def _timed(words: list[str], n_leads: int, path: Path) -> TimedTry:
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "asllr", "try", *words, "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"asllr try {' '.join(words)} ended with {process.returncode}")
    return TimedTry(
        leads=n_leads,
        file_mb=round(path.stat().st_size / 1e6, 1),
        cpu_s=round(used.ru_utime + used.ru_stime, 1),
        wall_s=round(time.monotonic() - began, 1),
        peak_mb=round(used.ru_maxrss / 1024, 1),
    )

"""`asllr try` with exports that are too large for memory: the same answer from temporary files, in
memory that does not grow with them, and nothing is left behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from asllr import main
from streams import exit_codes
from streams.cli.exports import try_request
from streams.importers.spool import events as event_spool
from streams.importers.spool import rows as row_spool
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.mapping import Purpose
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.leads.planted import planted_leads, write_exports

NOW = datetime(2026, 12, 1, tzinfo=UTC)
N_CHARS = 10_000


@pytest.fixture
def _little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_spool, "HELD_BYTES", 200_000)
    monkeypatch.setattr(row_spool, "FLUSHED_BYTES", 100_000)
    monkeypatch.setattr(row_spool, "N_NEWEST", 24)
    monkeypatch.setattr(event_spool, "HELD_BYTES", 400_000)
    monkeypatch.setattr(event_spool, "SORTED_BYTES", 100_000)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("exports")
    build_stub_artifact(folder / "artifacts" / "demo")
    return write_exports(folder, planted_leads(1, 300, has_effect=True))


def _tried(exports: Mapping[str, Path], *words: str) -> str:
    environ = {"ASLLR_ARTIFACTS": str(exports["leads"].parent / "artifacts")}
    run = CliRunner().invoke(main, ["try", *words, "--json"], env=environ)
    assert run.exit_code == 0, run.output
    return run.stdout


@pytest.mark.parametrize("model", [(), ("--artifact", "demo")], ids=["rule", "artifact"])
def test_the_first_places_are_those_of_a_small_export(
    exports: Mapping[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    model: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--leads", str(exports["leads"]), "--calls", str(exports["calls"]), "--top", "7"]
    mapping = tmp_path / "mapping.json"
    if model:  # the stub reads no column of these
        columns = _tried(exports, *words)
        known = json.loads(columns)["mapping"]
        mapping.write_text(json.dumps({**known, "profile": {"lead_source": "Branche"}}))
        words += ["--mapping", str(mapping), *model]
    small = _tried(exports, *words, "--save", "small")
    request.getfixturevalue("_little_memory")
    assert _tried(exports, *words, "--save", "large") == small.replace("small", "large")
    assert _bytes_in(tmp_path / "large") == _bytes_in(tmp_path / "small")


def _bytes_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.usefixtures("_little_memory")
def test_what_is_learned_from_large_files_is_what_is_learned_from_small_ones(
    exports: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {**exports}
    large = read_exports(paths, None, NOTHING_READ, NOW, Purpose.LEARN)
    assert large.read.events.are_filed
    monkeypatch.undo()
    small = read_exports(paths, None, NOTHING_READ, NOW, Purpose.LEARN)
    assert not small.read.events.are_filed
    assert [*large.read.events] == [*small.read.events]
    assert (large.mapping, large.remarks, large.read.counts, large.read.skipped) == (
        small.mapping,
        small.remarks,
        small.read.counts,
        small.read.skipped,
    )
    assert (large.read.n_orders, large.read.n_early) == (small.read.n_orders, small.read.n_early)


def _peak_bytes(folder: Path, n_calls: int) -> int:
    """What reading so many calls of N_CHARS takes at most."""
    leads, calls = folder / "leads.csv", folder / "calls.csv"
    leads.write_text("Lead ID,Created At\n" + "".join(f"L{n},2026-03-01\n" for n in range(20)))
    line = "Customer: " + "the price is right " * 50
    talk = "\n".join([line] * (N_CHARS // len(line)))
    with calls.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["Lead ID", "Started At", "Transcript"])
        rows.writerows(
            [f"L{n % 20}", f"2026-04-{1 + n % 28:02} 10:{n % 60:02}", talk] for n in range(n_calls)
        )
    tracemalloc.start()
    try:
        found = read_exports(
            {"leads": leads, "calls": calls}, None, NOTHING_READ, NOW, Purpose.LEARN
        )
        assert sum(1 for _ in found.read.events) == 20 + 2 * n_calls
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("_little_memory")
def test_memory_does_not_grow_with_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_spool, "HELD_BYTES", 2_000_000)
    few, many = (_peak_bytes(tmp_path, n) for n in (100, 400))
    assert many < 2 * few, "for four times as much that was said"


def test_too_much_to_learn_from_is_one_sentence(
    exports: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_request, "MAX_LEARNED_BYTES", 100_000)
    words = [word for kind, path in exports.items() for word in (f"--{kind}", str(path))]
    run = CliRunner().invoke(main, ["try", *words])
    assert run.exit_code == exit_codes.UNUSABLE
    assert "GB of memory to learn from, at most 0.0: export a shorter time" in run.stderr
    assert "Traceback" not in run.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_trial_that_is_ended_leaves_nothing_behind(
    exports: Mapping[str, Path], tmp_path: Path, number: signal.Signals
) -> None:
    spare = tmp_path / "spare"
    spare.mkdir()
    words = [word for kind, path in exports.items() for word in (f"--{kind}", str(path))]
    with subprocess.Popen(
        [sys.executable, "-m", "asllr", "try", *words, "--save", str(tmp_path / "kept")],
        env={**os.environ, "TMPDIR": str(spare)},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("learning"):  # its folders are there now
                process.send_signal(number)
                break
        rest = process.stderr.read()
        assert process.wait() == (1 if number is signal.SIGINT else 128 + number)
    assert "Traceback" not in rest
    assert [*tmp_path.iterdir()] == [spare]
    assert [*spare.iterdir()] == []

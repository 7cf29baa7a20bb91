"""Recordings in and boards out, from the command line."""

from __future__ import annotations

import gzip
import json
import os
from itertools import groupby
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asllr import main
from streams.recording.event_file import read_recording
from tests.support.engines.stub_artifact import build_stub_artifact

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("artifacts")
    build_stub_artifact(folder / "demo")
    return {"ASLLR_ARTIFACTS": str(folder)}


def asllr(environ: dict[str, str], *words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env=environ)


def test_simulated_recording_is_ranked_in_memory(environ: dict[str, str], tmp_path: Path) -> None:
    recording = tmp_path / "leads.jsonl.gz"
    written = asllr(environ, "simulate", "--leads", "30", "--out", recording)
    assert written.exit_code == 0
    assert f"{sum(1 for _ in read_recording(recording))} events" in written.stdout
    ranked = asllr(environ, "rank", recording, "--json", "--top", "1000")
    rows = [json.loads(line) for line in ranked.stdout.splitlines()]
    assert rows
    for _, board in groupby(rows, key=lambda row: row["queue"]):
        found = list(board)
        assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
        assert sorted((-row["probability"], row["lead"]) for row in found) == [
            (-row["probability"], row["lead"]) for row in found
        ]


def test_same_seed_gives_the_same_recording(environ: dict[str, str], tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    for path in (first, second):
        asllr(environ, "simulate", "--leads", "3", "--seed", "5", "--out", path)
    assert first.read_bytes() == second.read_bytes()


def test_damaged_recording_is_named_with_its_line(environ: dict[str, str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(b"not json\n"))
    result = asllr(environ, "rank", broken)
    assert result.exit_code == 78
    assert f"{broken}:1" in result.stderr


def test_wrong_data_set_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "full_info.csv").write_text("a,b\n1,2\n")
    (tmp_path / "full_dialog.csv").write_text("a,b\n1,2\n")
    out = tmp_path / "out.jsonl"
    result = asllr(environ, "import", "persuasion", tmp_path, "--out", out)
    assert result.exit_code == 78
    assert "full_info.csv" in result.stderr
    assert not out.exists()


@pytest.mark.data
def test_real_dialogues_become_a_board(environ: dict[str, str], tmp_path: Path) -> None:
    if "ASLLR_DATA" not in os.environ:
        pytest.skip("ASLLR_DATA names no folder of public data sets")
    folder = Path(os.environ["ASLLR_DATA"]) / "persuasion_for_good"
    out = tmp_path / "dialogues.jsonl"
    asllr(environ, "import", "persuasion", folder, "--without-outcomes", "--out", out)
    ranked = asllr(environ, "rank", out, "--top", "3", "--json")
    assert [json.loads(line)["rank"] for line in ranked.stdout.splitlines()] == [1, 2, 3]


def test_file_with_a_bad_corner_is_read_and_the_corner_told(
    environ: dict[str, str], tmp_path: Path
) -> None:
    recording = tmp_path / "leads.jsonl"
    asllr(environ, "simulate", "--leads", "3", "--out", recording)
    lines = recording.read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines) if "InteractionLogged" in line)
    whole = json.loads(lines[number])
    whole["event"]["data"]["duration_s"] = "SECRET"
    lines[number] = json.dumps(whole)
    recording.write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = asllr(environ, "rank", recording, "--json")
    assert told.exit_code == 0
    assert "1 event has a part that was mended or left out; the first:" in told.stderr
    assert f"{recording}:{number + 1}: $.duration_s: not a number" in told.stderr
    assert "SECRET" not in told.output

"""A command whose servers cannot start says which and why, and exits as for a service away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.exit_codes import AWAY
from tests.support.brokers import ServerNotStarted, check_kafka
from tests.support.mutants import ROOT, run_there


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that comes before all others on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def program(folder: Path, name: str, said: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {said} >&2\nexit 1\n")
    path.chmod(0o755)


@pytest.mark.slow
def test_java_that_does_not_run_is_one_sentence_with_its_own_words(
    programs: Path, tmp_path: Path
) -> None:
    for name in ("java", "mvn"):
        program(programs, name, "no memory for a JVM")
    done = run_there(ROOT, "-m", "tests.chaos", "--faults", "1", "--report", str(tmp_path))
    assert done.returncode == AWAY, done.stderr
    assert "Traceback" not in done.stderr
    assert "Apache Kafka" in done.stderr
    assert "no memory for a JVM" in done.stderr


def test_only_what_is_missing_is_named(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "java", "")
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(ServerNotStarted, match=r"no mvn; .* install maven") as missing:
        check_kafka()
    assert "jre" not in str(missing.value)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["tests.chaos", "tests.bench"])
def test_commands_without_kafka_end_without_a_traceback(
    command: str, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs))
    done = run_there(ROOT, "-m", command)
    assert done.returncode == AWAY, done.stderr
    assert "Traceback" not in done.stderr
    assert "no java and no mvn" in done.stderr

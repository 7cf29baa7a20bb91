"""Whoever waits is told how far it is, with what is left at the pace so far."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.codec import topic_of
from schemas.events import EventBase
from streams.cli.progress import TerminalProgress
from streams.recording.event_file import RecordedEvent, read_recording, write_recording
from streams.recording.record import record_file
from tests.support.commands import run
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.harness import Journal
from tests.support.leads.event_stream import events

N_EVENTS = 2_500


def later(event: EventBase) -> RecordedEvent:
    """An hour after it occurred."""
    return RecordedEvent(topic_of(event), event.occurred_at + timedelta(hours=1), event)


@pytest.fixture(params=["leads.jsonl", "leads.jsonl.gz"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    write_recording(path, map(later, events(4, N_EVENTS)))
    return path


@pytest.mark.slow
def test_reading_a_file_tells_of_each_of_its_bytes_on_the_way(recording: Path) -> None:
    told: list[int] = []
    assert len([*read_recording(recording, told.append)]) == N_EVENTS
    assert sum(told) == recording.stat().st_size
    assert len([n for n in told if n]) > 1


@pytest.mark.slow
def test_a_file_is_read_by_bytes_and_put_in_order_by_events(
    recording: Path, tmp_path: Path
) -> None:
    read: list[int] = []
    placed: list[int] = []
    totals: list[int] = []

    def progress(total: int) -> Callable[[int], None]:
        totals.append(total)
        assert sum(read) == recording.stat().st_size
        return placed.append

    record_file(recording, tmp_path / "day", 4, advanced=read.append, progress=progress)
    assert totals == [N_EVENTS]
    assert sum(placed) == N_EVENTS


def test_the_last_line_says_that_all_is_done_if_any_was_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = TerminalProgress("read", "bytes", 10)
    quick.advance(10)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("streams.cli.progress.EVERY_S", 0.0)
    told = TerminalProgress("read", "bytes", 10)
    told.advance(4)
    told.advance(6)
    lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r" [0-9,]+/s", " n/s", line) for line in lines] == [
        "read 4 of 10 bytes, n/s, 0 s left",
        "read 10 of 10 bytes, n/s, 0 s left",
    ]


@pytest.mark.slow
@pytest.mark.service
@pytest.mark.parametrize("source", ["kafka", "file"])
def test_commands_say_what_is_left_of_any_source(
    source: str, embedded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.cli.progress.EVERY_S", 0.0)
    build_rule_artifact(tmp_path / "artifacts" / "demo")
    environ = {
        "ASLLR_BROKER": embedded,
        "ASLLR_PARTITIONS": "4",
        "ASLLR_ARTIFACTS": str(tmp_path / "artifacts"),
    }
    story = [*events(4, 300)]
    if source == "kafka":
        journal = Journal(embedded)
        journal.send(story)
        journal.flush()
    else:
        source = str(tmp_path / "leads.jsonl")
        write_recording(Path(source), map(later, story))
    verb = "recorded" if source == "kafka" else "read"
    replayed = run(environ, "replay", source, "--policy", "never")
    explained = run(environ, "explain", str(story[0].key), "--source", source)
    for result, verbs in ((replayed, (verb, "replayed")), (explained, ("read",))):
        assert result.exit_code == 0, result.output
        for wanted in verbs:
            lines = [line for line in result.stderr.splitlines() if line.startswith(f"{wanted} ")]
            assert all(re.search(r", \d+ s left$", line) for line in lines)
            done, total = re.findall(r"[0-9,]+", lines[-1])[:2]
            assert done == total != "0"

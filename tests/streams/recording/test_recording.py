"""Recordings: what is written is read again, in bytes that do not change, and a bad line is
named."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import topic_of
from schemas.events import EventBase, LeadClosed
from streams.recording.event_file import (
    MAX_LINE_BYTES,
    RecordedEvent,
    RecordingError,
    history,
    line_of,
    parse_line,
    read_recording,
    write_recording,
)
from tests.schemas.strategies import events
from tests.support.leads.event_stream import events as stream_of_events

SECRET = "4111 1111"


def _ingested(event: EventBase, delay: timedelta = timedelta(seconds=2)) -> RecordedEvent:
    """After all that it speaks of, as a broker would have it."""
    latest = max(event.occurred_at, getattr(event, "started_at", event.occurred_at))
    return RecordedEvent(topic_of(event), latest + delay, event)


def _recorded(n: int = 50) -> list[RecordedEvent]:
    return [_ingested(event) for event in stream_of_events(5, n)]


@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
def test_recording_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    recorded = _recorded()
    assert write_recording(tmp_path / name, recorded) == len(recorded)
    assert list(read_recording(tmp_path / name)) == recorded


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_same_events_give_the_same_bytes_whatever_the_file_is_called(
    tmp_path: Path, suffix: str
) -> None:
    for name in ("a", "b"):
        write_recording(tmp_path / f"{name}{suffix}", _recorded())
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.slow
@given(events, st.timedeltas(timedelta(0), timedelta(days=99)))
def test_any_event_survives_a_line(event: EventBase, delay: timedelta) -> None:
    recorded = _ingested(event, delay)
    line = line_of(recorded)
    assert line.count(b"\n") == 1
    assert parse_line(line, "x:1") == recorded


def test_interrupted_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    write_recording(path, _recorded(3))
    before = path.read_bytes()

    def breaks() -> Iterator[RecordedEvent]:
        yield from _recorded(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_recording(path, breaks())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["day.jsonl"]


GOOD = line_of(_recorded(1)[0]).decode()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON"),
        ("[]", "expected an object with topic, ingested_at and event"),
        ('{"topic":"crm.events"}', "expected an object with topic"),
        (
            GOOD.replace('"ingested_at":"2', '"ingested_at":"x2'),
            "ingested_at is not an RFC 3339 time",
        ),
        (GOOD.replace("asllr.", f"{SECRET}."), "unknown-type"),
        (GOOD.replace('"topic":"', '"topic":"x'), "wrong-topic"),
        (GOOD.replace('"specversion":"1.0"', '"specversion":"2"'), "not-a-cloudevent"),
        (GOOD.replace('"ingested_at":"2025', '"ingested_at":"2024'), "in-the-future"),
        (f'{{"x":"{"x" * MAX_LINE_BYTES}"}}', "line longer than"),
    ],
)
def test_bad_line_is_named_and_not_quoted(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text(GOOD + "\n" + line + "\n" + GOOD)
    reader = read_recording(path)
    next(reader)
    with pytest.raises(RecordingError) as caught:
        list(reader)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)


def test_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD.encode() * 99)[:-20])
    with pytest.raises(RecordingError, match="damaged gzip file"):
        list(read_recording(path))
    path.write_bytes(b"no gzip at all")
    with pytest.raises(RecordingError, match="damaged gzip file"):
        list(read_recording(path))


def test_history_is_ingested_when_it_occurred() -> None:
    event = LeadClosed(
        id="1", source="crm", tenant="t", lead="l", occurred_at="2012-03-01T12:00:00+01:00"
    )
    assert history(event).ingested_at == event.occurred_at

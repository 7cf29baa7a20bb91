"""A recording keeps every byte of every record, and says which segment is damaged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Record
from schemas.topics import CRM_EVENTS
from streams.recording import folder as recording_module
from streams.recording.event_file import RecordingError
from streams.recording.folder import MANIFEST, RecordingWriter, new_folder, open_recording
from streams.recording.segment import line_of, pack, unpack
from tests.streams.replay.logs import N_PARTITIONS, recorded
from tests.support.leads.event_stream import events
from tests.support.leads.records import log_of

ROOT = Path(__file__).parents[3]
CONTENT = st.none() | st.binary(max_size=40) | st.text(max_size=20).map(str.encode)
RECORDS = st.builds(
    Record,
    topic=st.just(CRM_EVENTS.name),
    partition=st.integers(0, 9),
    offset=st.integers(0, 2**60),
    timestamp_ms=st.integers(-1, 2**50),
    key=CONTENT,
    value=CONTENT,
    headers=st.lists(st.tuples(st.text(max_size=5), CONTENT), max_size=3).map(tuple),
)


@given(st.lists(RECORDS, max_size=5))
def test_any_record_survives_a_segment(records: list[Record]) -> None:
    packed, digest = pack(map(line_of, records))
    assert list(unpack(packed, digest)) == records


def some_records(n: int = 60) -> list[Record]:
    log = log_of(events(5, n), n_partitions=N_PARTITIONS)
    return [record for records in log.values() for record in records]


def test_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    records = some_records()
    folder = recorded(tmp_path / "day", records)
    for topic, partition in {(record.topic, record.partition) for record in records}:
        wanted = [r for r in records if (r.topic, r.partition) == (topic, partition)]
        assert list(folder.records(topic, partition)) == wanted
    assert sum(one.n_records for one in folder.manifest.ranges) == len(records)


def test_a_partition_is_cut_into_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "SEGMENT_BYTES", 2_000)
    folder = recorded(tmp_path / "day", some_records())
    assert len(folder.manifest.segments) > 10
    read = [
        record
        for one in folder.input_ranges()
        for record in folder.records(one.topic, one.partition)
    ]
    assert sorted(read, key=repr) == sorted(some_records(), key=repr)


def test_damaged_segment_is_named(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "day", some_records())
    entry = folder.manifest.segments[0]
    path = tmp_path / "day" / entry.file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=f"segment {entry.file} is damaged: its sha256"):
        list(folder.records(entry.topic, entry.partition))
    path.unlink()
    with pytest.raises(RecordingError, match=f"segment {entry.file} is missing"):
        list(folder.records(entry.topic, entry.partition))


def test_segment_that_the_manifest_misdescribes_is_named(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "day", some_records())
    manifest = json.loads((tmp_path / "day" / MANIFEST).read_text())
    manifest["segments"][0]["n_records"] += 1
    (tmp_path / "day" / MANIFEST).write_text(json.dumps(manifest))
    entry = folder.manifest.segments[0]
    with pytest.raises(RecordingError, match=f"{entry.file} has .* records, the manifest says"):
        list(open_recording(tmp_path / "day").records(entry.topic, entry.partition))


def test_a_segment_that_the_manifest_does_not_list_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording_module, "SEGMENT_BYTES", 2_000)
    recorded(tmp_path / "day", some_records())
    path = tmp_path / "day" / MANIFEST
    manifest = json.loads(path.read_text())
    gone = manifest["segments"].pop(3)
    path.write_text(json.dumps(manifest))
    of = f"{gone['topic']}/{gone['partition']}"
    lacks = rf"lacks {gone['n_records']} of the \d+ records of {of}:"
    with pytest.raises(RecordingError, match=lacks):
        open_recording(tmp_path / "day")


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ("{", "is not the manifest of a recording"),
        ('{"format": 1}', "is not the manifest of a recording"),
        (None, "is not a recording"),
    ],
)
def test_folder_that_is_no_recording_is_named(
    tmp_path: Path, manifest: str | None, says: str
) -> None:
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(RecordingError, match=says):
        open_recording(tmp_path)


def test_recording_of_a_later_format_is_refused(tmp_path: Path) -> None:
    recorded(tmp_path / "day", some_records())
    manifest = tmp_path / "day" / MANIFEST
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(RecordingError, match="recording format 2, this asllr reads 1"):
        open_recording(tmp_path / "day")


def test_interrupted_recording_leaves_nothing(tmp_path: Path) -> None:
    def write_and_break() -> None:
        with new_folder(tmp_path / "day") as folder:
            RecordingWriter(folder).add(some_records()[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_break()
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="exists: name another folder"), new_folder(tmp_path):
        pass
    assert tmp_path.is_dir()


KILLED = """
import os, signal, sys
from pathlib import Path
from streams.recording.folder import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    day = tmp_path / "day"
    ended = subprocess.run([sys.executable, "-c", KILLED, day], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "day.part" / "half").exists()
    with new_folder(day) as folder:
        (folder / "whole").touch()
    assert list(tmp_path.iterdir()) == [day]
    assert list(day.iterdir()) == [day / "whole"]


def test_a_folder_of_somebody_else_is_not_removed(tmp_path: Path) -> None:
    mine = tmp_path / "day.part" / "mine"
    mine.parent.mkdir()
    mine.touch()
    refused = pytest.raises(RecordingError, match="asllr did not make it")
    with refused, new_folder(tmp_path / "day"):
        pass
    assert mine.exists()


def test_a_folder_that_another_run_writes_is_not_touched(tmp_path: Path) -> None:
    day = tmp_path / "day"
    with new_folder(day) as folder:
        (folder / "half").touch()
        refused = pytest.raises(RecordingError, match="is being written by another run")
        with refused, new_folder(day):
            pass
        assert (folder / "half").exists()
    assert list(day.iterdir()) == [day / "half"]

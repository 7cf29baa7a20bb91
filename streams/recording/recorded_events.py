"""The events of a recording of either form: what a dataset is built from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from schemas.record_check import BadRecord, decode
from schemas.timestamps import from_ms
from streams.recording.erased import erased_leads
from streams.recording.event_file import RecordedEvent, read_recording
from streams.recording.folder import RecordingFolder, open_recording


def recorded_events(path: Path) -> Iterator[RecordedEvent]:
    """All events of a recording: those of a file in its order, those of a folder topic by topic. A
    folder is what Kafka held: what became a dead letter is left out, and so is everything about
    leads that asked to be forgotten. Raises RecordingError."""
    return _of_folder(open_recording(path)) if path.is_dir() else read_recording(path)


def _of_folder(folder: RecordingFolder) -> Iterator[RecordedEvent]:
    erased = erased_leads(folder)
    for log_range in folder.input_ranges():
        for record in folder.records(log_range.topic, log_range.partition):
            try:
                event = decode(record, n_partitions=folder.manifest.n_partitions)
            except BadRecord:
                continue
            if str(event.key) not in erased:
                yield RecordedEvent(log_range.topic, from_ms(record.timestamp_ms), event)

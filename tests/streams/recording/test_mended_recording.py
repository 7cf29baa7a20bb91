"""A record of which a part was mended is one state: live, in a recording of Kafka, in a file of
events and in a recording that was made of the file."""

from __future__ import annotations

from pathlib import Path

from schemas.codec import Record, encode
from schemas.events import InteractionLogged
from schemas.ids import record_key
from schemas.partitioner import partition_for
from schemas.record_check import decode
from schemas.timestamps import from_ms
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from streams.recording.event_file import RecordedEvent, read_recording, write_recording
from streams.recording.folder import open_recording
from streams.recording.record import record_file
from streams.recording.recorded_events import recorded_events

N_PARTITIONS = 4
LEAD = "north/jane%40example.com"
TENANT, NAME = LEAD.split("/")


def test_mended_event_is_the_same_state_wherever_it_is_read(tmp_path: Path) -> None:
    key, _, headers = encode(
        InteractionLogged(
            id="1",
            source="crm",
            tenant=TENANT,
            lead=NAME,
            occurred_at="2026-01-31T09:30:00Z",
            channel="visit",
        )
    )
    assert key == record_key(LEAD) == b"north/jane@example.com"
    value = b'{"channel": "Test Drive", "duration_s": -1, "note": "back on Monday"}'
    place = partition_for(key, N_PARTITIONS)
    record = Record("crm.events", place, 0, 1_800_000_000_000, key, value, tuple(headers))
    live = decode(record, n_partitions=N_PARTITIONS)
    wanted = to_bytes(fold([live]))

    file = tmp_path / "events.jsonl"
    write_recording(file, [RecordedEvent(record.topic, from_ms(record.timestamp_ms), live)])
    (of_file,) = read_recording(file, mended=lambda what: [][0])  # mended once, told once
    record_file(file, tmp_path / "folder", N_PARTITIONS)
    (of_folder,) = recorded_events(tmp_path / "folder")
    folder = open_recording(tmp_path / "folder")
    (again,) = folder.records("crm.events", place)

    assert (again.key, again.partition) == (key, place)
    assert live == of_file.event == of_folder.event == decode(again, n_partitions=N_PARTITIONS)
    assert {to_bytes(fold([one.event])) for one in (of_file, of_folder)} == {wanted}

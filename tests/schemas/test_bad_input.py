"""Every kind of bad input becomes a `BadRecord` with its reason, a detail that quotes no lead text
and a fix; what only looks bad is accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic_core import from_json, to_json

from schemas.codec import Record, encode
from schemas.dead_letter import MENDED
from schemas.events import EventBase
from schemas.record_check import BadRecord, decode, read
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS, INPUTS
from tests.support.leads.hostile import NEIGHBOUR, Hostile, hostile_records, kinds_of

N_PARTITIONS = 4
BROKER_TIME_MS = 1_760_000_000_000  # October 2025, after every time the generator writes
SECRETS = ("ends at 5", "hello", "yes", "somebody-else", "pigeon", "spouse", "Ünnamed", "léad")


def _decode(hostile: Hostile, topic: str) -> EventBase:
    return decode(_record(hostile, topic), n_partitions=N_PARTITIONS)


def _record(hostile: Hostile, topic: str) -> Record:
    return Record(
        topic,
        hostile.partition,
        0,
        BROKER_TIME_MS,
        hostile.key,
        hostile.value,
        hostile.headers,
    )


def _one_of_each(topic: str) -> list[Hostile]:
    n_kinds = len(list(kinds_of(topic, N_PARTITIONS)))
    records = hostile_records(7, n_kinds, topic, n_partitions=N_PARTITIONS)
    return [record for record in records if record.label != NEIGHBOUR]


CASES = [
    pytest.param(hostile, topic.name, id=f"{topic.name}-{hostile.label}".replace(" ", "-"))
    for topic in INPUTS
    for hostile in _one_of_each(topic.name)
]


REFUSED = [c for c in CASES if c.values[0].reason not in (None, MENDED)]
MENDABLE = [c for c in CASES if c.values[0].reason == MENDED]


@pytest.mark.parametrize(("hostile", "topic"), REFUSED)
def test_bad_record_is_refused_for_its_reason(hostile: Hostile, topic: str) -> None:
    with pytest.raises(BadRecord) as caught:
        _decode(hostile, topic)
    bad = caught.value
    assert bad.reason == hostile.reason
    assert bad.detail
    assert bad.fix
    assert not [secret for secret in SECRETS if secret in bad.detail]
    assert len(bad.detail) < 700
    assert "\x00" not in bad.detail + bad.fix
    assert bad.__cause__ is None


@pytest.mark.parametrize(("hostile", "topic"), MENDABLE)
def test_record_with_one_bad_corner_is_kept_and_the_corner_named(
    hostile: Hostile, topic: str
) -> None:
    event, parts, n = read(_record(hostile, topic), n_partitions=N_PARTITIONS)
    assert (event.id, event.mended) == (hostile.event_id, True)
    assert 1 <= len(parts) <= n
    assert all(part.path.startswith("$.") and part.what for part in parts)
    said = " ".join(f"{part.path} {part.what}" for part in parts)
    assert not [secret for secret in SECRETS if secret in said]
    assert len(said) < 2_000
    assert "\x00" not in said
    key, value, headers = encode(event)
    again = Record(topic, hostile.partition, 0, BROKER_TIME_MS, key, value, headers)
    assert read(again, n_partitions=N_PARTITIONS) == (event, (), 0)


@pytest.mark.parametrize(("hostile", "topic"), [c for c in CASES if not c.values[0].reason])
def test_record_that_only_looks_bad_is_accepted(hostile: Hostile, topic: str) -> None:
    event = _decode(hostile, topic)
    assert event.id == hostile.event_id
    key, value, headers = encode(event)
    again = Record(topic, hostile.partition, 0, BROKER_TIME_MS, key, value, headers)
    assert decode(again, n_partitions=N_PARTITIONS) == event


@pytest.mark.parametrize("topic", [topic.name for topic in INPUTS])
def test_hostile_stream_keeps_every_neighbour_and_is_the_same_twice(topic: str) -> None:
    first = list(hostile_records(3, 400, topic, n_partitions=N_PARTITIONS))
    assert first == list(hostile_records(3, 400, topic, n_partitions=N_PARTITIONS))
    neighbours = [hostile for hostile in first if hostile.label == NEIGHBOUR]
    assert len(neighbours) == 100
    assert len({hostile.event_id for hostile in first}) == len(first)
    for hostile in neighbours:
        assert _decode(hostile, topic).id == hostile.event_id


def _transcript(**patch: object) -> Hostile:
    records = hostile_records(1, 4, ASR_TRANSCRIPTS.name, n_partitions=N_PARTITIONS)
    valid = next(record for record in records if record.label == NEIGHBOUR)
    return replace(valid, value=to_json(from_json(valid.value or b"") | patch))


def test_transcript_of_five_megabytes_is_too_large() -> None:
    segment = {"role": "agent", "start_s": 0, "end_s": 1, "text": "x" * 9_000}
    with pytest.raises(BadRecord, match=r"^too-large: 5[0-9]{6} bytes, limit 1048576$"):
        _decode(_transcript(segments=[segment] * 600), ASR_TRANSCRIPTS.name)


def test_clock_five_minutes_ahead_is_accepted_and_a_millisecond_more_is_not() -> None:
    hostile = _transcript(started_at="2025-06-01T12:00:00Z")
    started_ms = 1_748_779_200_000
    headers = [(n, b"2025-06-01T12:00:00Z" if n == "ce_time" else v) for n, v in hostile.headers]

    def at(timestamp_ms: int) -> EventBase:
        record = Record(
            ASR_TRANSCRIPTS.name,
            hostile.partition,
            0,
            timestamp_ms,
            hostile.key,
            hostile.value,
            headers,
        )
        return decode(record, n_partitions=N_PARTITIONS)

    assert at(started_ms - 300_000)
    with pytest.raises(BadRecord, match=r"^in-the-future: .*300 s"):
        at(started_ms - 300_001)
    with pytest.raises(BadRecord) as caught:
        at(-1)
    assert "LogAppendTime" in caught.value.fix


def test_last_of_two_equal_members_wins() -> None:
    """JSON leaves it open; what matters is that it is the same every time."""
    records = hostile_records(1, 4, CRM_EVENTS.name, n_partitions=1)
    valid = next(record for record in records if record.label == NEIGHBOUR)
    headers = [(n, b"asllr.StageChanged.v1" if n == "ce_type" else v) for n, v in valid.headers]
    record = Record(
        CRM_EVENTS.name,
        0,
        0,
        BROKER_TIME_MS,
        valid.key,
        b'{"stage":"new","stage":"visit"}',
        headers,
    )
    assert getattr(decode(record, n_partitions=1), "stage", None) == "visit"

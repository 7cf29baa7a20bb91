"""A record whose header name is not UTF-8 is a bad record, not the end of a consumer."""

from __future__ import annotations

import inspect
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.codec import gzip_encode, lz4_encode
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from schemas.codec import Record, encode
from schemas.events import EventBase
from schemas.record_check import BadRecord, decode
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS
from streams.ingest.header_names import AnyRecords
from tests.support.leads.event_stream import events
from tests.support.leads.records import NOW_MS

GZIP, LZ4 = 1, 3
CRC_AT, CRC_FROM = 17, 21
PLACEHOLDER, BROKEN = b"placeholder", b"placeh\xff\xfeder"

Headers = Sequence[tuple[str, bytes | None]]


def _batch(records: Sequence[tuple[bytes, bytes, Headers]], codec: int = 0) -> bytes:
    """A batch as a broker returns it, in which PLACEHOLDER names have become BROKEN ones."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    for offset, (key, value, headers) in enumerate(records):
        builder.append(offset, 1_000 + offset, key, value, list(headers))
    data = bytearray(bytes(builder.build()).replace(PLACEHOLDER, BROKEN))
    if codec:
        data = _compressed(data, codec)
    struct.pack_into(">I", data, CRC_AT, crc32c(bytes(data[CRC_FROM:])))
    return bytes(data)


def _compressed(data: bytearray, codec: int) -> bytearray:
    header_bytes = 61
    body = (gzip_encode if codec == GZIP else lz4_encode)(bytes(data[header_bytes:]))
    whole = data[:header_bytes] + body
    struct.pack_into(">i", whole, 8, len(whole) - 12)
    struct.pack_into(">h", whole, CRC_FROM, codec)
    return whole


EVENTS = [encode(event) for event in events(3, 12)]
SPOILT = [
    (key, value, [*headers, ("placeholder", b"1"), ("é", None)] if i in (4, 9) else headers)
    for i, (key, value, headers) in enumerate(EVENTS)
]


@pytest.mark.parametrize("codec", [0, GZIP, LZ4])
def test_every_record_of_the_batch_is_read_with_the_name_made_readable(codec: int) -> None:
    data = _batch(SPOILT, codec)
    with pytest.raises(UnicodeDecodeError):
        list(MemoryRecords(data).next_batch())
    records = AnyRecords(data)
    batch = records.next_batch()
    assert batch.validate_crc()
    read = list(batch)
    assert not records.has_next()
    assert [record.offset for record in read] == list(range(len(SPOILT)))
    expected = [
        (key, value, [(name.replace("placeholder", "placeh??der"), c) for name, c in headers])
        for key, value, headers in SPOILT
    ]
    assert [(r.key, r.value, list(r.headers)) for r in read] == expected


def test_readable_batches_are_read_as_aiokafka_reads_them() -> None:
    data = _batch(EVENTS) + _batch(EVENTS[:3], GZIP) + b"\x00\x01"
    ours, theirs = AnyRecords(data), MemoryRecords(data)
    assert ours.size_in_bytes() == theirs.size_in_bytes()
    n_batches = 0
    while theirs.has_next():
        assert ours.has_next()
        one, other = ours.next_batch(), theirs.next_batch()
        assert (one.base_offset, one.next_offset) == (other.base_offset, other.next_offset)
        assert one.producer_id == other.producer_id
        assert [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in one] == [
            (r.offset, r.timestamp, r.key, r.value, r.headers) for r in other
        ]
        n_batches += 1
    assert not ours.has_next()
    assert n_batches == 2


def test_record_with_a_broken_name_is_judged_by_the_rest_of_it() -> None:
    foreign = (b"acme/x", b"{}", [("placeholder", b"1")])
    *ours, last = AnyRecords(_batch([*SPOILT, foreign])).next_batch()
    for record in ours:
        assert _decoded(record)
    with pytest.raises(BadRecord, match=r"^not-a-cloudevent"):
        _decoded(last)


def _decoded(read: Any) -> EventBase:
    is_transcript = b"asllr.TranscriptReady.v1" in [content for _, content in read.headers]
    topic = ASR_TRANSCRIPTS.name if is_transcript else CRM_EVENTS.name
    record = Record(topic, 0, read.offset, NOW_MS, read.key, read.value, read.headers)
    return decode(record, n_partitions=1)


def test_the_fetcher_still_finds_its_parser_where_we_put_ours() -> None:
    assert "= MemoryRecords(" in inspect.getsource(Fetcher._proc_fetch_request)

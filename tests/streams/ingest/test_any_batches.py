"""A record whose header name is not UTF-8 is a bad record, not the end of a consumer."""

from __future__ import annotations

import inspect
import struct
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given

from schemas.codec import Record, encode
from schemas.events import EventBase
from schemas.record_check import BadRecord, decode
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS, MAX_RECORD_BYTES
from streams.ingest.any_batches import AnyRecords
from tests.support.leads.event_stream import events
from tests.support.leads.records import NOW_MS

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
LIMIT = 1 << 20
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


ENCODE = {GZIP: gzip_encode, SNAPPY: snappy_encode, LZ4: lz4_encode, ZSTD: zstd_encode}


def _compressed(data: bytearray, codec: int) -> bytearray:
    header_bytes = 61
    body = ENCODE[codec](bytes(data[header_bytes:]))
    whole = data[:header_bytes] + body
    struct.pack_into(">i", whole, 8, len(whole) - 12)
    struct.pack_into(">h", whole, CRC_FROM, codec)
    return whole


EVENTS = [encode(event) for event in events(3, 12)]
SPOILT = [
    (key, value, [*headers, ("placeholder", b"1"), ("é", None)] if i in (4, 9) else headers)
    for i, (key, value, headers) in enumerate(EVENTS)
]


@pytest.mark.parametrize("codec", [0, *ENCODE])
def test_every_record_of_the_batch_is_read_with_the_name_made_readable(codec: int) -> None:
    data = _batch(SPOILT, codec)
    with pytest.raises(UnicodeDecodeError):
        list(MemoryRecords(data).next_batch())
    records = AnyRecords(data, LIMIT)
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
    data = _batch(EVENTS) + b"".join(_batch(EVENTS[:3], codec) for codec in ENCODE) + b"\x00\x01"
    ours, theirs = AnyRecords(data, LIMIT), MemoryRecords(data)
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
    assert n_batches == 1 + len(ENCODE)


def test_record_with_a_broken_name_is_judged_by_the_rest_of_it() -> None:
    foreign = (b"acme/x", b"{}", [("placeholder", b"1")])
    *ours, last = AnyRecords(_batch([*SPOILT, foreign]), LIMIT).next_batch()
    for record in ours:
        assert _decoded(record)
    with pytest.raises(BadRecord, match=r"^not-a-cloudevent"):
        _decoded(last)


def _decoded(read: Any) -> EventBase:
    is_transcript = b"asllr.TranscriptReady.v1" in [content for _, content in read.headers]
    topic = ASR_TRANSCRIPTS.name if is_transcript else CRM_EVENTS.name
    record = Record(topic, 0, read.offset, NOW_MS, read.key, read.value, read.headers)
    return decode(record, n_partitions=1)


@pytest.mark.parametrize("codec", ENCODE)
@given(
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=12),
    limit=st.integers(0, 3_000),
)
def test_what_lies_past_the_limit_is_cut_and_what_lies_before_it_is_whole(
    codec: int, sizes: list[int], limit: int
) -> None:
    sent: list[tuple[bytes, bytes, Headers]] = [
        (f"k-{i}".encode(), b" " * size, [("name", b"1")]) for i, size in enumerate(sizes)
    ]
    n_plain = len(_batch(sent)) - 61
    read = list(AnyRecords(_batch(sent, codec), limit).next_batch())
    whole = [r for r in read if r.value is None or len(r.value) <= MAX_RECORD_BYTES]
    expected = [(i, key, value, headers) for i, (key, value, headers) in enumerate(sent)]
    assert [(r.offset, r.key, r.value, [*r.headers]) for r in whole] == expected[: len(whole)]
    assert (len(whole) == len(sent)) == (n_plain <= limit)
    cut = read[len(whole) :]
    if n_plain > limit:
        assert [r.offset for r in cut] == sorted({len(whole), len(sent) - 1})
    for record in cut:
        with pytest.raises(BadRecord, match=r"^too-large"):
            _decoded(record)


def test_gzip_of_several_members_is_read_whole() -> None:
    data = _batch(EVENTS)
    body = gzip_encode(data[61:200]) + gzip_encode(data[200:])
    whole = bytearray(data[:61] + body)
    struct.pack_into(">i", whole, 8, len(whole) - 12)
    struct.pack_into(">h", whole, CRC_FROM, GZIP)
    found = list(AnyRecords(bytes(whole), LIMIT).next_batch())
    assert [(r.key, r.value) for r in found] == [(key, value) for key, value, _ in EVENTS]


@pytest.mark.parametrize("codec", ENCODE)
def test_bytes_that_are_not_of_the_codec_are_said_to_be(codec: int) -> None:
    data = bytearray(_batch(EVENTS, codec))
    data[70:90] = bytes(20)
    with pytest.raises(ValueError, match="not of the codec"):
        list(AnyRecords(bytes(data), LIMIT).next_batch())


def test_the_fetcher_still_finds_its_parser_where_we_put_ours() -> None:
    assert "= MemoryRecords(" in inspect.getsource(Fetcher._proc_fetch_request)
    assert " FetchResult(" in inspect.getsource(Fetcher._proc_fetch_request)
    assert ".getall(max_records)" in inspect.getsource(Fetcher.fetched_records)

"""Makes records whose header names are not UTF-8 readable, like any other bad record.

Kafka stores header names as bytes and some clients send what they are given; aiokafka decodes them
while it unpacks a fetch, so that one such record would stop a consumer for ever. Here the batch is
read again with those names made readable. Called by `streams.ingest.faust_consumer`, nobody else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, cast

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

LOG_OVERHEAD_BYTES = 12
"""The size of base offset and length, with which every batch begins; the length counts what
follows."""

UNREADABLE = ord("?")


def accept_any_header_name() -> None:
    """Makes every consumer of this process read records with any header names. aiokafka has no seam
    for it: its fetcher finds the parser by this name."""
    fetcher.MemoryRecords = AnyRecords


class AnyRecords:
    """aiokafka's MemoryRecords; only a batch that it cannot decode is treated differently."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records = MemoryRecords(data)
        self._start = 0

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        start = self._start
        (length,) = struct.unpack_from(">i", self._data, start + 8)
        self._start = start + LOG_OVERHEAD_BYTES + length
        return AnyBatch(batch, memoryview(self._data)[start : self._start])


class AnyBatch:
    """A batch of records, with its bytes so that it can be read again."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        n_read = 0
        try:
            for record in self._batch:
                n_read += 1
                yield record
        except UnicodeDecodeError:
            yield from islice(_readable(self._data), n_read, None)


def _readable(data: memoryview) -> Iterable[Any]:
    batch: Any = _DefaultRecordBatchPy(data)
    batch._maybe_uncompress()
    at = batch._pos
    for _ in range(batch._num_records):
        at = _rename_headers(batch._buffer, at)
    return cast("Iterable[Any]", batch)


def _rename_headers(buffer: bytearray, at: int) -> int:
    """Replaces, byte by byte, what is not ASCII in header names that are not UTF-8; no other byte
    changes its place. Returns where the next record begins. The format is KIP-98's record."""
    length, at = _varint(buffer, at)
    end = at + length
    at += 1  # attributes
    for _ in ("timestamp delta", "offset delta"):
        _, at = _varint(buffer, at)
    for _ in ("key", "value"):
        at = _after_bytes(buffer, at)
    n_headers, at = _varint(buffer, at)
    for _ in range(n_headers):
        size, at = _varint(buffer, at)
        name = buffer[at : at + size]
        try:
            name.decode()
        except UnicodeDecodeError:
            buffer[at : at + size] = bytes(b if b < 128 else UNREADABLE for b in name)
        at = _after_bytes(buffer, at + size)
    return end


def _after_bytes(buffer: bytearray, at: int) -> int:
    size, at = _varint(buffer, at)
    return at + max(size, 0)


def _varint(buffer: bytearray, at: int) -> tuple[int, int]:
    value, after = decode_varint(buffer, at)
    return int(value), int(after)

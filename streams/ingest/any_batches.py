"""Reads every batch of records that a broker may hold, in bounded memory.

Kafka stores header names as bytes and some clients send what they are given; aiokafka decodes them
while it unpacks a fetch, so that one such record would stop a consumer for ever. Here the batch is
read again with those names made readable. What a compressed batch holds past a limit is not
unpacked (`streams.ingest.bounded_batches`), and a fetch ends where its records reach that limit.
Called by `streams.ingest.faust_consumer`, nobody else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Any, ClassVar, cast

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

from streams.ingest.bounded_batches import unpacked

LOG_OVERHEAD_BYTES = 12
"""The size of base offset and length, with which every batch begins; the length counts what
follows."""

UNREADABLE = ord("?")


def read_any_batch(limit: int) -> None:
    """Makes every consumer of this process read records with any header names, and at most about
    `limit` bytes of them at once. aiokafka has no seam for it: its fetcher finds both classes by
    these names."""
    fetcher.MemoryRecords = partial(AnyRecords, limit=limit)
    BoundedFetch.limit = limit
    fetcher.FetchResult = BoundedFetch  # whose type it compares


class BoundedFetch(fetcher.FetchResult):  # type: ignore[misc]  # aiokafka has no types
    """What was fetched of a partition. One call hands on at most `limit` bytes of values, and at
    least one record."""

    limit: ClassVar[int]

    def getall(self, max_records: int | None = None) -> list[Any]:
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return []
        taken: list[Any] = []
        n_bytes = 0
        for record in self._partition_records:  # type: ignore[has-type]
            taken.append(record)
            n_bytes += len(record.value or b"")
            if n_bytes >= self.limit or len(taken) == max_records:
                self._update_position()
                return taken
        self._update_position()
        self._partition_records = None
        return taken


class AnyRecords:
    """aiokafka's MemoryRecords; only a batch that is compressed, or that it cannot decode, is
    treated differently."""

    def __init__(self, data: bytes, limit: int) -> None:
        self._data = data
        self._limit = limit
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
        return AnyBatch(batch, memoryview(self._data)[start : self._start], self._limit)


class AnyBatch:
    """A batch of records, with its bytes so that it can be read again."""

    def __init__(self, batch: Any, data: memoryview, limit: int) -> None:
        self._batch = batch
        self._data = data
        self._limit = limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        found = unpacked(self._data, self._limit)
        if found is None:
            return _records(self._batch, self._data)
        plain = MemoryRecords(found.data).next_batch()
        return chain(_records(plain, memoryview(found.data)), found.cut)


def _records(batch: Any, data: memoryview) -> Iterator[Any]:
    n_read = 0
    try:
        for record in batch:
            n_read += 1
            yield record
    except UnicodeDecodeError:
        yield from islice(_readable(data), n_read, None)


def _readable(data: memoryview) -> Iterable[Any]:
    batch: Any = _DefaultRecordBatchPy(data)
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

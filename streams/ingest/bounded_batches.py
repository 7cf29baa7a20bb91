"""Unpacks compressed batches of records into bounded memory.

Producers compress batches, and 27 kB of zstd can be 900 MB of blanks. aiokafka unpacks a batch as
a whole, whatever comes out. Here what lies past a limit is not unpacked: the record that crosses it
is handed on cut short, as one that is too large, and so is the last of the batch, to say how far
nothing was read. No producer makes such batches by itself: they fill one up to 1 MB of plain bytes.
Records of format 0 and 1, which Kafka 4 no longer takes, are not bounded.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect
from contextlib import suppress
from dataclasses import dataclass

import cramjam

from schemas.topics import MAX_RECORD_BYTES

# KIP-98's batch: where its header ends, and what stands where in it.
HEADER_BYTES = 61
LENGTH_AT, MAGIC_AT, ATTRIBUTES_AT, LAST_DELTA_AT, FIRST_TIME_AT, MAX_TIME_AT, COUNT_AT = (
    8, 16, 21, 23, 27, 35, 57,
)  # fmt: skip
CODEC_MASK, LOG_APPEND_TIME_BIT = 0x07, 0x08
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
GZIP_FORMAT = 31  # of zlib's wbits
LEAST_RECORD_BYTES = 6  # attributes, two deltas, two lengths and the number of headers
XERIAL_MAGIC, XERIAL_HEADER_BYTES = b"\x82SNAPPY\x00", 16


@dataclass(frozen=True, slots=True)
class CutRecord:
    """Stands for a record past the limit, with what aiokafka's consumer asks of one. Its value is
    too large for every reader."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None = None
    value: bytes = bytes(MAX_RECORD_BYTES + 1)
    headers: tuple[tuple[str, bytes | None], ...] = ()
    checksum: int | None = None


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A batch without compression, of the records that fit, and what stands for the others."""

    data: bytes
    cut: tuple[CutRecord, ...] = ()


def unpacked(batch: memoryview, limit: int) -> Unpacked | None:
    """The batch of at most `limit` bytes of plain records. None for one that is not compressed or
    of an older format. Raises ValueError for bytes that are not of the codec."""
    if batch[MAGIC_AT] < 2:
        return None
    (attributes,) = struct.unpack_from(">h", batch, ATTRIBUTES_AT)
    codec = attributes & CODEC_MASK
    if not codec:
        return None
    plain, is_whole = _inflated(codec, batch[HEADER_BYTES:], limit)
    header = bytearray(batch[:HEADER_BYTES])
    struct.pack_into(">h", header, ATTRIBUTES_AT, attributes & ~CODEC_MASK)
    if is_whole:
        return Unpacked(_joined(header, plain))
    return _cut(header, plain)


def _joined(header: bytearray, records: bytes) -> bytes:
    struct.pack_into(">i", header, LENGTH_AT, HEADER_BYTES - LENGTH_AT - 4 + len(records))
    return bytes(header) + records


def _inflated(codec: int, packed: memoryview, limit: int) -> tuple[bytes, bool]:
    """Up to `limit` plain bytes, and whether these are all."""
    try:
        if codec == GZIP:
            return _gunzipped(packed, limit)
        if codec == SNAPPY:
            return _unsnapped(packed, limit)
        into = cramjam.lz4.decompress_into if codec == LZ4 else cramjam.zstd.decompress_into
        zeros = bytearray(limit)
        try:
            return bytes(memoryview(zeros)[: into(bytes(packed), zeros)]), True
        except cramjam.DecompressionError as error:
            if "whole buffer" not in str(error):
                raise
        # Into something else once more: how far it got is where the two begin to differ.
        ones = bytearray(b"\xff") * limit
        with suppress(cramjam.DecompressionError):
            into(bytes(packed), ones)
        n_written = bisect(range(limit), False, key=lambda at: zeros[at] != ones[at])
        return bytes(memoryview(zeros)[:n_written]), False
    except (cramjam.DecompressionError, zlib.error, struct.error) as error:
        raise ValueError(f"a batch is not of the codec that it names: {error}") from None


def _gunzipped(packed: memoryview, limit: int) -> tuple[bytes, bool]:
    """Of all members: some producers write several."""
    parts: list[bytes] = []
    left, rest = limit, bytes(packed)
    while rest:
        member = zlib.decompressobj(GZIP_FORMAT)
        parts.append(member.decompress(rest, left + 1))
        left -= len(parts[-1])
        if left < 0:
            return b"".join(parts)[:limit], False
        if not member.eof:
            raise zlib.error("it ends early")
        rest = member.unused_data
    return b"".join(parts), True


def _unsnapped(packed: memoryview, limit: int) -> tuple[bytes, bool]:
    """Snappy says beforehand how much comes out; a block has the frame of Xerial, or none."""
    if bytes(packed[: len(XERIAL_MAGIC)]) != XERIAL_MAGIC:
        return _blocks([bytes(packed)], limit)
    blocks, at = [], XERIAL_HEADER_BYTES
    while at < len(packed):
        (size,) = struct.unpack_from(">i", packed, at)
        if size < 0:
            raise zlib.error("a block of negative size")
        blocks.append(bytes(packed[at + 4 : at + 4 + size]))
        at += 4 + size
    return _blocks(blocks, limit)


def _blocks(blocks: list[bytes], limit: int) -> tuple[bytes, bool]:
    plain = bytearray()
    for block in blocks:
        if len(plain) + cramjam.snappy.decompress_raw_len(block) > limit:
            return bytes(plain), False
        plain += bytes(cramjam.snappy.decompress_raw(block))
    return bytes(plain), True


def _cut(header: bytearray, plain: bytes) -> Unpacked:
    """The records that lie whole in `plain`, the beginning of a batch's records, and what stands
    for the next and for the last one."""
    (base,) = struct.unpack_from(">q", header)
    (attributes,) = struct.unpack_from(">h", header, ATTRIBUTES_AT)
    (last_delta,) = struct.unpack_from(">i", header, LAST_DELTA_AT)
    (max_time,) = struct.unpack_from(">q", header, MAX_TIME_AT)
    time_type = 1 if attributes & LOG_APPEND_TIME_BIT else 0
    at = n_whole = 0
    delta = -1
    while True:
        try:
            size, body = _varint(plain, at)
            _, after_time = _varint(plain, body + 1)
            next_delta, _ = _varint(plain, after_time)
        except IndexError:
            next_delta = min(delta + 1, last_delta)
            break
        if size < LEAST_RECORD_BYTES or body + size > len(plain):
            break
        at, delta, n_whole = body + size, next_delta, n_whole + 1
    struct.pack_into(">i", header, COUNT_AT, n_whole)
    deltas = dict.fromkeys((next_delta, last_delta))
    cut = tuple(CutRecord(base + each, max_time, time_type) for each in deltas)
    return Unpacked(_joined(header, plain[:at]), cut)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A zig-zag number, and where it ends. aiokafka's own reads past the end. Raises IndexError."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # the last of a number
            break
    return (value >> 1) ^ -(value & 1), at

"""One segment of a recording: a run of records of one topic partition, as zstd-compressed lines.

    {"topic": "crm.events", "partition": 3, "offset": 17, "timestamp_ms": 1767171000250,
     "key": "acme/4711", "value": "{...}", "headers": [["ce_id", "e17"]]}

A record is kept as the broker had it, also one that asllr could not use. Bytes that are UTF-8 stand
as text, others as `{"base64": "..."}`, nothing as null.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256

import cramjam
import msgspec

from schemas.codec import Record

LEVEL = 3
"""The compression level, zstd's default: events shrink to about a tenth, and reading costs
little."""


class Base64(msgspec.Struct, frozen=True):
    base64: str


Content = str | Base64 | None


class SegmentLine(msgspec.Struct, frozen=True):
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: Content
    value: Content
    headers: tuple[tuple[str, Content], ...] = ()


class Damaged(ValueError):
    """A segment cannot be read; the message says why and never quotes what it holds."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(SegmentLine).decode


def line_of(record: Record) -> bytes:
    headers = tuple((name, _content(value)) for name, value in record.headers)
    line = SegmentLine(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp_ms,
        _content(record.key),
        _content(record.value),
        headers,
    )
    return _encode(line) + b"\n"


def pack(lines: Iterable[bytes]) -> tuple[bytes, str]:
    """Writes a segment; returns its bytes and their SHA-256."""
    packed = bytes(cramjam.zstd.compress(b"".join(lines), level=LEVEL))
    return packed, sha256(packed).hexdigest()


def unpack(packed: bytes, digest: str, holding: bytes = b"") -> Iterator[Record]:
    """Reads a segment. `holding`: only records whose line holds these bytes. Raises Damaged when
    the segment is not what was written."""
    found = sha256(packed).hexdigest()
    if found != digest:
        raise Damaged(f"its sha256 is {found[:16]}…, the manifest says {digest[:16]}…")
    try:
        content = bytes(cramjam.zstd.decompress(packed))
    except cramjam.DecompressionError:
        raise Damaged("it cannot be decompressed") from None
    if holding not in content:
        return
    for number, line in enumerate(content.splitlines(), start=1):
        if holding and holding not in line:
            continue
        try:
            yield _record(_decode(line))
        except (msgspec.MsgspecError, ValueError):
            raise Damaged(f"line {number} is not a record") from None


def _record(line: SegmentLine) -> Record:
    headers = [
        (name, content.encode() if type(content) is str else _bytes(content))
        for name, content in line.headers  # nearly all are text, and there are seven a record
    ]
    return Record(
        line.topic,
        line.partition,
        line.offset,
        line.timestamp_ms,
        _bytes(line.key),
        _bytes(line.value),
        tuple(headers),
    )


def _content(content: bytes | None) -> Content:
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return Base64(b64encode(content).decode())


def _bytes(content: Content) -> bytes | None:
    match content:
        case str():
            return content.encode()
        case Base64():
            return b64decode(content.base64, validate=True)
    return None

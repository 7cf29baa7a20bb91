"""Recognises values that are not JSON by how they begin, and names the producer's setting; reads
those that nearly are. Pure.

Facts from the clients' own documents: Confluent's wire format (magic byte 0, 4-byte schema id;
Apicurio's default has 8 bytes), Java's object stream (JLS/`java.io.ObjectStreamConstants`), the
magic numbers of RFC 1952 (gzip), RFC 8878 (zstd), LZ4 and snappy-java frames, Unicode's byte order
marks.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from schemas.bad_record import BadRecord
from schemas.field_names import is_field_name
from schemas.mended_values import Notes

MAX_DEPTH = 200
"""Objects and lists in one another, as the reader of JSON has it."""

MAX_DIGITS = 4_300
FIX_JSON = (
    f"send UTF-8 JSON, nested at most {MAX_DEPTH} deep: json.dumps(event, allow_nan=False) in "
    "Python, JSON.stringify in JavaScript, Jackson's ObjectMapper in Java write no other"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_is_plain = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch

FRAME_BYTES = (5, 9)
"""Magic byte and schema id: of Confluent's and of Apicurio's serializers."""

_FIX_REGISTRY = (
    "send the JSON alone: Java value.serializer=org.apache.kafka.common.serialization."
    "StringSerializer (or the schema id in a header: value.schema.id.serializer="
    "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer), confluent-kafka Producer "
    "with json.dumps instead of JSONSerializer, kafkajs without the registry's encode()"
)
_FIX_COMPRESSED = (
    "let the client compress instead: compression.type=gzip, lz4 or zstd (Java, librdkafka), "
    "compression: CompressionTypes.GZIP (kafkajs), config.Producer.Compression (Sarama)"
)
_FIX_MARK = (
    "write UTF-8 without a byte order mark: new UTF8Encoding(false) in .NET, 'utf-8' and not "
    "'utf-8-sig' in Python, -Encoding utf8NoBOM in PowerShell"
)
_FIX_UTF16 = (
    "encode as UTF-8: Encoding.UTF8 in .NET, StandardCharsets.UTF_8 in Java, "
    "serializer.encoding=UTF-8 of Kafka's StringSerializer"
)

_BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xef\xbb\xbf", "the value begins with a byte order mark (UTF-8)", _FIX_MARK),
    (b"\xff\xfe", "the value is UTF-16 (it begins with its byte order mark)", _FIX_UTF16),
    (b"\xfe\xff", "the value is UTF-16 (it begins with its byte order mark)", _FIX_UTF16),
    (b"{\x00", "the value is UTF-16", _FIX_UTF16),
    (b"\x00{", "the value is UTF-16", _FIX_UTF16),
    (b"\x1f\x8b", "the value is compressed with gzip", _FIX_COMPRESSED),
    (b"\x28\xb5\x2f\xfd", "the value is compressed with zstd", _FIX_COMPRESSED),
    (b"\x04\x22\x4d\x18", "the value is compressed with lz4", _FIX_COMPRESSED),
    (b"\x82SNAPPY\x00", "the value is compressed with snappy", _FIX_COMPRESSED),
    (
        b"\xac\xed\x00\x05",
        "the value is a serialised Java object",
        "send JSON: Spring's JsonSerializer, or StringSerializer with the JSON as a string",
    ),
    (
        b"[object Object]",
        "the value is the word for an object, not the object",
        "send JSON.stringify(event): kafkajs and node-rdkafka take strings and buffers",
    ),
    (b"{'", "the value is written with ' instead of \"", "send json.dumps(event), not str(event)"),
    (b"b'", "the value is a Python bytes literal", "send the bytes, not str(bytes)"),
    (b'b"', "the value is a Python bytes literal", "send the bytes, not str(bytes)"),
)


def fix_of_bytes(value: bytes) -> tuple[str, str] | None:
    """What is wrong with a value that is not JSON, and how to mend the producer; None where nothing
    is known of it.

    >>> fix_of_bytes(bytes.fromhex("1f8b08"))[0]
    'the value is compressed with gzip'
    """
    for beginning, detail, fix in _BEGINNINGS:
        if value.startswith(beginning):
            return detail, fix
    if value[:1] == b"\x00" and value.strip(b"\x00"):
        sizes = [size for size in FRAME_BYTES if value[size : size + 1] in (b"{", b"[")]
        size = sizes[0] if sizes else FRAME_BYTES[0]
        what = "before the JSON" if sizes else "and then no JSON (Avro or Protobuf?)"
        detail = f"the value is framed by a schema registry: {size} bytes that begin with 0 {what}"
        return detail, _FIX_REGISTRY
    return None


def read_nearly_json(value: bytes | str) -> Any:
    """Reads what libraries write that is not quite JSON: NaN, Infinity, half an emoji (a lone
    surrogate), a number of thousands of digits. `sound` takes these out. Raises ValueError, and
    `BadRecord` for what is nested too deep for any reader.

    Dearer than a reader of JSON alone: only for values that one has refused.
    """
    text = value.decode() if isinstance(value, bytes) else value
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> BadRecord:
    return BadRecord("not-json", f"nested more than {MAX_DEPTH} deep", FIX_JSON)


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf


def sound(value: Any, path: str, notes: Notes, depth: int = 0) -> Any:
    """What `read_nearly_json` read, as JSON has it: a number that is none is left out (in a list
    null stands for it), half a character is U+FFFD. Each change is noted with its place. Raises
    `BadRecord` for what is nested more than 200 deep."""
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, float) and not math.isfinite(value):
        notes.add(path, "NaN, an infinity or a number of thousands of digits: left out")
        return None
    if isinstance(value, str):
        if is_whole_text(value):
            return value
        notes.add(path, "half a character (a lone surrogate), written as U+FFFD")
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [sound(one, f"{path}[{i}]", notes, depth + 1) for i, one in enumerate(value)]
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for written, one in value.items():
            place = f"{path}{_step(written, path)}"
            held = sound(one, place, notes, depth + 1)
            if held is not None or one is None:
                kept[sound(written, place, notes, depth + 1)] = held
        return kept
    return value


def _step(name: str, path: str) -> str:
    if path == "$.profile":
        return f"['{name}']" if is_field_name(name) and is_whole_text(name) else "[?]"
    return f".{name}" if _is_plain(name) else ".?"


def is_whole_text(text: str) -> bool:
    """Whether no lone surrogate is in `text`."""
    return text.isascii() or not _SURROGATE.search(text)

"""Makes a dead letter of a bad record, and the record of the letter. Bounded: a letter always fits
its topic, whatever the record's key, value and headers were.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

from schemas.codec import Headers, Record
from schemas.outputs import DeadLetter, DeadLetterStage, Header, Origin
from schemas.record_check import BadRecord

# Together, in base64 and JSON-escaped, under the 1 MiB of `leads.dead-letter`.
MAX_VALUE_BYTES = 262_144
MAX_KEY_BYTES = 1_024
MAX_HEADERS = 64
MAX_HEADER_NAME_CHARS = 128
MAX_HEADER_BYTES = 4_096


def dead_letter(record: Record, bad: BadRecord, *, attempts: int = 1) -> DeadLetter:
    """Makes the letter about `record`, which was refused because of `bad`."""
    key, value, headers = record.key, record.value, tuple(record.headers)
    kept_headers = _bounded_headers(headers)
    kept_key = key and key[:MAX_KEY_BYTES]
    kept_value = value and value[:MAX_VALUE_BYTES]
    return DeadLetter(
        origin=Origin(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
        ),
        stage=DeadLetterStage.INGEST,
        reason=bad.reason,
        detail=bad.detail,
        fix=bad.fix,
        attempts=attempts,
        key=_base64(kept_key),
        value=_base64(kept_value),
        value_bytes=len(value or b""),
        truncated=(kept_key, kept_value, kept_headers) != (key, value, headers),
        headers=tuple(Header(name=name, value=_base64(content)) for name, content in kept_headers),
    )


def entry(letter: DeadLetter) -> tuple[bytes, bytes]:
    """Returns (Kafka key, value) on `leads.dead-letter`. The key is the origin's when that is a
    possible `tenant/lead`, else the origin's coordinates: always printable ASCII."""
    key = b64decode(letter.key) if letter.key else b""
    if not (0 < len(key) <= 257 and all(33 <= byte <= 126 for byte in key)):
        origin = letter.origin
        key = f"{origin.topic}:{origin.partition}:{origin.offset}".encode()
    return key, letter.model_dump_json().encode()


def original(letter: DeadLetter) -> Record:
    """Returns the record as it came, to be sent again. Raises ValueError when it was cut: half a
    record must not be retried."""
    if letter.truncated:
        raise ValueError(
            f"only the first bytes of {letter.value_bytes} were kept; "
            "send the record again from its source"
        )
    return Record(
        topic=letter.origin.topic,
        partition=letter.origin.partition,
        offset=letter.origin.offset,
        timestamp_ms=letter.origin.timestamp_ms,
        key=_bytes(letter.key),
        value=_bytes(letter.value),
        headers=tuple((header.name, _bytes(header.value)) for header in letter.headers),
    )


def _bounded_headers(headers: Headers) -> Headers:
    return tuple(
        (name[:MAX_HEADER_NAME_CHARS], content and content[:MAX_HEADER_BYTES])
        for name, content in headers[:MAX_HEADERS]
    )


def _base64(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)

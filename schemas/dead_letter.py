"""Makes a dead letter of a bad record, and the record of the letter. Bounded: a letter always fits
its topic, whatever the record's key, value and headers were.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

from schemas.codec import Headers, Record
from schemas.ids import lead_of
from schemas.outputs import DeadLetter, DeadLetterStage, Header, Origin
from schemas.record_check import BadRecord, Reading

# Together, in base64 and JSON-escaped, under the 1 MiB of `leads.dead-letter`.
MAX_VALUE_BYTES = 262_144
MAX_KEY_BYTES = 1_024
MAX_HEADERS = 64
MAX_HEADER_NAME_CHARS = 128
MAX_HEADER_BYTES = 4_096


MENDED = "mended"
"""The reason of a letter that warns: the record was used, and a part of it was mended."""


def dead_letter(record: Record, bad: BadRecord, *, attempts: int = 1) -> DeadLetter:
    """Makes the letter about `record`, which was refused because of `bad`."""
    key, value, headers = record.key, record.value, tuple(record.headers)
    kept_headers = _bounded_headers(headers)
    kept_key = key and key[:MAX_KEY_BYTES]
    kept_value = value and value[:MAX_VALUE_BYTES]
    return DeadLetter(
        origin=_origin(record),
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


def warning(record: Record, reading: Reading) -> DeadLetter:
    """Makes the letter about `record`, of which `reading.mended` was mended. It has no copy of the
    record: it was used, so that nothing is to be sent again."""
    places = "; ".join(f"{part.path}: {part.what}" for part in reading.mended)
    more = reading.n_mended - len(reading.mended)
    return DeadLetter(
        origin=_origin(record),
        stage=DeadLetterStage.INGEST,
        reason=MENDED,
        detail=places + (f" (+{more} more)" if more else ""),
        fix="mend the producer as schemas/generated/"
        f"{type(reading.event).__name__}.schema.json has it; sent again whole, with the same "
        "source, id and time, the event replaces this one",
        attempts=1,
        key=_base64(record.key and record.key[:MAX_KEY_BYTES]),
        value=None,
        value_bytes=len(record.value or b""),
        truncated=True,
        headers=(),
        mended=reading.mended,
    )


def _origin(record: Record) -> Origin:
    return Origin(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
    )


def entry(letter: DeadLetter) -> tuple[bytes, bytes]:
    """Returns (Kafka key, value) on `leads.dead-letter`. The key is the origin's when that is a
    possible `tenant/lead`, else the origin's coordinates: always printable ASCII."""
    key = lead_of(b64decode(letter.key)).encode() if letter.key else b""
    if not (0 < len(key) <= MAX_KEY_BYTES and all(33 <= byte <= 126 for byte in key)):
        origin = letter.origin
        key = f"{origin.topic}:{origin.partition}:{origin.offset}".encode()
    return key, letter.model_dump_json().encode()


def original(letter: DeadLetter) -> Record:
    """Returns the record as it came, to be sent again. Raises ValueError when it was cut: half a
    record must not be retried."""
    if letter.reason == MENDED:
        raise ValueError(
            "the record was used, with the parts that the letter names mended: there is nothing to "
            "send again"
        )
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

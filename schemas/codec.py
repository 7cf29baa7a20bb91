"""How an event travels in a Kafka record: CloudEvents 1.0, written in binary or structured mode.

The way back, from bytes that nobody vouches for to an event, is `schemas.record_check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic_core import to_json

from schemas.events import EventBase, LeadUpserted, TranscriptReady
from schemas.ids import record_key
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS

TYPE_PREFIX = "asllr."
TYPE_SUFFIX = ".v1"
STRUCTURED = "application/cloudevents+json"
JSON = "application/json"

Headers = Sequence[tuple[str, bytes | None]]

ENVELOPE = frozenset(
    {"id", "source", "tenant", "lead", "occurred_at", "traceparent", "type", "mended"}
)
"""Event fields that travel as CloudEvents attributes (or key and type), not in the payload."""

_ENVELOPE = set(ENVELOPE)
"""Pydantic wants a set."""


class Record(NamedTuple):
    """A Kafka record as it was consumed. `timestamp_ms` is the broker's time (LogAppendTime)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def structured(event: EventBase) -> dict[str, Any]:
    """Returns `event` as a structured CloudEvent, ready for JSON."""
    envelope: dict[str, Any] = dict(_attributes(event))
    if event.traceparent:
        envelope["traceparent"] = event.traceparent
    envelope["datacontenttype"] = JSON
    envelope["data"] = event.model_dump(
        mode="json", exclude=_ENVELOPE, exclude_none=_exclude_none(event)
    )
    return envelope


def encode(event: EventBase) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Returns (key, value, headers) of `event` in binary mode."""
    value = event.model_dump_json(exclude=_ENVELOPE, exclude_none=_exclude_none(event))
    headers = [(f"ce_{name}", text.encode()) for name, text in _attributes(event).items()]
    if event.traceparent:
        headers.append(("traceparent", event.traceparent.encode()))
    headers.append(("content-type", JSON.encode()))
    return record_key(str(event.key)), value.encode(), headers


def encode_structured(event: EventBase) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Returns (key, value, headers) of `event` in structured mode."""
    return (
        record_key(str(event.key)),
        to_json(structured(event)),
        [("content-type", STRUCTURED.encode())],
    )


def payload_json(event: EventBase) -> bytes:
    """Returns the canonical payload without the envelope; content hashes are taken of it. Defaults
    are left out, so that a field added later does not change the hash of an older event."""
    to_json = event.__pydantic_serializer__.to_json  # model_dump_json without its frame and copies
    return to_json(event, exclude=_ENVELOPE, exclude_defaults=True)


def _exclude_none(event: EventBase) -> bool:
    """A null profile field means "unknown now" and must survive the wire."""
    return not isinstance(event, LeadUpserted)


def _attributes(event: EventBase) -> dict[str, str]:
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": f"{TYPE_PREFIX}{type(event).__name__}{TYPE_SUFFIX}",
        "subject": str(event.key),
        "time": event.occurred_at.isoformat().replace("+00:00", "Z"),
    }
    # So that a recording of events, read again, is what the record was.
    return attributes | {"mended": "true"} if event.mended else attributes


def topic_of(event: EventBase) -> str:
    """The input topic `event` belongs on."""
    return (ASR_TRANSCRIPTS if isinstance(event, TranscriptReady) else CRM_EVENTS).name

"""Takes a Kafka record apart: CloudEvents attributes and the payload's JSON, of either mode.

Knows how libraries spell the same thing: headers in JSON quotes, `data_base64`, JSON in a string.
What it says of an event is not checked here; `schemas.record_check` does. Pure.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from pydantic_core import from_json

from schemas.bad_record import BadRecord
from schemas.codec import STRUCTURED, Headers
from schemas.foreign_bytes import FIX_JSON, fix_of_bytes, is_whole_text, read_nearly_json, sound
from schemas.mended_values import Notes
from schemas.topics import MAX_RECORD_BYTES

ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "mended")
"""The attributes that are read. `mended` is asllr's own extension: see `schemas.mending`."""

_NAMED_ONCE = frozenset(ATTRIBUTES) - {"mended"}

_FIELD_OF = {
    "content-type": "content-type",
    "traceparent": "traceparent",
    **{f"ce_{name}": name for name in ATTRIBUTES},
}
"""Lower-case header -> CloudEvents attribute; two of the headers are not attributes."""

_OF_OTHER_BINDINGS = {
    f"{prefix}{name}": f"ce_{name}"
    for prefix in ("ce-", "cloudevents:", "cloudevents_")
    for name in ATTRIBUTES
}
"""Header as HTTP, AMQP and JMS name it -> as Kafka's binding does."""

_STRUCTURED = STRUCTURED.encode()
_BATCH = b"application/cloudevents-batch"

FIX_CLOUDEVENT = (
    "send CloudEvents 1.0: binary mode (ce_specversion ce_id ce_source ce_type ce_subject ce_time "
    f"headers, JSON value) or content-type {STRUCTURED}"
)
_FIX_HEADER = (
    "send header values as plain UTF-8 strings: Spring Kafka before 2.3 and Spring Cloud Stream "
    "write them as JSON (DefaultKafkaHeaderMapper.setEncodeStrings(false)), Java's own serializers "
    "as objects"
)


_FIX_CHANGE = (
    "send what happened, not the row: take the row out with transforms=unwrap, transforms.unwrap."
    "type=io.debezium.transforms.ExtractNewRecordState (value.converter.schemas.enable=false), and "
    "make an event of it in a stream job or an outbox table; " + FIX_CLOUDEVENT
)


def split(headers: Headers, value: bytes, notes: Notes) -> tuple[Mapping[str, Any], Any]:
    """The attributes and the payload in a record with these headers. Writes into `notes` what of
    the payload was no JSON and is left out. Raises `BadRecord`."""
    fields = _fields(headers)
    content_type = (_unquoted(fields.pop("content-type", None) or b"")).lower()
    traceparent = fields.pop("traceparent", None)
    body, is_sound = _unpacked(parse_json(value))
    if content_type.startswith(_BATCH) or _is_batch(body):
        raise BadRecord(
            "not-a-cloudevent",
            "a batch of CloudEvents (a JSON array)",
            f"send one event a record, each as {STRUCTURED} with its own key",
        )
    if "specversion" not in fields and _is_change(body):
        raise BadRecord(
            "not-a-cloudevent", "a change of a table row, as Debezium writes it", _FIX_CHANGE
        )
    if content_type.startswith(_STRUCTURED) or _is_structured(body, fields):
        if not isinstance(body, dict):
            raise BadRecord(
                "not-an-object", "structured CloudEvent is not a JSON object", FIX_CLOUDEVENT
            )
        return _plain(body), payload_of(body, notes, is_sound=is_sound)
    attributes = _texts(fields)
    if traceparent:
        attributes["traceparent"] = _unquoted(traceparent).decode("ascii", "replace")
    return attributes, _payload(Parsed(body, is_sound), notes)


def _plain(cloudevent: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a structured CloudEvent: quoted ones as in binary mode."""
    return {
        name: _unquoted_text(cloudevent[name])
        for name in (*ATTRIBUTES, "traceparent")
        if name in cloudevent and _is_sayable(cloudevent[name])
    }


def _is_sayable(value: Any) -> bool:
    """With half a character left out, two names could be one: the attribute is as good as none."""
    return not isinstance(value, str) or is_whole_text(value)


def payload_of(
    cloudevent: Mapping[str, Any], notes: Notes | None = None, *, is_sound: bool = True
) -> Any:
    """The payload in a structured CloudEvent: `data`, or what `data_base64` holds. Raises
    `BadRecord` where there are both, and where it holds no JSON.

    >>> payload_of({"data_base64": "eyJzdGFnZSI6ICJ2aXNpdCJ9"})
    {'stage': 'visit'}
    """
    notes = Notes() if notes is None else notes
    packed = cloudevent.get("data_base64")
    if packed is None:
        return _payload(_unpacked(Parsed(cloudevent.get("data"), is_sound)), notes)
    if cloudevent.get("data") is not None:
        raise BadRecord(
            "not-a-cloudevent",
            "the event has data and data_base64",
            "send one of them: data holds JSON, data_base64 bytes",
        )
    try:
        content = b64decode("".join(packed.split()), validate=True)
    except (AttributeError, ValueError, binascii.Error):
        raise BadRecord(
            "not-a-cloudevent",
            "data_base64 is not base64 text",
            "encode it as RFC 4648 base64 with padding, or send JSON in data",
        ) from None
    return _payload(_unpacked(parse_json(content)), notes)


class Parsed(NamedTuple):
    """What a value holds. `is_sound`: nothing in it that JSON does not have."""

    value: Any
    is_sound: bool


def parse_json(value: bytes) -> Parsed:
    """Reads JSON, and what is nearly JSON. Raises `BadRecord`; a known framing or encoding is named
    in its fix."""
    try:
        return Parsed(from_json(value, allow_inf_nan=False), is_sound=True)
    except ValueError as error:  # says what and where, never quotes the input
        found = fix_of_bytes(value)
        if found is None:
            with suppress(ValueError):
                return Parsed(read_nearly_json(value), is_sound=False)
        detail, fix = found or (str(error)[:200], FIX_JSON)
        raise BadRecord("not-json", detail, fix) from None


def _payload(parsed: Parsed, notes: Notes) -> Any:
    if parsed.is_sound:
        return parsed.value
    return sound(parsed.value, "$", notes)


def _unpacked(parsed: Parsed) -> Parsed:
    """An object that was serialised twice is a JSON string of JSON: the object. Once only."""
    value = parsed.value
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return parsed
    if len(value) > MAX_RECORD_BYTES:
        return parsed
    with suppress(ValueError):
        return Parsed(from_json(value, allow_inf_nan=False), parsed.is_sound)
    with suppress(ValueError):
        return Parsed(read_nearly_json(value), is_sound=False)
    return parsed


def _is_batch(body: Any) -> bool:
    return (
        isinstance(body, list)
        and isinstance(next(iter(body), None), dict)
        and ("specversion" in body[0])
    )


def _is_change(body: Any) -> bool:
    """Whether it is a row's change, bare or beside its schema (Kafka Connect's JsonConverter)."""
    if not isinstance(body, dict) or "specversion" in body:
        return False
    if "payload" in body and "schema" in body:
        return True
    return "op" in body and ("before" in body or "after" in body)


def _is_structured(body: Any, fields: Mapping[str, bytes | None]) -> bool:
    """Whether it is a structured CloudEvent whose header `content-type` got lost on the way."""
    return "specversion" not in fields and isinstance(body, dict) and "specversion" in body


def _fields(headers: Headers) -> dict[str, bytes | None]:
    """The headers that are read, by attribute: those that are named as Kafka's binding does before
    those of other bindings. Raises `BadRecord` where two of one name differ."""
    fields: dict[str, bytes | None] = {}
    foreign: dict[str, bytes | None] = {}
    for header, content in headers:
        held = fields
        name = _FIELD_OF.get(header)
        if name is None:
            plain = header.strip(' "').lower()
            name = _FIELD_OF.get(plain)
            if name is None:
                held = foreign
                name = _FIELD_OF.get(_OF_OTHER_BINDINGS.get(plain, ""))
                if name is None:
                    continue
        if name in held and held[name] is not None:
            _check_same(name, held[name], content)
            if content is None:
                continue
        held[name] = content
    return foreign | fields if foreign else fields


def _check_same(name: str, one: bytes | None, other: bytes | None) -> None:
    """Which of two sources or ids an event has nobody could say; of two traces the last counts."""
    if name not in _NAMED_ONCE or one is None or other is None:
        return
    if _unquoted(one) != _unquoted(other):
        raise BadRecord(
            "not-a-cloudevent",
            f"two headers ce_{name} that differ",
            "send each ce_ header once: replace it where a record is passed on (headers.remove "
            "before headers.add in Java's client), since add keeps the old one",
        )


def _texts(fields: Mapping[str, bytes | None]) -> dict[str, Any]:
    try:
        return {
            name: (_unquoted(content) if content[:1] == b'"' else content).decode()
            for name, content in fields.items()
            if content is not None
        }
    except UnicodeDecodeError:
        raise _not_utf8(fields.items()) from None


def _unquoted(content: bytes) -> bytes:
    """What a framework wrote as a JSON string is the string: `"crm/europe"` with its quotes and
    `crm/europe` are one source, or a retry through another library would count twice."""
    if not (len(content) > 1 and content[:1] == b'"' == content[-1:]):
        return content
    try:
        text = from_json(content)
    except ValueError:
        return content
    return text.encode() if isinstance(text, str) else content


def _unquoted_text(value: Any) -> Any:
    """An attribute of a structured CloudEvent without the JSON quotes that it may be in."""
    if not (isinstance(value, str) and value[:1] == '"'):
        return value
    try:
        return _unquoted(value.encode()).decode()
    except UnicodeEncodeError:  # a lone surrogate
        return value


def _not_utf8(fields: Iterable[tuple[str, bytes | None]]) -> BadRecord:
    first = next(name for name, content in fields if content and not _is_utf8(content))
    return BadRecord("not-utf8", f"header ce_{first} is not UTF-8", _FIX_HEADER)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True

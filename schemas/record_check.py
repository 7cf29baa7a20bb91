"""Checks Kafka records: CloudEvents 1.0 in binary and structured mode become validated events.

`decode` and `read` either return an event whose every field can be trusted or raise `BadRecord`,
which says what is wrong and how to mend the producer; `read` tells what was mended as well. Nothing
else in asllr parses input bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from schemas.bad_record import BadRecord as BadRecord  # callers catch what `decode` raises
from schemas.codec import ENVELOPE, TYPE_PREFIX, TYPE_SUFFIX, Record, topic_of
from schemas.envelope import FIX_CLOUDEVENT, payload_of, split
from schemas.events import EVENT_TYPES, MAX_FUTURE, TRACEPARENT_PATTERN, EventBase, TranscriptReady
from schemas.field_names import is_field_name
from schemas.foreign_times import about_time
from schemas.ids import LeadKey, has_unseen, id_of, record_key
from schemas.mended_values import MAX_NOTES, Notes
from schemas.mending import Unmendable, mend
from schemas.outputs import MendedPart
from schemas.partitioner import partition_for
from schemas.topics import MAX_RECORD_BYTES

_MAX_FUTURE_MS = MAX_FUTURE.total_seconds() * 1000
_is_traceparent = re.compile(TRACEPARENT_PATTERN[:-1]).fullmatch
_is_plain = re.compile(r"[A-Za-z0-9._:/-]{0,80}").fullmatch


class Reading(NamedTuple):
    """An event, and the first of its `n_mended` parts that were mended."""

    event: EventBase
    mended: tuple[MendedPart, ...] = ()
    n_mended: int = 0


def decode(record: Record, *, n_partitions: int) -> EventBase:
    """Returns the event in `record`. Raises `BadRecord`, and nothing else, whatever the bytes.

    >>> names = ("specversion", "id", "source", "type", "subject", "time")
    >>> values = ("1.0", "e-1", "crm", "asllr.StageChanged.v1", "acme/l-1", "2026-03-01T09:30:00Z")
    >>> headers = [(f"ce_{name}", value.encode()) for name, value in zip(names, values)]
    >>> record = Record(
    ...     topic="crm.events", partition=4, offset=0, timestamp_ms=1772357400000,
    ...     key=b"acme/l-1", value=b'{"stage": "visit"}', headers=headers,
    ... )
    >>> event = decode(record, n_partitions=8)
    >>> event.lead, event.stage
    ('l-1', 'visit')
    """
    return read(record, n_partitions=n_partitions).event


def read(record: Record, *, n_partitions: int) -> Reading:
    """Returns the event in `record` and what of it was mended. Raises `BadRecord`, and nothing
    else, whatever the bytes."""
    if record.value is None:
        raise BadRecord(
            "null-value",
            "the record has no value",
            "send LeadErased to forget a lead; inputs have no tombstones",
        )
    if len(record.value) > MAX_RECORD_BYTES:
        raise BadRecord(
            "too-large",
            f"{len(record.value)} bytes, limit {MAX_RECORD_BYTES}",
            "split the call or drop word timings; send cumulative revisions under the limit",
        )
    notes = Notes()
    attributes, data = split(record.headers, record.value, notes)
    found = _validate(attributes, data, notes)
    _check_topic(record.topic, found.event)
    _check_placement(record, found.event, n_partitions)
    _check_time(record.timestamp_ms, found.event)
    return found


def read_recorded(topic: str, timestamp_ms: int, cloudevent: Mapping[str, Any]) -> Reading:
    """Returns what is in a structured CloudEvent that is parsed JSON and has no partition; checks
    it as `read` checks a record. Raises `BadRecord`."""
    notes = Notes()
    found = _validate(cloudevent, payload_of(cloudevent, notes), notes)
    _check_topic(topic, found.event)
    _check_time(timestamp_ms, found.event)
    return found


def decode_recorded(topic: str, timestamp_ms: int, cloudevent: Mapping[str, Any]) -> EventBase:
    """Returns the event alone, as `read_recorded` reads it."""
    return read_recorded(topic, timestamp_ms, cloudevent).event


def _validate(attributes: Mapping[str, Any], data: Any, notes: Notes) -> Reading:
    if attributes.get("specversion") != "1.0":
        raise BadRecord(
            "not-a-cloudevent",
            f"specversion is {_shown(attributes.get('specversion'))}, expected '1.0'",
            FIX_CLOUDEVENT,
        )
    name = attributes.get("type")
    model = _MODELS.get(name) if isinstance(name, str) else None
    if model is None:
        raise BadRecord(
            "unknown-type", f"type is {_shown(name)}", "use one of " + ", ".join(_MODELS)
        )
    if not isinstance(data, dict):
        raise BadRecord("not-an-object", f"{name} data is not a JSON object", FIX_CLOUDEVENT)
    subject = attributes.get("subject")
    try:
        names = LeadKey.parse(subject if isinstance(subject, str) else "")
    except ValueError:
        raise BadRecord(
            "bad-subject",
            "subject is not 'tenant/lead'",
            "set ce_subject to tenant/lead; a slash in a name is written %2F",
        ) from None
    try:
        key = LeadKey(id_of(names.tenant), id_of(names.lead))
    except ValueError as why:
        raise BadRecord(
            "invalid", f"subject: {why}", "send a name or an id of 1 to 128 bytes, on one line"
        ) from None
    fields = {name: value for name, value in data.items() if name not in ENVELOPE}
    fields["tenant"], fields["lead"] = key
    fields["type"] = model.__name__
    for attribute, field in _FIELD_OF_ATTRIBUTE:
        if attribute in attributes:
            fields[field] = attributes[attribute]
    traceparent = attributes.get("traceparent")
    if isinstance(traceparent, str) and _is_traceparent(traceparent):
        fields["traceparent"] = traceparent
    if notes.n or attributes.get("mended") in _TRUE:
        fields["mended"] = True
    try:
        found = Reading(_event(model, fields))
    except ValidationError as error:
        found = _mended(model, fields, error)
    if not notes.n:
        return found
    parts = (*(MendedPart(path=path, what=what) for path, what in notes.first), *found.mended)
    return Reading(found.event, parts[:MAX_NOTES], notes.n + found.n_mended)


_TRUE = (True, "true")


def _mended(model: type[EventBase], fields: dict[str, Any], error: ValidationError) -> Reading:
    """The event of a payload that was refused with `error`. Raises `BadRecord`."""
    named = {name: _as_ids(fields[name]) for name in _NAMES & fields.keys()}
    if named != {name: fields[name] for name in named}:
        fields |= named
        try:
            return Reading(_event(model, fields))
        except ValidationError as still:
            error = still
    places = (fault["loc"] for fault in error.errors(include_input=False, include_url=False))
    faulty = {str(place[0]) if place else "" for place in places}
    _check_attributes(fields, faulty)
    fix = f"see schemas/generated/{model.__name__}.schema.json"
    try:
        found = mend(model.__name__, fields, faulty)
        return Reading(_event(model, found.fields), found.parts, found.n)
    except Unmendable:
        raise BadRecord("invalid", describe(error), fix) from None
    except ValidationError as left:
        raise BadRecord("invalid", describe(left), fix) from None


def _check_attributes(fields: Mapping[str, Any], faulty: Collection[str]) -> None:
    """Refuses what cannot be placed under the name that its producer knows it by."""
    for field, name in _TIMES.items():
        if field in faulty:
            raise BadRecord("invalid", *_about(name, about_time(fields.get(field))))
    for field in ("id", "source"):
        if field in faulty:
            what = "is missing" if fields.get(field) is None else "is not a text of 1 to 200"
            raise BadRecord(
                "invalid",
                f"ce_{field} ({field} in structured mode) {what}",
                "send 1 to 200 characters without NUL; ce_source and ce_id name the event",
            )


def _about(name: str, said: tuple[str, str]) -> tuple[str, str]:
    return f"{name} {said[0]}", said[1]


_TIMES = {"occurred_at": "ce_time (time in structured mode)", "started_at": "started_at"}

_NAMES = {"queue", "call_id", "codes"}
"""Ids of a payload, which may be names in any script as well."""


def _as_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_ids(one) if isinstance(one, str) else one for one in value]
    with suppress(ValueError):
        return id_of(value) if isinstance(value, str) else value
    return value


def _event(model: type[EventBase], fields: Mapping[str, Any]) -> EventBase:
    """`model_validate` without its frame and checks. Raises ValidationError."""
    return cast("EventBase", model.__pydantic_validator__.validate_python(fields))


_FIELD_OF_ATTRIBUTE = (("id", "id"), ("source", "source"), ("time", "occurred_at"))

_MODELS = {f"{TYPE_PREFIX}{name}{TYPE_SUFFIX}": model for name, model in EVENT_TYPES.items()}


def _shown(value: Any) -> str:
    """An attribute in an error message: only what cannot be lead text."""
    if value is None:
        return "missing"
    return repr(value) if isinstance(value, str) and _is_plain(value) else "not a plain name"


def describe(error: ValidationError) -> str:
    """Names the fields and messages of the first faults, never the values: they may be lead text,
    and so may a key that is not a field name."""
    faults = [
        f"{'.'.join(_path_part(part) for part in fault['loc']) or 'event'}: {fault['msg'][:120]}"
        for fault in error.errors(include_input=False, include_url=False, include_context=False)[:3]
    ]
    more = error.error_count() - len(faults)
    return "; ".join(faults) + (f" (+{more} more)" if more > 0 else "")


def _path_part(part: int | str) -> str:
    return str(part) if isinstance(part, int) or is_field_name(part) else "?"


def _check_topic(topic: str, event: EventBase) -> None:
    if topic != topic_of(event):
        raise BadRecord(
            "wrong-topic",
            f"{type(event).__name__} on {_shown(topic)}",
            "TranscriptReady belongs on asr.transcripts, every other event on crm.events",
        )


def _check_placement(record: Record, event: EventBase, n_partitions: int) -> None:
    expected = record_key(f"{event.tenant}/{event.lead}")
    if record.key != expected:
        raise BadRecord("wrong-key", *_about_key(record.key, expected))
    partition = partition_for(expected, n_partitions)
    if record.partition != partition:
        raise BadRecord(
            "wrong-partition",
            f"partition {record.partition}, murmur2 says {partition} of {n_partitions}",
            "use Kafka's murmur2: partitioner=murmur2_random (librdkafka), sarama."
            "NewMurmur2Partitioner (Sarama's default is FNV-1a), Partitioners.DefaultPartitioner "
            "(kafkajs before 2 has another), the default of Java's client",
        )


def _about_key(key: bytes | None, expected: bytes) -> tuple[str, str]:
    """What is wrong with a key, and how to mend it."""
    if not key:
        return "the record has no key", "key every record by its ce_subject"
    if key == b'"' + expected + b'"':
        return (
            "the record key is the subject in JSON quotes",
            "write keys as plain strings: key.serializer=org.apache.kafka.common.serialization."
            "StringSerializer (Java, Spring), key: subject without JSON.stringify (kafkajs)",
        )
    if key[:1] == b"\x00" and key[5:].endswith(expected):
        return (
            "the record key is framed by a schema registry",
            "write keys as plain strings: key.serializer=org.apache.kafka.common.serialization."
            "StringSerializer, without a registry's serializer",
        )
    if has_unseen(key.decode(errors="replace")):
        return (
            "the record key has characters of width 0 or blanks that are not U+0020",
            "take them out of the key as well (U+200B to U+200F, U+2060 to U+2064, U+00AD, U+FEFF) "
            "and write U+00A0 as a blank: in a subject they are nothing, but the partition is "
            "murmur2 of the key's bytes",
        )
    return (
        "the record key is not the subject 'tenant/lead'",
        "key every record by its ce_subject: names as they are in UTF-8 (composed, NFC) and not "
        "percent-encoded, but for a slash (%2F) or a percent sign (%25) in a name",
    )


def _check_time(timestamp_ms: int, event: EventBase) -> None:
    _not_after(timestamp_ms, "occurred_at", event.occurred_at)
    if isinstance(event, TranscriptReady):
        _not_after(timestamp_ms, "started_at", event.started_at)


def _not_after(timestamp_ms: int, name: str, time: datetime) -> None:
    ahead_ms = time.timestamp() * 1000 - timestamp_ms
    if ahead_ms > _MAX_FUTURE_MS:
        raise BadRecord(
            "in-the-future",
            f"{name} {time.isoformat()} is {ahead_ms / 1000:.0f} s after"
            f" the record's broker time, limit {_MAX_FUTURE_MS / 1000:.0f} s",
            "check the source's clock and time zone"
            if timestamp_ms > 0
            else "set message.timestamp.type=LogAppendTime on the topic",
        )

"""The AsyncAPI 3.0 document: channels, messages and what asllr does with them. Pure;
`schemas.generate` writes it. JSON, which is YAML too, so that no YAML library is needed.
"""

from __future__ import annotations

from typing import Any

from schemas.codec import JSON, TYPE_PREFIX, TYPE_SUFFIX
from schemas.events import EVENT_TYPES, TIMESTAMP_PATTERN, TRACEPARENT_PATTERN
from schemas.ids import ID_BODY, NO_NUL
from schemas.json_schema import MESSAGES, RULES_BEYOND_SCHEMA, JsonSchema, message_schema
from schemas.outputs import FrontierMark
from schemas.topics import (
    ASR_TRANSCRIPTS,
    BOARDS,
    CRM_EVENTS,
    DEAD_LETTER,
    ERASED,
    PROMOTIONS,
    RANKED,
    SCORES,
    SHADOW,
    STATE,
    TOPICS,
    Topic,
)

CONTRACT_VERSION = "1.0.0"
KAFKA_BINDING = "0.5.0"
SCHEMAS = "#/components/schemas/"

_ID = ID_BODY
_PAIR = f"^{_ID}/{_ID}$"
_NAMES = r"^[^/\x00-\x1f]+/[^/\x00-\x1f]+$"
_TOMBSTONE = "RankTombstone"

_MESSAGES_OF: dict[str, tuple[str, ...]] = {
    CRM_EVENTS.name: tuple(name for name in EVENT_TYPES if name != "TranscriptReady"),
    ASR_TRANSCRIPTS.name: ("TranscriptReady",),
    SCORES.name: ("Score",),
    RANKED.name: ("RankUpdate", _TOMBSTONE),
    BOARDS.name: ("BoardSnapshot",),
    PROMOTIONS.name: ("Promotion",),
    DEAD_LETTER.name: ("DeadLetter",),
    ERASED.name: ("Erasure",),
    STATE.name: ("LeadSnapshot", "FrontierMark"),
    SHADOW.name: ("ShadowScore",),
}
_RECEIVED = (CRM_EVENTS, ASR_TRANSCRIPTS, PROMOTIONS)
_SENT = (SCORES, RANKED, BOARDS, PROMOTIONS, DEAD_LETTER, ERASED, STATE, SHADOW)


def asyncapi_document() -> dict[str, Any]:
    """The whole document, ready for JSON: channels, operations, messages and their schemas."""
    schemas: dict[str, JsonSchema] = {}
    for name in MESSAGES:
        schema = message_schema(name, ref_prefix=SCHEMAS)
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "asllr",
            "version": CONTRACT_VERSION,
            "description": _DESCRIPTION,
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": JSON,
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {
            **{f"receive:{topic.name}": _operation("receive", topic) for topic in _RECEIVED},
            **{f"send:{topic.name}": _operation("send", topic) for topic in _SENT},
        },
        "components": {
            "messages": {
                name: _message(name, topic) for topic in TOPICS for name in _MESSAGES_OF[topic.name]
            },
            "schemas": dict(sorted(schemas.items())),
        },
    }


_DESCRIPTION = (
    "CRM events and call transcripts in, ranked leads out. Inputs are CloudEvents 1.0, binary "
    "mode as described here or structured mode (content-type application/cloudevents+json); "
    "ce_source and ce_id together identify an event. Producers partition by murmur2 (Java's "
    "default, `partitioner=murmur2_random` in librdkafka). Both inputs have equally many "
    "partitions. Not expressible as JSON Schema, but checked of every input: "
    + "; ".join(RULES_BEYOND_SCHEMA)
    + ". Of two scores of one lead the one with the greater order (promotion, version, as_of) is "
    "newer, whatever the order of arrival. Inputs evolve BACKWARD_TRANSITIVE, outputs "
    "FULL_TRANSITIVE: readers ignore members they do not know."
)


def _channel(topic: Topic) -> dict[str, Any]:
    configuration = {
        "cleanup.policy": ["compact" if topic.compacted else "delete"],
        "retention.ms": -1 if topic.retention_ms is None else topic.retention_ms,
        "max.message.bytes": topic.max_message_bytes,
    }
    kafka: dict[str, Any] = {
        "topic": topic.name,
        "topicConfiguration": configuration,
        "bindingVersion": KAFKA_BINDING,
    }
    if topic.partitions is not None:
        kafka["partitions"] = topic.partitions
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Value: {topic.value}.",
        "messages": {
            name: {"$ref": f"#/components/messages/{name}"} for name in _MESSAGES_OF[topic.name]
        },
        "bindings": {"kafka": kafka},
    }


def _operation(action: str, topic: Topic) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "messages": [
            {"$ref": f"#/channels/{topic.name}/messages/{name}"}
            for name in _MESSAGES_OF[topic.name]
        ],
    }


def _message(name: str, topic: Topic) -> dict[str, Any]:
    is_tombstone = name == _TOMBSTONE
    return {
        "name": f"{TYPE_PREFIX}{name}{TYPE_SUFFIX}",
        "summary": _TOMBSTONE_TEXT if is_tombstone else _first_sentence(name),
        "contentType": JSON,
        **_headers(name, topic),
        "payload": {"type": "null"} if is_tombstone else {"$ref": SCHEMAS + name},
        "bindings": {"kafka": {"key": _key_schema(name, topic), "bindingVersion": KAFKA_BINDING}},
    }


_TOMBSTONE_TEXT = "The lead stands in no queue; order it by the header asllr_order"


def _first_sentence(name: str) -> str:
    text = " ".join((MESSAGES[name].__doc__ or name).split())
    return text.split(". ")[0].rstrip(".")


def _key_schema(name: str, topic: Topic) -> JsonSchema:
    if name == FrontierMark.__name__:
        return _text(description="frontier:<partition>", pattern=r"^frontier:[0-9]+$")
    match topic.key:
        case "tenant/lead":
            return {"type": "string", "description": _KEY_TEXT, "pattern": _NAMES}
        case "tenant/queue":
            return {"type": "string", "description": topic.key, "pattern": _PAIR}
        case "tenant":
            return {"type": "string", "pattern": rf"^(\*|{_ID})$"}
        case _:
            return {"type": "string", "description": topic.key}


_KEY_TEXT = (
    "tenant/lead, the names as people write them (UTF-8, NFC); in a message and in Redis they are "
    "ids, percent-encoded"
)


def _text(**rules: Any) -> JsonSchema:
    return {"type": "string", **rules}


def _headers(name: str, topic: Topic) -> dict[str, JsonSchema]:
    if topic is PROMOTIONS:
        return {}
    return {
        "headers": _input_headers(name) if name in EVENT_TYPES else _output_headers(name, topic)
    }


def _input_headers(name: str) -> JsonSchema:
    properties = {
        "ce_specversion": _text(const="1.0"),
        "ce_id": _text(minLength=1, maxLength=200, pattern=NO_NUL),
        "ce_source": _text(minLength=1, maxLength=200, pattern=NO_NUL),
        "ce_type": _text(const=f"{TYPE_PREFIX}{name}{TYPE_SUFFIX}"),
        "ce_subject": _text(
            pattern=_NAMES, description="tenant/lead, as in the key; may be percent-encoded"
        ),
        "ce_time": _text(
            format="date-time", pattern=TIMESTAMP_PATTERN, description="when it happened"
        ),
    }
    optional = {"content-type": _text(), "traceparent": _text(pattern=TRACEPARENT_PATTERN)}
    return {
        "type": "object",
        "properties": properties | optional,
        "required": list(properties),
    }


def _output_headers(name: str, topic: Topic) -> JsonSchema:
    required = {
        "ce_specversion": _text(const="1.0"),
        "ce_id": _text(description="the same for every delivery of one record"),
        "ce_source": _text(const="asllr"),
        "ce_type": _text(const=f"{TYPE_PREFIX}{name}{TYPE_SUFFIX}"),
        "ce_subject": _text(description="as the key; names are percent-encoded"),
        "content-type": _text(const=JSON),
    }
    if topic is RANKED:
        required["asllr_order"] = _text(
            pattern=r"^\[-?[0-9]+(,-?[0-9]+){3}\]$",
            description="JSON list of four integers, compared from the left: the lead's version "
            "when the record was caused, then its score's promotion, version and as_of in "
            "milliseconds since 1970. The greatest of a lead wins, tombstones included",
        )
    cause = _text(pattern=TRACEPARENT_PATTERN, description="of what caused it, if that had one")
    return {
        "type": "object",
        "properties": {**required, "traceparent": cause},
        "required": list(required),
    }

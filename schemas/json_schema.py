"""The JSON Schema 2020-12 of a message, made from its model. Pure; `schemas.generate` writes it.

An input's schema describes the payload: the envelope travels as CloudEvents attributes.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from schemas.codec import ENVELOPE
from schemas.events import EVENT_TYPES
from schemas.outputs import (
    BoardSnapshot,
    DeadLetter,
    Erasure,
    FrontierMark,
    LeadSnapshot,
    OutputRecord,
    Promotion,
    RankUpdate,
    Score,
    ShadowScore,
)

JsonSchema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

OUTPUTS: dict[str, type[OutputRecord]] = {
    model.__name__: model
    for model in (
        Score,
        RankUpdate,
        BoardSnapshot,
        DeadLetter,
        Promotion,
        Erasure,
        LeadSnapshot,
        FrontierMark,
        ShadowScore,
    )
}
MESSAGES: dict[str, type[BaseModel]] = {**EVENT_TYPES, **OUTPUTS}

RULES_BEYOND_SCHEMA = (
    "the value is UTF-8 JSON of at most 1 MiB, nested at most 200 deep, without NaN, infinities, "
    "lone surrogates or numbers of more than 4,300 digits",
    "no two fields of a profile have one name in Unicode's composed form (NFC), and none is longer "
    "than 64 characters in it",
    "a segment does not end before it starts (end_s >= start_s)",
    "times are real calendar days (assert the format date-time), in UTC from 1970 to 2999",
    "occurred_at and started_at are at most 5 minutes after the record's broker timestamp",
    "the record's key is the subject tenant/lead with its names not percent-encoded, and its "
    "partition is murmur2(key) mod n",
)
"""What asllr checks of an input that JSON Schema cannot say."""


def message_schema(name: str, *, ref_prefix: str = "#/$defs/") -> JsonSchema:
    """Returns the schema of message `name` with its definitions under `$defs`; references to them
    begin with `ref_prefix`."""
    model = MESSAGES[name]
    schema = model.model_json_schema(ref_template=ref_prefix + "{model}")
    if name in EVENT_TYPES:
        schema["properties"] = {
            field: rule for field, rule in schema["properties"].items() if field not in ENVELOPE
        }
        schema["required"] = [field for field in schema["required"] if field not in ENVELOPE]
    tidy: JsonSchema = _tidy(schema)
    return tidy


def standalone_schema(name: str) -> JsonSchema:
    """Returns what one file holds: schema, dialect and identity."""
    rules = {"$comment": "Also checked: " + "; ".join(RULES_BEYOND_SCHEMA)}
    return {
        "$schema": DIALECT,
        "$id": f"urn:asllr:schema:{name}:v1",
        "title": name,
        **(rules if name in EVENT_TYPES else {}),
        **message_schema(name),
    }


def _tidy(schema: Any) -> Any:
    """Without the titles pydantic derives from field names, and with every object of patterned
    keys closed: pydantic refuses other keys, `patternProperties` alone does not."""
    match schema:
        case dict():
            tidy = {
                key: _tidy(value)
                for key, value in schema.items()
                if not (key == "title" and isinstance(value, str))
            }
            if "patternProperties" in tidy:
                tidy["additionalProperties"] = False
            return tidy
        case list():
            return [_tidy(value) for value in schema]
        case _:
            return schema

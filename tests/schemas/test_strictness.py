"""What the JSON Schema of an input allows the model accepts, and the reverse.

Excepted are the rules of `schemas.json_schema.RULES_BEYOND_SCHEMA`, which need more than one value
or the record around it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError as ModelError

from schemas.codec import ENVELOPE
from schemas.events import EVENT_TYPES, EventBase
from schemas.generate import FOLDER
from tests.schemas.strategies import events_of

ENVELOPE_FIELDS = {
    "id": "1",
    "source": "crm",
    "tenant": "t",
    "lead": "l",
    "occurred_at": "2026-01-31T09:30:00Z",
}
BEYOND_SCHEMA = ("is before start_s", "its UTC time is outside", "Unicode's composed form")

checker = FormatChecker(formats=())


@checker.checks("date-time")
def _is_calendar_day(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return bool(datetime.strptime(value[:10], "%Y-%m-%d"))  # noqa: DTZ007 - only the day
    except ValueError:
        return False


def _validator(name: str) -> Draft202012Validator:
    """In JSON Schema `$` is the end; in Python's `re` it also stands before a last line break."""
    text = (FOLDER / f"{name}.schema.json").read_text().replace('$"', '\\\\Z"')
    return Draft202012Validator(json.loads(text), format_checker=checker)


VALIDATORS = {name: _validator(name) for name in EVENT_TYPES}

numbers = [0, -1, 1, 1.0, 1.5, -0.0, 1e13, 10**400, 604_800.5]
strings = ["", "a", "a\n", "1", "x\x00", "x" * 201, "x" * 4_001, "a/b", "é", "٣", "zh-Hant"]
strings += ["new", "call", "inbound", "a" * 36, "a" * 128, "a" * 129]
times = ["2026-01-31T09:30:00Z", "2026-01-31t09:30:00.5+23:59", "2026-02-30T09:30:00Z"]
times += ["2026-01-31 09:30:00Z", "2026-01-31", "1700000000", "2026-01-31T24:00:00Z"]
times += [
    "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+05:00",
    "2026-01-31T09:30:60Z",
    "2026-01-31T09:30:00",
]
lists: list[Any] = [[], ["a"], ["a"] * 9, [1], [{"role": "agent"}]]
lists += [[{"role": "agent", "start_s": 0, "end_s": 1, "text": "x"}]]
objects: list[Any] = [{}, {"a": 1}, {"A": 1}, {"a": {}}, {f"f{i}": 1 for i in range(513)}]
KEYS = ["ok", "_a", "A", "2nd visit", "größe", "o\u0308", "ö", "預算", "a" * 64, "a" * 65]
KEYS += ["a b" * 21 + "c", "", " ", "a ", "\xa0a", "a\u3000", "a\n", "a\nb", "a\x00", "a\u202eb"]
KEYS += ["a\u2028b", "\ufeffa", "\U0001f699" * 64, "\u0958" * 64]
awkward = st.sampled_from([None, True, False, *numbers, *strings, *times, *lists, *objects])


@st.composite
def mutated_payloads(draw: st.DrawFn, model: type[EventBase]) -> dict[str, Any]:
    payload = draw(events_of(model)).model_dump(mode="json", exclude=set(ENVELOPE))
    fields = st.sampled_from([*payload, "profile", "unknown_field"])
    for _ in range(draw(st.integers(0, 2))):
        name = draw(fields)
        if draw(st.booleans()):
            payload.pop(name, None)
        else:
            payload[name] = draw(awkward)
    segments = payload.get("segments")
    if isinstance(segments, list) and segments and isinstance(segments[0], dict):
        names = st.sampled_from(["role", "start_s", "end_s", "text", "confidence", "other"])
        segments[0] = segments[0] | draw(st.dictionaries(names, awkward, max_size=1))
    profile = payload.get("profile")
    if isinstance(profile, dict):
        payload["profile"] = profile | draw(st.dictionaries(st.sampled_from(KEYS), awkward))
    return payload


@pytest.mark.slow
@pytest.mark.parametrize("name", EVENT_TYPES)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_schema_and_model_agree(name: str, data: st.DataObject) -> None:
    payload = data.draw(mutated_payloads(EVENT_TYPES[name]))
    by_schema = [fault.message for fault in VALIDATORS[name].iter_errors(payload)]
    by_model = [
        fault
        for fault in _model_faults(name, payload)
        if not any(rule in fault for rule in BEYOND_SCHEMA)
    ]
    assert bool(by_schema) is bool(by_model), (by_schema, by_model)


def _model_faults(name: str, payload: dict[str, Any]) -> list[str]:
    try:
        EVENT_TYPES[name].model_validate(payload | ENVELOPE_FIELDS)
    except ModelError as error:
        return [fault["msg"] for fault in error.errors()]
    return []

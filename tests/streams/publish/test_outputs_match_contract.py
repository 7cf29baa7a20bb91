"""What the roles write is what the AsyncAPI document says: topic, key, headers and payload."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import from_json

from schemas.codec import Record
from schemas.generate import FOLDER
from schemas.json_schema import OUTPUTS
from schemas.topics import BOARDS, CRM_EVENTS, DEAD_LETTER, ERASED, RANKED, SCORES, STATE
from streams.kafka.producer import OutRecord
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import clicks, erased, joins
from tests.support.leads.records import NOW_MS
from tests.support.roles import Roles

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text())
    return document


def _faults(record: OutRecord, asyncapi: dict[str, Any]) -> list[str]:
    """Against every message that the record's type says it is and its channel carries."""
    headers = {name: content.decode() for name, content in record.headers}
    name = headers["ce_type"].removeprefix("asllr.").removesuffix(".v1")
    assert name in asyncapi["channels"][record.topic]["messages"]
    message = asyncapi["components"]["messages"][name]
    instances = {
        "headers": (message["headers"], headers),
        "payload": (message["payload"], None if record.value is None else from_json(record.value)),
        "key": (message["bindings"]["kafka"]["key"], record.key.decode()),
    }
    return [
        f"{name} {part}: {fault.message}"
        for part, (schema, instance) in instances.items()
        for fault in Draft202012Validator(
            {**schema, "components": asyncapi["components"]}
        ).iter_errors(instance)
    ]


def test_every_record_on_every_output_topic_is_as_documented(
    memory_roles: Roles, asyncapi: dict[str, Any]
) -> None:
    roles = memory_roles
    traced = joins(1).model_copy(update={"traceparent": TRACEPARENT})
    roles.ingest(*events(seed=1, n=200, n_leads=12), traced, clicks(2))
    place = (CRM_EVENTS.name, 0)
    offset = len(roles.log[place])
    roles.log[place].append(Record(*place, offset, NOW_MS, b"\xff", b"{", [("x", None)]))
    roles.catch_up()
    publisher = roles.publisher(state_every_s=1.0)
    roles.settle(roles.worker(), publisher)
    roles.clock.advance(1_000)
    roles.settle(roles.worker(), publisher)
    roles.ingest(erased(3))
    roles.settle(roles.worker(), publisher)
    assert [fault for record in roles.output.records for fault in _faults(record, asyncapi)] == []
    written = Counter(record.topic for record in roles.output.records)
    assert written.keys() == {t.name for t in (SCORES, RANKED, BOARDS, DEAD_LETTER, ERASED, STATE)}
    assert b"frontier:0" in {record.key for record in roles.output.of(STATE.name)}
    assert any(record.value is None for record in roles.output.of(RANKED.name))
    assert ("traceparent", TRACEPARENT.encode()) in [
        header for record in roles.output.of(SCORES.name, "acme/a") for header in record.headers
    ]


def test_what_is_written_is_read_back_as_it_was_meant(memory_roles: Roles) -> None:
    roles = memory_roles
    roles.ingest(*events(seed=1, n=200, n_leads=12), clicks(2))
    roles.settle(roles.worker(), roles.publisher())
    for record in roles.output.records:
        name = dict(record.headers)["ce_type"].decode().removeprefix("asllr.").removesuffix(".v1")
        if record.value is not None:
            read = OUTPUTS[name].model_validate_json(record.value)
            assert from_json(read.model_dump_json(exclude_none=True)) == _without_nulls(
                from_json(record.value)
            )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def test_an_undocumented_record_is_noticed(asyncapi: dict[str, Any]) -> None:
    """Else the test above would prove nothing."""
    headers = (("ce_type", b"asllr.Erasure.v1"), ("traceparent", b"nonsense"))
    faults = _faults(OutRecord(ERASED.name, b"no lead", b'{"tenant":"a"}', headers), asyncapi)
    for part in ("headers", "payload", "key"):
        assert any(part in fault for fault in faults)

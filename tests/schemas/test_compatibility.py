"""Every wire format ever published stays readable: topics are replayed and compacted topics keep
old records. `fixtures/v<n>/` is written once; a file in it is never changed or removed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.codec import ENVELOPE, Record, encode
from schemas.events import EVENT_TYPES
from schemas.generate import FOLDER
from schemas.json_schema import MESSAGES, OUTPUTS
from schemas.partitioner import partition_for
from schemas.record_check import decode

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("v*/*.json"))
INPUT_FIXTURES = [path for path in FIXTURES if path.name.split(".")[0] in EVENT_TYPES]
OUTPUT_FIXTURES = [path for path in FIXTURES if path.name.split(".")[0] in OUTPUTS]


def _load(path: Path) -> Any:
    return json.loads(path.read_text())


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_every_message_has_a_fixture() -> None:
    first_version = {path.name.split(".")[0] for path in FIXTURES if path.parent.name == "v1"}
    assert first_version == set(MESSAGES)


@pytest.mark.parametrize("path", INPUT_FIXTURES, ids=_name)
def test_old_input_still_decodes_to_what_it_said(path: Path) -> None:
    fixture = _load(path)
    key = fixture["key"].encode()
    headers = [(name, text.encode()) for name, text in fixture["headers"].items()]
    record = Record(
        fixture["topic"],
        partition_for(key, 8),
        0,
        1_800_000_000_000,
        key,
        json.dumps(fixture["value"]).encode(),
        headers,
    )
    event = decode(record, n_partitions=8)
    assert type(event).__name__ == path.name.split(".")[0]
    assert str(event.key) == fixture["key"]
    assert (
        event.model_dump(mode="json", exclude_unset=True, exclude=set(ENVELOPE)) == fixture["says"]
    )
    assert decode(Record(*_binary(event, record)), n_partitions=8) == event


def _binary(event: Any, record: Record) -> tuple[Any, ...]:
    key, value, headers = encode(event)
    return record.topic, record.partition, 0, record.timestamp_ms, key, value, headers


@pytest.mark.parametrize("path", OUTPUT_FIXTURES, ids=_name)
def test_old_output_is_still_read_and_still_valid(path: Path) -> None:
    """Read by this code, and by anyone who validates with this version's schema."""
    name = path.name.split(".")[0]
    value = _load(path)
    message = OUTPUTS[name].model_validate_json(json.dumps(value))
    assert message.model_dump(mode="json", exclude_unset=True) == value
    schema = _load(FOLDER / f"{name}.schema.json")
    assert [fault.message for fault in Draft202012Validator(schema).iter_errors(value)] == []

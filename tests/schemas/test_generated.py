"""The generated contracts: never stale, valid against their meta-schemas, complete."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from schemas.generate import FOLDER, drifted, generated_files, main
from schemas.json_schema import MESSAGES
from schemas.topics import TOPICS

# 3.0.0.json of @asyncapi/specs 6.11.1, Apache-2.0, https://github.com/asyncapi/spec-json-schemas
META_SCHEMA = Path(__file__).parent / "asyncapi-3.0.0.json.gz"


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text())
    return document


@pytest.fixture(scope="module")
def meta() -> Draft7Validator:
    return Draft7Validator(json.loads(gzip.decompress(META_SCHEMA.read_bytes())))


def test_generated_files_are_those_of_the_models() -> None:
    assert drifted(FOLDER, generated_files()) == []


def test_check_names_each_drifted_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "Score.schema.json").write_text("{}")
    (tmp_path / "asyncapi.json").unlink()
    (tmp_path / "Gone.schema.json").write_text("{}")
    assert main(["--check"], tmp_path) == 1
    stderr = capsys.readouterr().err
    for name in ("Score.schema.json", "asyncapi.json", "Gone.schema.json"):
        assert str(tmp_path / name) in stderr
    assert main([], tmp_path) == 0
    assert drifted(tmp_path, generated_files()) == []


@pytest.mark.parametrize("name", MESSAGES)
def test_message_schema_is_valid_2020_12(name: str) -> None:
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_asyncapi_document_is_valid(asyncapi: dict[str, Any], meta: Draft7Validator) -> None:
    assert [error.message for error in meta.iter_errors(asyncapi)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("info", "version"), 1),
        (("operations", "send:leads.scores", "action"), "publish"),
        (("channels", "leads.scores", "bindings", "kafka", "partitions"), "four"),
        (("components", "messages", "Score", "headers"), 3),
        (("components", "schemas", "Score", "properties"), []),
    ],
)
def test_meta_schema_reaches_every_corner(
    asyncapi: dict[str, Any], meta: Draft7Validator, path: tuple[str, ...], value: Any
) -> None:
    """Else a valid document would prove nothing."""
    broken = deepcopy(asyncapi)
    *parents, last = path
    target = broken
    for name in parents:
        target = target[name]
    target[last] = value
    assert not meta.is_valid(broken)


def test_every_reference_resolves(asyncapi: dict[str, Any]) -> None:
    """The meta-schema does not follow references."""
    references = _references(asyncapi)
    assert references
    for reference in references:
        target: Any = asyncapi
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_every_topic_and_message_is_described(asyncapi: dict[str, Any]) -> None:
    assert set(asyncapi["channels"]) == {topic.name for topic in TOPICS}
    assert set(asyncapi["components"]["messages"]) >= set(MESSAGES)
    used = {operation["channel"]["$ref"] for operation in asyncapi["operations"].values()}
    assert used == {f"#/channels/{topic.name}" for topic in TOPICS}


def _references(node: Any) -> list[str]:
    match node:
        case {"$ref": str(reference)}:
            return [reference]
        case dict():
            return [found for value in node.values() for found in _references(value)]
        case list():
            return [found for value in node for found in _references(value)]
        case _:
            return []

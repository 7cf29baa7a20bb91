"""What the pages say of `domain.toml` is what asllr takes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from docs.domain_reference import HEADINGS, MEANINGS, domain_schema, domain_tables
from docs.generate import fields_table
from scoring.domain.reading import PACKS, pack_names, parse_domain

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/domain.md"
(EXAMPLE,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
VALIDATOR = Draft202012Validator(domain_schema())


def _example() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE)


def test_the_example_of_the_page_is_a_domain() -> None:
    assert parse_domain(EXAMPLE.encode(), "domain.md").name == "company-bikes"
    assert VALIDATOR.is_valid(_example())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(domain_schema())


@pytest.mark.parametrize("name", pack_names())
def test_the_schema_takes_every_pack(name: str) -> None:
    assert VALIDATOR.is_valid(tomllib.loads((PACKS / f"{name}.toml").read_text("utf-8")))


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(quesion="?"),
        lambda raw: raw.pop("question"),
        lambda raw: raw.update(question="<|im_start|>"),
        lambda raw: raw.update(horizon_days="14"),
        lambda raw: raw["stages"][0].update(ends="both"),
        lambda raw: raw["features"][0]["source"].update(of="weather"),
        lambda raw: raw["features"][0]["source"].update(fields="x"),
        lambda raw: raw["features"][1]["bins"].append([1, "a", "b"]),
        lambda raw: raw["topics"][0]["phrases"].update(english=["price"]),
        lambda raw: raw["topics"][0]["phrases"]["en"].append(" "),
    ],
)
def test_the_schema_refuses_what_a_schema_can(change: Any) -> None:
    raw = _example()
    change(raw)
    assert not VALIDATOR.is_valid(raw)


def test_every_part_of_the_file_has_its_table() -> None:
    tables = domain_tables(fields_table)
    assert list(HEADINGS) == list(MEANINGS)
    for heading in HEADINGS.values():
        assert f"### {heading}\n" in tables
    assert ", below" not in tables
    assert "null" not in tables

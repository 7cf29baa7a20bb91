"""What docs/reference/ says that follows from the code agrees with it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from docs import generate
from schemas.json_schema import MESSAGES
from schemas.topics import TOPICS
from streams import exit_codes
from streams.settings import VARIABLES, markdown_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_generated_parts_of_the_documentation_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr


def _first_column(table: str) -> list[str]:
    return [line.split("|")[1].strip().strip("`") for line in table.splitlines()[2:]]


def test_every_exit_code_is_in_its_table() -> None:
    numbers = [str(value) for value in vars(exit_codes).values() if type(value) is int]
    assert _first_column(generate.exit_codes()) == numbers


def test_every_setting_and_every_topic_is_in_its_table() -> None:
    assert _first_column(markdown_table()) == [variable.name for variable in VARIABLES]
    assert _first_column(generate.topics()) == [topic.name for topic in TOPICS]


def test_every_message_is_shown_with_what_it_is_for() -> None:
    shown = generate.events() + generate.outputs()
    assert [name for name in MESSAGES if f"`{name}`" not in shown] == []


def test_a_field_without_a_meaning_is_refused() -> None:
    class Made(BaseModel):
        known: int
        unknown: int

    schema = Made.model_json_schema()
    with pytest.raises(ValueError, match=r"Made: field and meaning must come together: unknown"):
        generate.fields_table("Made", schema, {"known": "a number"})


def test_a_meaning_of_no_field_is_refused() -> None:
    class Made(BaseModel):
        known: int

    meanings = {"known": "a number", "renamed": "another"}
    with pytest.raises(ValueError, match=r"must come together: renamed"):
        generate.fields_table("Made", Made.model_json_schema(), meanings)


def test_a_page_that_lost_its_markers_is_an_error() -> None:
    text = "<!-- a: begin -->\nold\n<!-- a: end -->\n"
    assert generate.between(text, "a", "new") == "<!-- a: begin -->\nnew\n<!-- a: end -->\n"
    for broken in ("", text.replace("<!-- a: end -->", ""), text + text):
        with pytest.raises(ValueError, match="expected one"):
            generate.between(broken, "a", "new")


def test_every_file_of_the_packages_has_a_line_that_says_something() -> None:
    shown = dict(re.findall(r"^- `(.+?)`: (.+)$", generate.file_map(), re.MULTILINE))
    python = {
        str(path.relative_to(ROOT))
        for package in generate.PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert python - shown.keys() == set()
    assert [path for path, line in shown.items() if "no docstring" in line] == []

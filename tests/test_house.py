"""Where a newcomer looks is where it is, no folder is crowded, no name means two things."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "scoring", "streams", "training")
MOST_FILES = 20
"""In one folder, its `__init__.py` not counted."""
MOST_LINES = 350

WHERE = {
    "Where is a Kafka record checked?": ("schemas/record_check.py", "decode"),
    "Where is a state joined?": ("scoring/lead/join.py", "join"),
    "What does the model read?": ("scoring/prompt/prompt.py", "build_prompt"),
    "What is written to Redis in one step?": ("streams/store/lua/commit.lua", "writes"),
    "In which order is a score published?": ("streams/publish/publisher.py", "publish"),
    "Where does a replay fold?": ("streams/replay/fold.py", "Course"),
    "Where are LoRA steps taken?": ("training/fit/steps.py", "FitSteps"),
    "What does `asllr try` read?": ("streams/importers/tables/exports.py", "read_exports"),
}
"""Question -> the file and what in it answers."""


def _code() -> list[Path]:
    found = [path for folder in PACKAGES for path in (ROOT / folder).rglob("*.py")]
    return [ROOT / "asllr.py", *sorted(found)]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("question", WHERE)
def test_the_question_of_a_newcomer_has_its_file(question: str) -> None:
    file, name = WHERE[question]
    assert name in _defined(ROOT / file)


def _defined(path: Path) -> set[str]:
    if path.suffix == ".lua":
        return set(re.findall(r"^local (?:function )?(\w+)", path.read_text("utf-8"), re.MULTILINE))
    return {node.name for node in ast.walk(_tree(path)) if hasattr(node, "name")}


@pytest.mark.parametrize("question", WHERE)
def test_the_architecture_page_gives_the_same_answer(question: str) -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    assert f"| {question} | `{WHERE[question][0]}`" in page


def test_no_folder_is_crowded() -> None:
    folders = Counter(path.parent for path in [*_code(), *(ROOT / "tests").rglob("*.py")])
    folders.subtract(path.parent for path in folders_with_init())
    crowded = {_name(folder): n for folder, n in folders.items() if n > MOST_FILES}
    assert crowded == {}


def folders_with_init() -> list[Path]:
    return [path for path in _code() if path.name == "__init__.py"]


def test_no_file_is_long() -> None:
    files = [*_code(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.py")]
    long = {
        _name(path): n
        for path in files
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}


def test_every_room_says_in_one_line_what_lives_there() -> None:
    for folder in {path.parent for path in _code()} - {ROOT}:
        lines = (folder / "__init__.py").read_text(encoding="utf-8").splitlines()
        assert len(lines) == 1, f"{_name(folder)}/__init__.py holds more than one line"
        assert ast.get_docstring(_tree(folder / "__init__.py")), f"{_name(folder)} says nothing"


def test_tests_stand_in_rooms_of_the_same_name() -> None:
    """A folder of `tests/schemas`, `tests/scoring`, … is a folder of the code; data may stand in
    folders without Python."""
    strange = [
        _name(folder)
        for package in PACKAGES
        for folder in {path.parent for path in (ROOT / "tests" / package).rglob("*.py")}
        if not (ROOT / folder.relative_to(ROOT / "tests")).is_dir()
    ]
    assert strange == []


def test_no_public_class_or_alias_has_the_name_of_another() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for path in _code():
        tree = _tree(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].add(_name(path))
        for node in tree.body:
            for name in _aliases(node):
                homes[name].add(_name(path))
    twice = {
        name: sorted(files)
        for name, files in homes.items()
        if len(files) > 1 and not name.startswith("_")
    }
    assert twice == {}


def _aliases(node: ast.stmt) -> list[str]:
    """Types by assignment: CamelCase, so neither constants nor type variables of one letter."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name] if name[0].isupper() and not name.isupper() else []
        case _:
            return []

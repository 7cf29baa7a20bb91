"""The check of links, paths and module names finds what is not there, and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from docs.check_links import anchors_of, check, our_files

GUIDE = """# A guide

## Before you start

See [the other page](other.md), [its part](other.md#which-one-wins) and [here](#before-you-start).
"""
OTHER = """# Another page

## Which one wins?

`scoring/fold.py` is read first.
"""
MODULE = '''"""The fold. `scoring.fold.evolve` and `scoring.fold.State.join` are all there is."""

class State:
    def join(self): ...

def evolve(state): ...
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "docs/guide.md": GUIDE,
        "docs/other.md": OTHER,
        "scoring/__init__.py": "",
        "scoring/fold.py": MODULE,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def _found(root: Path, name: str, text: str) -> list[str]:
    """What is found in `text` alone, added as the file `name`."""
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)
    return [str(one) for one in check(root, [Path(name)])]


def test_nothing_is_found_where_all_is_there(root: Path) -> None:
    names = ["docs/guide.md", "docs/other.md", "scoring/__init__.py", "scoring/fold.py"]
    assert check(root, map(Path, names)) == []


def test_a_broken_link_is_found_with_its_line(root: Path) -> None:
    found = _found(root, "docs/new.md", "# New\n\nSee [the guide](guides.md).\n")
    assert found == ["docs/new.md:3: no such file or folder: guides.md"]


def test_a_broken_anchor_is_found_in_this_page_and_in_another(root: Path) -> None:
    found = _found(
        root, "docs/new.md", "[a](#none) [b](other.md#which-one) [c](other.md#another-page)"
    )
    assert found == [
        "docs/new.md:1: no such heading: #none",
        "docs/new.md:1: no such heading: other.md#which-one",
    ]


def test_a_broken_link_by_definition_is_found(root: Path) -> None:
    found = _found(root, "docs/new.md", "[the guide][1]\n\n[1]: guides.md\n")
    assert found == ["docs/new.md:3: no such file or folder: guides.md"]


@pytest.mark.parametrize("target", ["../../outside.md", "/docs/guide.md"])
def test_a_link_that_leaves_the_repository_is_found(root: Path, target: str) -> None:
    assert len(_found(root, "docs/new.md", f"[x]({target})")) == 1


def test_links_in_code_and_to_other_sites_are_left_alone(root: Path) -> None:
    text = "`[a](none.md)` [b](https://example.org/none.md)\n\n```\n[c](none.md)\n```\n"
    assert _found(root, "docs/new.md", text) == []


@pytest.mark.parametrize(
    "text",
    [
        "`scoring/folds.py`",
        "scoring/folds.py",
        "scoring/folds/",
        "`tests/*_fold.py`",
        "docs/no.md.",
    ],
)
def test_a_missing_path_is_found(root: Path, text: str) -> None:
    assert len(_found(root, "docs/new.md", f"It is in {text} today.")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "scoring/fold.py.",
        "`scoring/`",
        "`scoring/*.py`",
        "https://example.org/docs/no.md",
        "`DIR/scoring/no.py`",
        "scoring/<name>.py",
        "ingest/scoring",
    ],
)
def test_what_is_there_or_no_path_of_ours_is_left_alone(root: Path, text: str) -> None:
    assert _found(root, "docs/new.md", f"It is in {text} today") == []


def test_a_page_in_capitals_that_is_not_there_is_found(root: Path) -> None:
    assert _found(root, "docs/new.md", "See PROTOCOL.md.") == [
        "docs/new.md:1: no such file: PROTOCOL.md"
    ]


def test_docstrings_and_comments_are_read_and_strings_are_not(root: Path) -> None:
    text = '''"""See
scoring/no.py."""
x = "scoring/neither.py"  # as scoring/nor.py
'''
    assert _found(root, "streams/new.py", text) == [
        "streams/new.py:2: no such file or folder: scoring/no.py",
        "streams/new.py:3: no such file or folder: scoring/nor.py",
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("scoring.folds", "no such module: scoring.folds"),
        ("scoring.folds.evolve", "no such module: scoring.folds.evolve"),
        ("scoring.fold.revolve", "scoring/fold.py does not define revolve"),
        ("scoring.fold.State.meet", "scoring/fold.py does not define State.meet"),
    ],
)
def test_a_name_that_leads_nowhere_is_found(root: Path, name: str, why: str) -> None:
    assert _found(root, "streams/new.py", f'"""As `{name}` does."""') == [
        f"streams/new.py:1: {why}"
    ]


def test_a_module_that_cannot_be_run_is_found(root: Path) -> None:
    text = "python -m scoring.fold\npython -m scoring.no --out x\n"
    assert _found(root, "docs/new.md", text) == ["docs/new.md:2: no such module: scoring.no"]


def test_anchors_are_those_of_github() -> None:
    text = "# `asllr dead-letters list`\n## A — b, c?\n## Twice\n## Twice\n## [Linked](x.md) too\n"
    assert anchors_of(text) == {
        "asllr-dead-letters-list",
        "a--b-c",
        "twice",
        "twice-1",
        "linked-too",
    }


def test_the_files_that_are_checked_are_those_that_git_knows_or_would_add(root: Path) -> None:
    (root / ".gitignore").write_text("build/\n")
    (root / "build").mkdir()
    (root / "build/made.md").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    assert Path("docs/guide.md") in our_files(root)
    assert Path("build/made.md") not in our_files(root)

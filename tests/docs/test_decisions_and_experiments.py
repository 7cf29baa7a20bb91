"""Decisions are numbered, dated and indexed; each experiment answers a question and is found."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "explanation" / "decisions"
EXPERIMENTS = ROOT / "docs" / "experiments"

NOT_DECISIONS = frozenset({"README.md", "dependencies.md"})
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
SECTIONS = ("Decision", "Why", "Found", "Rejected", "Price", "What would change our mind")
"""In this order; a decision has the first one and those in which it has something to say."""


def _decisions() -> list[Path]:
    return sorted(path for path in DECISIONS.glob("*.md") if path.name not in NOT_DECISIONS)


def _experiments() -> list[Path]:
    return sorted(path for path in EXPERIMENTS.glob("*.md") if path.name != "README.md")


def _headings(path: Path, level: int) -> list[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.findall(rf"^{'#' * level} (.+)$", text, flags=re.M)


def _rows(index: Path) -> list[list[str]]:
    """The cells of the first table of a page, without its head."""
    table = re.search(r"(?:^\|.*\n)+", index.read_text(encoding="utf-8"), flags=re.M)
    assert table is not None
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in table[0].splitlines()[2:]
    ]


def _date_of(path: Path) -> date:
    lines = path.read_text(encoding="utf-8").splitlines()
    match = re.fullmatch(r"Date: (\d{4}-\d{2}-\d{2})", lines[2])
    assert match is not None, f"{path.name}: its third line is not `Date: YYYY-MM-DD`"
    return date.fromisoformat(match[1])


def test_decisions_are_numbered_without_gaps_in_order_of_their_dates() -> None:
    names = [path.name for path in _decisions()]
    assert [name[:5] for name in names] == [f"{n:04d}-" for n in range(1, len(names) + 1)]
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", name) for name in names)
    dates = [_date_of(path) for path in _decisions()]
    assert dates == sorted(dates)


def test_a_decision_has_one_heading_with_its_number() -> None:
    for path in _decisions():
        (heading,) = _headings(path, 1)
        assert heading.startswith(f"{path.name[:4]}. "), path.name


def test_a_decision_has_the_known_sections_in_their_order() -> None:
    for path in _decisions():
        sections = _headings(path, 2)
        assert sections[0] == SECTIONS[0], path.name
        assert sections == [name for name in SECTIONS if name in sections], path.name


def test_the_index_of_decisions_has_each_number_date_and_title() -> None:
    expected = [
        [
            f"[{path.name[:4]}]({path.name})",
            _date_of(path).isoformat(),
            _headings(path, 1)[0].partition(". ")[2],
        ]
        for path in _decisions()
    ]
    assert _rows(DECISIONS / "README.md") == expected


def test_an_experiment_begins_with_a_question_an_answer_and_a_table() -> None:
    for path in _experiments():
        (heading,) = _headings(path, 1)
        assert heading.endswith("?"), path.name
        top = path.read_text(encoding="utf-8").partition("\n## ")[0].split("\n\n")
        assert top[0] == f"# {heading}", path.name
        assert not top[1].startswith("|"), f"{path.name}: the answer comes before the table"
        assert any(re.match(r"\|.*\|\n\|[-|]+\|\n\|", part) for part in top), path.name
        assert _headings(path, 2), f"{path.name}: no details"


def test_the_sections_of_an_experiment_are_dated_newest_first() -> None:
    for path in _experiments():
        dates = [date.fromisoformat(heading.partition(": ")[0]) for heading in _headings(path, 2)]
        assert dates == sorted(dates, reverse=True), path.name


def test_the_index_of_experiments_has_each_question_once() -> None:
    rows = {where: question for question, _, where in _rows(EXPERIMENTS / "README.md")}
    assert rows == {f"[{path.name}]({path.name})": _headings(path, 1)[0] for path in _experiments()}
    assert len(_rows(EXPERIMENTS / "README.md")) == len(rows)


def test_links_between_pages_lead_somewhere() -> None:
    for path in (*DECISIONS.glob("*.md"), *EXPERIMENTS.glob("*.md")):
        for target in LINK.findall(path.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"

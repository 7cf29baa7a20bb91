"""Builds the documentation as a site that needs no network: `python docs/build_site.py [FOLDER]`.

The pages are copied first, because two things differ from how GitHub shows them: a link to a file
that is no page takes the file along, one to a folder becomes plain text; and lists are indented as
the site's Markdown wants them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeAlias

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build"
STYLE = "docs/site.css"

Section: TypeAlias = tuple[str, "Nav"]
Nav: TypeAlias = list["str | Section"]
"""Pages by name, and sections of them under a heading."""

SECTIONS = {
    "Tutorials": "docs/tutorials",
    "How-to": "docs/how-to",
    "Reference": "docs/reference",
    "Explanation": "docs/explanation",
    "Decisions": "docs/explanation/decisions",
    "Experiments": "docs/experiments",
}
"""Heading -> folder; a folder within another is a section of it."""

FIRST = {
    "docs/tutorials": ("first-queue", "your-exports", "first-model"),
    "docs/how-to": (
        "wire-up-a-crm",
        "deploy",
        "promote-a-model",
        "shadow-a-candidate",
        "recover-redis",
        "mend-dead-letters",
        "erase-a-person",
        "replay-and-verify",
        "backtest",
        "describe-your-business",
        "make-a-dataset",
        "bring-a-base",
        "add-an-event",
        "add-an-engine",
    ),
    "docs/reference": (
        "commands",
        "settings",
        "topics-and-events",
        "score-record",
        "transcripts",
        "domain",
        "artifact-format",
        "recording-format",
        "exit-codes",
        "glossary",
        "files",
    ),
    "docs/explanation": ("architecture", "protocol", "engines", "the-model", "evaluation"),
    "docs/experiments": ("README",),
}
"""Pages in reading order; others follow by name."""

_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s:]+?)(#[^)\s]*)?\)")
_ITEM = re.compile(r"^( *)([-*+]|\d+[.)])( +)(?=\S)")
_FENCE = re.compile(r"^ *(```+|~~~+)")


def build(root: Path, out: Path) -> Path:
    """The site below `out`. Raises CalledProcessError, whose `stdout` says what is wrong: a link or
    an anchor that leads nowhere."""
    pages = page_names(root)
    shutil.rmtree(out / "pages", ignore_errors=True)
    shutil.rmtree(out / "site", ignore_errors=True)
    for name in pages:
        _copy(root, name, out / "pages", set(pages))
    shutil.copyfile(root / STYLE, out / "pages" / STYLE)
    config = (root / "zensical.toml").read_text(encoding="utf-8")
    added = f'[project]\ndocs_dir = "pages"\nsite_dir = "site"\nnav = {_toml(navigation(pages))}\n'
    (out / "zensical.toml").write_text(config.replace("[project]\n", added, 1), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", "zensical.toml"],
        cwd=out,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return out / "site"


def page_names(root: Path) -> list[str]:
    patterns = ("*.md", "docs/**/*.md", "deploy/**/*.md")
    return sorted({str(path.relative_to(root)) for one in patterns for path in root.glob(one)})


def navigation(pages: Iterable[str]) -> Nav:
    """The sections in their order, each with its pages in reading order; then the other pages."""
    rest = [name for name in pages if name != "README.md"]
    top: Nav = ["README.md"]
    sections: dict[str, Nav] = {}
    for heading, folder in SECTIONS.items():
        names = sorted((name for name in rest if _folder(name) == folder), key=_place)
        if names:
            here: Nav = [*names]
            sections[folder] = here
            sections.get(_folder(folder), top).append((heading, here))
    others: Nav = [name for name in rest if _folder(name) not in SECTIONS.values()]
    return [*top, ("Project", others)] if others else top


def _folder(name: str) -> str:
    return str(PurePosixPath(name).parent)


def _place(name: str) -> tuple[int, str]:
    path = PurePosixPath(name)
    first = FIRST.get(str(path.parent), ())
    return (first.index(path.stem) if path.stem in first else len(first), name)


def _toml(nav: Nav) -> str:
    return f"[{', '.join(map(_toml_entry, nav))}]"


def _toml_entry(entry: str | Section) -> str:
    match entry:
        case str():
            return json.dumps(entry)  # plain names: what JSON says of them, TOML says too
        case (heading, pages):
            return f"{{ {json.dumps(heading)} = {_toml(pages)} }}"


def _copy(root: Path, name: str, out: Path, pages: set[str]) -> None:
    taken: set[Path] = set()

    def link(found: re.Match[str]) -> str:
        target = ((root / name).parent / found[2]).resolve()
        if not target.is_relative_to(root.resolve()) or not target.exists():
            return found[0]  # for the site's own check to name
        if target.is_dir():
            return found[1]
        if str(target.relative_to(root.resolve())) not in pages:
            taken.add(target.relative_to(root.resolve()))
        return found[0]

    text = (root / name).read_text(encoding="utf-8")
    lines = [
        line if is_code else _LINK.sub(link, line)
        for line, is_code in with_lists(text.splitlines())
    ]
    for path in (Path(name), *taken):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for path in taken:
        shutil.copyfile(root / path, out / path)


def with_lists(lines: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """(line, whether it is code). A list begins after an empty line, and what is within an item
    stands four columns further in, whatever the width of its mark."""
    columns: list[int] = []  # where the content of each open item begins
    fence, before = "", ""
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        mark = _FENCE.match(line)
        is_code = bool(fence or mark)
        item = None if is_code else _ITEM.match(line)
        is_first = item is not None and not columns
        if not fence and line.strip():
            while columns and indent < columns[-1] and (item or mark or not before.strip()):
                columns.pop()
        if item and is_first and before.strip() and item[2] in INTERRUPTING:
            yield "", False
        outer = columns[-1] if columns else 0
        shift = " " * (4 * len(columns) + max(0, indent - outer)) if line.strip() else ""
        yield shift + line[indent:], is_code
        if item and (columns or indent < 4):
            columns.append(item.end())
        fence = _fence_after(line, mark, fence)
        before = line


INTERRUPTING = ("-", "*", "+", "1.", "1)")
"""With these a list may begin right after a line of text."""


def _fence_after(line: str, mark: re.Match[str] | None, fence: str) -> str:
    if not fence:
        return mark[1] if mark else ""
    is_end = mark and mark[1].startswith(fence) and not line.strip().strip(fence[0])
    return "" if is_end else fence


def main(arguments: list[str]) -> int:
    try:
        site = build(ROOT, Path(arguments[0]) if arguments else OUT)
    except subprocess.CalledProcessError as error:
        print(error.stdout, file=sys.stderr)
        return 1
    print(f"built {site}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

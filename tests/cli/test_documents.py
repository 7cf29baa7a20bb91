"""What the documentation says that follows from the code agrees with it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from asllr import main
from schemas.codec import Record
from schemas.events import InteractionLogged
from schemas.partitioner import partition_for
from schemas.record_check import decode
from schemas.topics import CRM_EVENTS
from streams.cli.reference import walk

ROOT = Path(__file__).resolve().parents[2]


def _sources() -> list[Path]:
    folders = ("schemas", "scoring", "streams", "training")
    return [ROOT / "asllr.py", *(path for f in folders for path in (ROOT / f).rglob("*.py"))]


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in _sources()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_example_event_of_the_wiring_page_is_one_that_asllr_accepts() -> None:
    text = (ROOT / "docs" / "how-to" / "wire-up-a-crm.md").read_text(encoding="utf-8")
    match = re.search(r"key +(\S+)\n +headers +(.*?)\n +value +(.*?)\n", text, re.DOTALL)
    assert match
    key, headers, value = match[1].encode(), match[2], match[3].encode()
    record = Record(
        topic=CRM_EVENTS.name,
        partition=partition_for(key, 8),
        offset=0,
        timestamp_ms=1_800_000_000_000,
        key=key,
        value=value,
        headers=[
            (name, content.encode()) for name, content in re.findall(r"([a-z_-]+): (\S+)", headers)
        ],
    )
    assert isinstance(decode(record, n_partitions=8), InteractionLogged)


def test_wiring_page_names_commands_that_exist_and_makes_a_model_live() -> None:
    text = (ROOT / "docs" / "how-to" / "wire-up-a-crm.md").read_text(encoding="utf-8")
    (steps,) = re.findall(r"## Steps\n(.*?)\n## ", text, re.DOTALL)
    named = [words.split() for words in re.findall(r"`asllr ([a-z -]+)", steps)]
    known = [list(path[1:]) for path, _ in walk(main, ("asllr",))]
    assert all(any(words[: len(path)] == path for path in known if path) for words in named)
    assert ["promote"] in named


def test_first_model_trains_and_compares_with_options_that_exist() -> None:
    text = (ROOT / "docs" / "tutorials" / "first-model.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"## The same with your own.*?```\n(.*?)```", text, re.DOTALL)
    known = {path[1:]: command for path, command in walk(main, ("asllr",))}
    for line in section.splitlines():
        words = line.partition("#")[0].split()[1:]
        path = ("dataset", "build") if words[0] == "dataset" else (words[0],)
        options = {option for each in known[path].params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= options, line

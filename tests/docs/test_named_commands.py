"""Pages name commands and options that exist, and a producer that can be copied."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from asllr import main
from schemas.codec import Record
from schemas.events import InteractionLogged
from schemas.record_check import decode
from schemas.topics import CRM_EVENTS
from streams.cli.reference import walk
from tests.support.brokers import N_PARTITIONS
from tests.support.commands import asllr

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
FENCE = re.compile(r"^( *)```(?:bash)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
KNOWN = {path[1:]: command for path, command in walk(main, ("asllr",)) if path[1:]}
SHORT = {("dataset",): ("dataset", "build"), ("replay",): ("replay", "run")}
"""Groups whose most usual command need not be named."""


def commands_of(text: str) -> Iterator[list[str]]:
    """The words after `asllr`, of each command line of the page's blocks."""
    for _, block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|\|?|\s&(?:\s|$)|;", line.partition(" #")[0]):
                words = part.split()
                if "asllr" in words[:1]:
                    yield shlex.split(part)[1:]


def command_named(words: list[str]) -> click.Command | None:
    path = next((path for n in (2, 1) if (path := tuple(words[:n])) in KNOWN), None)
    return None if path is None else KNOWN[SHORT.get(path, path)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_the_pages_exist_with_their_options(page: Path) -> None:
    for words in commands_of(page.read_text(encoding="utf-8")):
        command = command_named(words)
        assert command is not None, f"{page.name}: asllr {' '.join(words)}"
        options = {option for each in command.params for option in each.opts} | {"--help"}
        named = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert named <= options, f"{page.name}: asllr {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_of_make_in_the_pages_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)|^ *make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert {one or other for one, other in named} <= targets


@pytest.mark.service
@pytest.mark.slow
def test_the_producer_to_copy_sends_an_event_that_asllr_accepts(embedded: str) -> None:
    page = (ROOT / "docs" / "how-to" / "wire-up-a-crm.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)\n *```", page, re.DOTALL)
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | {"ASLLR_BROKER": embedded},
        check=True,
    )
    environ = {"ASLLR_BROKER": embedded}
    found = json.loads(asllr(environ, "tail", CRM_EVENTS.name, "--to-end", "--json"))
    record = Record(
        topic=found["topic"],
        partition=found["partition"],
        offset=found["offset"],
        timestamp_ms=found["timestamp_ms"],
        key=found["key"].encode(),
        value=json.dumps(found["value"]).encode(),
        headers=[(name, text.encode()) for name, text in found["headers"].items()],
    )
    # decode also refuses a lead that is in another partition than its key's.
    assert isinstance(decode(record, n_partitions=N_PARTITIONS), InteractionLogged)

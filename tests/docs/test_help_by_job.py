"""`asllr --help` and the reference show the commands by the job they are for."""

from __future__ import annotations

import re

import click
from click.testing import CliRunner

from asllr import main
from streams.cli.front import FrontDoor


def _run(*words: str) -> str:
    result = CliRunner().invoke(main, words, prog_name="asllr", terminal_width=100)
    assert result.exit_code == 0, result.output
    return result.output


def _door() -> FrontDoor:
    assert isinstance(main, FrontDoor)
    return main


def test_every_visible_command_has_exactly_one_job() -> None:
    with_job = [command.name or "" for commands in _door().jobs.values() for command in commands]
    visible = [name for name, command in _door().commands.items() if not command.hidden]
    assert sorted(with_job) == sorted(visible)


def test_help_lists_every_command_under_the_heading_of_its_job() -> None:
    shown: dict[str, list[str]] = {}
    heading = ""
    for line in _run("--help").splitlines():
        if line and not line.startswith(" "):
            heading = line.rstrip(":")
        elif match := re.match(r"  ([a-z-]+)  ", line):
            shown.setdefault(heading, []).append(match[1])
    jobs = {job: [command.name for command in group] for job, group in _door().jobs.items()}
    assert {job: shown.get(job) for job in jobs} == jobs


def test_the_columns_of_help_line_up_over_all_jobs() -> None:
    @click.command()
    def a() -> None:
        """One."""

    @click.command()
    def longer() -> None:
        """Two."""

    door = FrontDoor()
    door.add_job("First", a)
    door.add_job("Second", longer)
    lines = CliRunner().invoke(door, ["--help"]).output.splitlines()
    starts = [line.index(word) for word in ("One.", "Two.") for line in lines if word in line]
    assert len(set(starts)) == 1


def test_the_reference_has_the_headings_of_help_in_the_same_order() -> None:
    headings = re.findall(r"^## (?!`)(.+)$", _run("reference"), re.MULTILINE)
    assert headings == list(_door().jobs)


def test_the_reference_has_every_command_below_its_job() -> None:
    sections = re.split(r"^## (?!`)(.+)$", _run("reference"), flags=re.MULTILINE)[1:]
    for heading, text in zip(sections[::2], sections[1::2], strict=True):
        titles = re.findall(r"^### `asllr ([a-z-]+)`$", text, re.MULTILINE)
        assert titles == [command.name for command in _door().jobs[heading]]

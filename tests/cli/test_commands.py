"""Every command explains itself, with an example that exists, and is in the reference."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from asllr import main
from streams.cli.reference import walk

COMMANDS = list(walk(main, ("asllr",)))
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"Example:\n((?: +(?:ASLLR_\w+=\S+ )?asllr.*\n?)+)")


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(p) for p, _ in COMMANDS])
def test_every_command_has_help_and_an_example(
    path: tuple[str, ...], command: click.Command
) -> None:
    assert command.help
    assert command.help.strip().splitlines()[0].endswith((".", ":"))
    assert EXAMPLE.search(command.help), f"{' '.join(path)} shows no example"


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(p) for p, _ in COMMANDS])
def test_every_option_says_what_it_is_for(path: tuple[str, ...], command: click.Command) -> None:
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


SEEDS = [
    pytest.param(option, id=" ".join(path))
    for path, command in COMMANDS
    for option in command.params
    if option.name == "seed"
]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_that_no_generator_takes_is_refused_before_any_work(seed: click.Parameter) -> None:
    with pytest.raises(click.BadParameter, match="-1 is not in the range"):
        seed.type.convert("-1", seed, None)


def _examples() -> list[str]:
    lines = []
    for _, command in COMMANDS:
        match = EXAMPLE.search(command.help or "")
        assert match
        lines += [re.split(r" [|>]|\|\| ", line.strip())[0] for line in match[1].splitlines()]
    return lines


FILE_OF_EXAMPLE = r"(?<= )(?:\.\./[\w/]+|[\w.*-]+\.(?:csv|gz|jsonl?|vtt))(?= |$)"


@pytest.mark.parametrize("example", _examples())
def test_examples_parse(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example whose option was renamed is worse than none. Files it names are taken to exist."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in re.findall(
        r"(?<= )(?:\.\./[\w/]+|[\w.*-]+\.(?:csv|gz|jsonl?|vtt))(?= |$)", example
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    for folder in re.findall(r"--base (\./[\w-]+)", example):
        Path(folder).mkdir()
    words = [w for w in shlex.split(example) if not re.fullmatch(r"ASLLR_\w+=.*", w)][1:]
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        if named := getattr(command, "named", None):  # a group that has a default command
            words = named(words, ["--help"])
        name, *words = words
        assert name in command.commands, f"{example}: there is no {name}"
        command = command.commands[name]
    if isinstance(command, click.Group):
        assert not words
        return
    command.make_context(command.name, words, resilient_parsing=False)


@pytest.mark.parametrize(
    "words",
    [
        ("demo", "--leads", "0"),
        ("demo", "--ingest-workers", "0"),
        ("run", "--score-workers", "-3"),
        ("simulate", "--leads", "0"),
        ("queue", "show", "--top", "-1"),
        ("rank", __file__, "--top", "0"),
        ("topics", "create", "--replication", "0"),
    ],
)
def test_counts_below_one_are_refused(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "is not in the range x>=1" in result.stderr


INTERRUPTED_IMPORT = """
import sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "streams.cli.data":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
import asllr
"""


@pytest.mark.slow
def test_ctrl_c_while_loading_is_quiet() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], cwd=ROOT, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (130, "")

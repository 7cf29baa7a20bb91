"""`asllr replay diff`: two replays side by side."""

from __future__ import annotations

import json
from pathlib import Path

import click

from streams import exit_codes
from streams.cli.front import Failure, naming_files
from streams.cli.sources import explaining

_OUTPUT = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("a", type=_OUTPUT)
@click.argument("b", type=_OUTPUT)
@click.option(
    "--top",
    "k",
    default=50,
    show_default=True,
    type=click.IntRange(1, 5_000),
    help="how far down a queue agreement counts.",
)
@click.option(
    "--show",
    default=10,
    show_default=True,
    type=click.IntRange(min=0),
    help="how many of those who move to print.",
)
@click.option("--json", "as_json", is_flag=True, help="for machines, with everybody who moves.")
def diff(a: Path, b: Path, *, k: int, show: int, as_json: bool) -> None:
    """Compare two replays: how far scores and ranks are apart, who moves and why.

    A and B are folders that `asllr replay --out` made, as of two artifacts on one recording.

    \b
    Example:
      asllr replay diff monday-demo monday-retrained
      asllr replay diff a b --top 200 --json | jq .max_dp
    """
    # Here: the engines' libraries take a moment to load.
    from streams.cli.replay_diff_words import difference_json, difference_lines
    from streams.replay.diff import difference
    from streams.replay.result import open_output

    with naming_files(), explaining():
        first, second = open_output(a), open_output(b)
        try:
            found = difference(first, second, k)
        except ValueError as error:  # pydantic's message would quote what it read
            raise Failure(
                f"{a} or {b} holds a line that is no score or move: replay it again",
                exit_codes.UNUSABLE,
            ) from error
    if as_json:
        click.echo(json.dumps(difference_json(found)))
    else:
        click.echo("\n".join(difference_lines(found, show)))

"""`asllr replay diff`: two replays side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams import exit_codes
from streams.cli.artifacts import artifact_folder
from streams.cli.front import Failure, current_settings, naming_files
from streams.cli.option_types import agreement_depth
from streams.cli.progress import TerminalProgress
from streams.cli.report_file import REPORT, TRANSCRIPTS, require_place, write_page
from streams.cli.sources import explaining, opened_source
from streams.recording.folder import open_recording

if TYPE_CHECKING:
    from streams.explain.movers import MovedBy
    from streams.replay.diff import ReplayDifference
    from streams.replay.result import ReplayManifest

_OUTPUT = click.Path(path_type=Path, file_okay=False)

_UNLIKE = (
    ("recording", "these are replays of two recordings"),
    ("policy", "leads were scored by two policies"),
    ("until", "the replays end at two moments"),
)
"""Fields of a manifest, and what it means that they are not the same."""


@click.command()
@click.argument("a", type=_OUTPUT)
@click.argument("b", type=_OUTPUT)
@agreement_depth()
@click.option(
    "--show",
    default=10,
    show_default=True,
    type=click.IntRange(min=0),
    help="how many of those who move to print.",
)
@click.option("--json", "as_json", is_flag=True, help="for machines, with everybody who moves.")
@REPORT
@click.option(
    "--source",
    help="with --report: what both were replayed from; the page then names the events that move "
    "somebody.",
)
@click.option(
    "--artifacts",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    help="with --source: where else the artifacts of A and B may be; may be repeated.",
)
@TRANSCRIPTS
def diff(
    a: Path,
    b: Path,
    *,
    k: int,
    show: int,
    as_json: bool,
    report: Path | None,
    source: str | None,
    artifacts: Sequence[Path],
    transcripts: bool,
) -> None:
    """Compare two replays: how far scores and ranks are apart, who moves and why.

    A and B are folders that `asllr replay --out` made, as of two artifacts on one recording.

    \b
    Example:
      asllr replay diff monday-demo monday-retrained
      asllr replay diff a b --top 200 --json | jq .max_dp
      asllr replay diff a b --report diff.html --source monday
    """
    # Here: the engines' libraries take a moment to load.
    from streams.replay.diff import difference
    from streams.replay.result import open_output
    from streams.reports.diff_text import difference_json, difference_lines

    require_place(report, transcripts=transcripts)
    if source is None and (transcripts or artifacts):
        raise click.UsageError("--transcripts and --artifacts need the events: name a --source")
    if source is not None and report is None:
        raise click.UsageError("the events of --source are shown in a page: name one with --report")
    with naming_files(), explaining():
        first, second = open_output(a), open_output(b)
        try:
            compared = difference(first, second, k)
        except ValueError as error:  # pydantic's message would quote what it read
            raise Failure(
                f"{a} or {b} holds a line that is not a score or move: replay it again",
                exit_codes.UNUSABLE,
            ) from error
    for sentence in _unlike((a, first.manifest), (b, second.manifest)):
        click.echo(sentence, err=True)
    if as_json:
        click.echo(json.dumps(difference_json(compared)))
    else:
        click.echo("\n".join(difference_lines(compared, show)))
    if report is not None:
        by = _events(source, artifacts, (a, b), compared, show, transcripts=transcripts)
        replays = [(str(a), first.manifest), (str(b), second.manifest)]
        write_page(report, _page(compared, replays, by))


def _unlike(a: tuple[Path, ReplayManifest], b: tuple[Path, ReplayManifest]) -> Iterator[str]:
    """Warnings about replays that are not comparable: scores of other leads or other moments differ
    for reasons that have nothing to do with a model."""
    for field, what in _UNLIKE:
        ours, theirs = getattr(a[1], field), getattr(b[1], field)
        if ours != theirs:
            yield f"mind: {what}, {ours} of {a[0]} and {theirs} of {b[0]}"


def _page(
    compared: ReplayDifference,
    replays: Sequence[tuple[str, ReplayManifest]],
    by: Sequence[tuple[MovedBy, ...] | None],
) -> str:
    from streams.reports.diff_html import difference_page

    return difference_page(compared, replays, by, ["asllr", *sys.argv[1:]])


def _events(
    source: str | None,
    artifacts: Sequence[Path],
    names: tuple[Path, Path],
    compared: ReplayDifference,
    show: int,
    *,
    transcripts: bool,
) -> list[tuple[MovedBy, ...] | None]:
    """The events that moved each of the first `show` movers."""
    from streams.artifact_shelf import load_from
    from streams.explain.movers import EventSource, of_mover

    movers = compared.movers[:show]
    if source is None:
        return [None] * len(movers)
    folders = (artifact_folder(current_settings().artifacts), *artifacts)
    digests = {one.artifact for mover in movers for one in (mover.a, mover.b) if one}
    counter = TerminalProgress("looked up", "movers", len(movers))
    by: list[tuple[MovedBy, ...] | None] = []
    with naming_files(), explaining(), opened_source(source, None) as path:
        scorers = {digest: load_from(folders, digest) for digest in sorted(digests)}
        events = EventSource(open_recording(path), scorers, transcripts)
        for mover in movers:
            by.append(of_mover(events, (str(names[0]), str(names[1])), mover))
            counter.advance(1)
    counter.close()
    return by

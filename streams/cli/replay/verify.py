"""`asllr replay verify`: recomputes every published score and compares."""

from __future__ import annotations

import json

import click

from streams import exit_codes
from streams.cli.artifacts import artifact_folder
from streams.cli.front import Failure, current_settings, naming_files
from streams.cli.sources import explaining, opened_source, progress
from streams.recording.folder import open_recording


@click.command()
@click.argument("source")
@click.option(
    "--show",
    default=20,
    show_default=True,
    type=click.IntRange(min=0),
    help="how many differences to print.",
)
@click.option("--json", "as_json", is_flag=True, help="for machines, with every difference.")
def verify(source: str, *, show: int, as_json: bool) -> None:
    """Recompute every published score of SOURCE at its own cursor, moment and artifact.

    The proof that production did what it says. Exits with 1 when there is a difference, or
    no score at all: that proves nothing.

    \b
    Example:
      asllr replay verify monday
      asllr replay verify kafka --json
    """
    from streams.artifact_shelf import Shelf, load_from  # loads the engines' libraries
    from streams.recording.erased import erased_leads
    from streams.replay.verify import verify as verified

    folders = (artifact_folder(current_settings().artifacts),)
    shelf = Shelf(lambda digest: load_from(folders, digest))
    with naming_files(), explaining(), opened_source(source, None) as path:
        recording = open_recording(path)
        total = sum(one.n_records for one in recording.input_ranges())
        result = verified(
            recording, shelf.scorer, erased_leads(recording), progress("verified", total)
        )
    counts = {
        "scores": result.n_scores,
        "repeated": result.n_repeated,
        "erased": result.n_erased,
        "beyond": result.n_beyond,
        "events": result.n_events,
        "differences": len(result.differences),
    }
    if as_json:
        click.echo(json.dumps(counts | {"found": result.differences}))
    else:
        click.echo(", ".join(f"{count:,} {name}" for name, count in counts.items()))
        for sentence in result.differences[:show]:
            click.echo(sentence)
    if result.n_beyond:
        click.echo(
            f"{result.n_beyond:,} scores include records after the end of {source}; nothing is "
            "said of them: record to a later end",
            err=True,
        )
    if result.n_scores == 0:
        raise Failure(f"{source} has no published score to recompute", exit_codes.NO)
    if result.differences:
        n = len(result.differences)
        raise Failure(
            f"{n} of {result.n_scores} published scores are not as recomputed, or could not be",
            exit_codes.NO,
        )

"""`asllr import` and `asllr rank`: recorded events in, without anybody's live system."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click

from schemas.events import EventBase
from scoring.artifact import ArtifactError, load_manifest
from streams import exit_codes
from streams.cli.artifacts import SHIPPED, find_artifact
from streams.cli.front import Failure, current_settings, naming_files
from streams.cli.importing.sending import send_or_write
from streams.cli.importing.transcript import transcript
from streams.cli.sources import MendedTally
from streams.importers.bpi2012 import bpi2012_events
from streams.importers.outcomes import ImportFault, without_outcomes
from streams.importers.persuasion import persuasion_events
from streams.importers.uci_bank import uci_bank_events
from streams.recording.event_file import RecordingError
from streams.replay.rank_file import RankedRow, rank_file

IMPORTERS: Mapping[str, Callable[[Path], Iterable[EventBase]]] = {
    "persuasion": persuasion_events,
    "bpi2012": bpi2012_events,
    "uci-bank": uci_bank_events,
}


@click.group(name="import")
def import_() -> None:
    """Turn other people's files into events: transcripts of any vendor, public data sets.

    \b
    Example:
      asllr import transcript call.json --lead 4711 --started-at 2026-03-05T10:00:00+01:00
      asllr import persuasion ../shared/data/persuasion_for_good --out dialogues.jsonl.gz
    """


import_.add_command(transcript)


def _add_data_set(name: str, what: str, example: str) -> None:
    @import_.command(
        name=name,
        help=f"""Turn {what} into events.

        In a recording an event counts as ingested when it occurred; through Kafka it lands now.

        \b
        Example:
          asllr import {name} {example}
        """,
    )
    @click.argument("path", type=click.Path(path_type=Path, exists=True))
    @click.option(
        "--out",
        type=click.Path(path_type=Path, dir_okay=False),
        help="write a recording here instead of sending to Kafka.",
    )
    @click.option("--without-outcomes", "no_outcomes", is_flag=True, help="leave everybody listed.")
    def data_set(path: Path, *, out: Path | None, no_outcomes: bool) -> None:
        events = IMPORTERS[name](path)
        if no_outcomes:
            events = without_outcomes(events)
        try:
            with naming_files():
                n = send_or_write(events, out)
        except ImportFault as error:
            raise Failure(str(error), exit_codes.UNUSABLE) from error
        click.echo(f"{n} events {'sent' if out is None else f'written to {out}'}")


_add_data_set(
    "persuasion",
    "the dialogues of PersuasionForGood",
    "../shared/data/persuasion_for_good --out dialogues.jsonl.gz",
)
_add_data_set(
    "bpi2012",
    "the loan applications of BPI Challenge 2012",
    "BPI_Challenge_2012.xes.gz --without-outcomes",
)
_add_data_set(
    "uci-bank",
    "the telephone contacts of UCI Bank Marketing",
    "bank-additional-full.csv --out contacts.jsonl.gz",
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--artifact", default=SHIPPED, show_default=True, help="which one scores.")
@click.option(
    "--top",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    help="how many leads of each queue.",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object per lead.")
def rank(file: Path, *, artifact: str, top: int, as_json: bool) -> None:
    """Rank the leads of a recording in memory, as they stood at its end. No Kafka, no Redis.

    \b
    Example:
      asllr rank dialogues.jsonl.gz --top 10
      asllr rank leads.jsonl --json | jq -r .lead
    """
    from scoring.engines.loading import load_scorer  # loads the engines' libraries

    path = find_artifact(artifact, current_settings().artifacts)
    try:
        with naming_files():
            scorer = load_scorer(path)
            ranked = rank_file(file, scorer, top=top, mended=(tally := MendedTally()).add)
        tally.tell()
    except (ArtifactError, RecordingError) as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    domain = scorer.rendering.domain.name
    click.echo(f"scored by {load_manifest(path).name}, of domain {domain}", err=True)
    for (tenant, queue), rows in groupby(ranked.rows, key=lambda row: (row.tenant, row.queue)):
        shown = [row for row in rows if row.rank <= top]
        if as_json:
            for row in shown:
                click.echo(json.dumps(asdict(row)))
        else:
            click.echo(f"{tenant}/{queue}, as of {ranked.as_of}")
            click.echo("\n".join(map(_line, shown)))


def _line(row: RankedRow) -> str:
    return f"{row.rank:>4}  {row.probability:6.1%}  {row.lead:<24} {row.reason}"

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
from streams.cli.front import Failure, current_settings, naming_files, open_admin
from streams.importers.bpi2012 import bpi2012_events
from streams.importers.outcomes import ImportFault, without_outcomes
from streams.importers.persuasion import persuasion_events
from streams.importers.uci_bank import uci_bank_events
from streams.kafka.journal import JournalingProducer
from streams.recording.event_file import RecordingError, history, write_recording
from streams.replay.rank_file import RankedRow, rank_file

IMPORTERS: Mapping[str, Callable[[Path], Iterable[EventBase]]] = {
    "persuasion": persuasion_events,
    "bpi2012": bpi2012_events,
    "uci-bank": uci_bank_events,
}


@click.command(name="import")
@click.argument("data_set", type=click.Choice(sorted(IMPORTERS)))
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write a recording here instead of sending to Kafka.",
)
@click.option("--without-outcomes", "no_outcomes", is_flag=True, help="leave everybody listed.")
def import_(data_set: str, path: Path, *, out: Path | None, no_outcomes: bool) -> None:
    """Turn a public data set into events: dialogues, loan applications or telephone contacts.

    In a recording an event counts as ingested when it occurred; through Kafka it lands now.

    \b
    Example:
      asllr import persuasion ../shared/data/persuasion_for_good --out dialogues.jsonl.gz
      asllr import bpi2012 BPI_Challenge_2012.xes.gz --without-outcomes
    """
    events = IMPORTERS[data_set](path)
    if no_outcomes:
        events = without_outcomes(events)
    try:
        with naming_files():
            n = _send(events) if out is None else write_recording(out, map(history, events))
    except ImportFault as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    click.echo(f"{n} events {'sent' if out is None else f'written to {out}'}")


def _send(events: Iterable[EventBase]) -> int:
    settings = current_settings()
    open_admin(settings)
    producer = JournalingProducer(settings.broker, max_records=0)
    n = 0
    for n, event in enumerate(events, start=1):  # noqa: B007  # n is the count
        producer.send(event)
        producer.poll()
    producer.flush()
    return n


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
            ranked = rank_file(file, scorer, top=top)
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

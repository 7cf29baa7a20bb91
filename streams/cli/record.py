"""`asllr record`: what the input topics hold, as a recording to learn from or to rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from schemas.codec import BadRecord, decode
from schemas.events import LeadErased
from schemas.ids import LeadKey
from schemas.topics import INPUTS
from scoring.fold import from_ms
from streams.cli.front import naming_files, open_admin, settings
from streams.recording import Recorded, write_recording
from streams.topic_reader import read_to_end


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def record(file: Path) -> None:
    """Write all events that the input topics hold now to a file.

    Leads that asked to be forgotten are left out, and so is what became a dead letter. The file
    holds what customers said: keep it as you keep the topics.

    \b
    Example:
      asllr record march.jsonl.gz
      asllr dataset march.jsonl.gz --out march
    """
    found = settings()
    open_admin(found)
    bad: Counter[str] = Counter()
    erased = {
        one.event.key
        for one in _recorded(found.broker, found.partitions, Counter())
        if isinstance(one.event, LeadErased)
    }
    with naming_files():
        events = _recorded(found.broker, found.partitions, bad)
        n = write_recording(file, _without(events, erased))
    for reason, count in sorted(bad.items()):
        click.echo(f"{count} records left out: {reason}", err=True)
    click.echo(f"{n} events written to {file}, {len(erased)} erased leads left out")


def _recorded(broker: str, n_partitions: int, bad: Counter[str]) -> Iterator[Recorded]:
    """Counts in `bad`, by reason, what ingest would refuse."""
    for topic in INPUTS:
        for record in read_to_end(broker, topic.name):
            try:
                event = decode(record, n_partitions=n_partitions)
            except BadRecord as error:
                bad[error.reason] += 1
                continue
            yield Recorded(topic.name, from_ms(record.timestamp_ms), event)


def _without(events: Iterator[Recorded], erased: set[LeadKey]) -> Iterator[Recorded]:
    return (one for one in events if one.event.key not in erased)

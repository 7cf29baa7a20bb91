"""`asllr record`: what Kafka holds, as a folder that replays read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click

from schemas.timestamps import to_ms
from streams.cli.front import naming_files
from streams.cli.option_types import MOMENT, OFFSET_RANGE
from streams.cli.sources import explaining, record_range
from streams.recording.kafka_range import Wanted


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="the recording's folder; must not exist.",
)
@click.option("--from", "from_", type=MOMENT, help="what was ingested at this time or later.")
@click.option("--to", type=MOMENT, help="what was ingested before this time.")
@click.option("--as-of", type=MOMENT, help="all that had been ingested at this moment.")
@click.option(
    "--offsets",
    multiple=True,
    type=OFFSET_RANGE,
    help="of one partition, as crm.events/3=100..200; may be repeated.",
)
@click.option(
    "--accept-missing",
    is_flag=True,
    help="record what retention has left; the manifest says what is missing.",
)
@click.option("--json", "as_json", is_flag=True, help="print what was recorded as JSON.")
def record(
    *,
    out: Path,
    from_: datetime | None,
    to: datetime | None,
    as_of: datetime | None,
    offsets: Sequence[tuple[tuple[str, int], tuple[int, int]]],
    accept_missing: bool,
    as_json: bool,
) -> None:
    """Copy what Kafka holds into a folder that replays read: events, scores, promotions.

    Joins no group and commits nothing: production does not notice. Without a range it is all there
    is. A range that begins late replays leads without their past.

    \b
    Example:
      asllr record --out monday --to 2026-03-03
      asllr record --out half --offsets crm.events/0=0..5000 --offsets asr.transcripts/0=0..900
    """
    if as_of is not None and (from_ or to):
        raise click.UsageError("--as-of is a whole history; leave out --from and --to")
    if from_ and to and from_ >= to:
        raise click.UsageError(
            f"--from {from_.isoformat()} is not before --to {to.isoformat()}: exchange them"
        )
    until = to if as_of is None else as_of + timedelta(milliseconds=1)
    wanted = Wanted(_ms(from_), _ms(until), dict(offsets))
    with naming_files(), explaining():
        manifest = record_range(out, wanted, accept_missing=accept_missing)
    n_records = sum(one.n_records for one in manifest.ranges)
    if as_json:
        click.echo(manifest.model_dump_json(exclude={"segments"}))
    else:
        click.echo(f"{n_records:,} records in {out}")
        for sentence in manifest.missing:
            click.echo(f"missing: {sentence}", err=True)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)

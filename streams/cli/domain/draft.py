"""`asllr domain draft`: a first domain.toml from events or from exports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from schemas.events import EventBase
from scoring.domain.mistakes import RULES
from scoring.domain.model import DOMAIN_NAME_PATTERN
from scoring.domain.reading import DomainError, pack, parse_domain
from scoring.draft.draft import draft_domain
from scoring.draft.draft_file import draft_text
from scoring.draft.survey import Survey, survey_of
from streams import exit_codes
from streams.cli.front import Failure, naming_files
from streams.importers.outcomes import ImportFault
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.mapping import Purpose
from streams.recording.event_file import RecordingError
from streams.recording.recorded_events import recorded_events
from streams.reports.domain_text import counts_of
from streams.reports.try_text import mapping_lines

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _checked_name(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    if not re.fullmatch(DOMAIN_NAME_PATTERN.removesuffix("$"), name):
        raise click.BadParameter(f"{name[:80]!r} does not {RULES[DOMAIN_NAME_PATTERN]}")
    return name


@click.command()
@click.argument("recordings", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--leads", type=_FILE, help="instead of recordings: an export, a row a lead.")
@click.option("--calls", type=_FILE, help="with --leads: a row a call.")
@click.option("--outcomes", type=_FILE, help="with --leads: who ordered when.")
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="which column of the exports is what, as for `asllr try`.",
)
@click.option(
    "--like",
    default="generic",
    show_default=True,
    help="the pack whose question, horizon, ages and topics it begins with.",
)
@click.option(
    "--name",
    default="my-business",
    show_default=True,
    callback=_checked_name,
    help="of the business: small letters, digits and -.",
)
@click.option(
    "--out",
    default="domain.toml",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="file to write; it must not exist.",
)
def draft(
    *,
    recordings: tuple[Path, ...],
    leads: Path | None,
    calls: Path | None,
    outcomes: Path | None,
    mapping_path: Path | None,
    like: str,
    name: str,
    out: Path,
) -> None:
    """Write a first domain.toml from what your events or exports hold.

    Fields and their values, stages in the order in which leads went through them, channels, and
    bins of numbers at their quarters; comments say how often each was found, and what was left out
    and why. Nothing leaves this machine, but the file holds values of your fields: each that it
    lists was found five times or more.

    \b
    Example:
      asllr domain draft leads.jsonl.gz --like software --name my-software
      asllr domain draft --leads leads.csv --calls calls.jsonl --outcomes outcomes.csv
    """
    if bool(recordings) == (leads is not None):
        raise click.UsageError("name recordings, or exports with --leads")
    if leads is None and (calls or outcomes or mapping_path):
        raise click.UsageError("--calls, --outcomes and --mapping are for --leads")
    try:
        with naming_files():
            start = pack(like)
            if leads is None:
                survey = survey_of(_recorded(recordings))
            else:
                exports = {"leads": leads, "calls": calls, "outcomes": outcomes}
                survey = _surveyed_exports(exports, mapping_path)
            drafted = draft_domain(survey, name, start)
            text = draft_text(drafted)
            domain = parse_domain(text.encode(), str(out))
            _write_new(out, text)
    except (ImportFault, RecordingError, DomainError) as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    n_left_out = f"{len(drafted.left_out):,} left out, see its end"
    click.echo(f"{out}: {domain.name}, {counts_of(domain)}; {n_left_out}")


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Failure(
            f"{path} exists already: remove it, or name another with --out", exit_codes.UNUSABLE
        ) from error


def _recorded(recordings: Iterable[Path]) -> Iterator[EventBase]:
    for path in recordings:
        for recorded in recorded_events(path):
            yield recorded.event


def _surveyed_exports(paths: Mapping[str, Path | None], mapping_path: Path | None) -> Survey:
    exports = read_exports(paths, mapping_path, NOTHING_READ, datetime.now(UTC), Purpose.LEARN)
    said = mapping_lines(exports.mapping, exports.tables, exports.read)
    for line in (*said, *exports.remarks, *exports.read.skipped):
        click.echo(line, err=True)
    return survey_of(exports.read.events)

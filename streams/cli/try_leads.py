"""`asllr try`: ranks a user's own exports and judges the ranking, without Kafka or Redis."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from scoring.artifact import ArtifactError, load_manifest, load_rendering
from scoring.backtest.daily_calls import CallTerms
from scoring.lead.state import PROFILE
from streams import exit_codes
from streams.cli.artifacts import SHIPPED, find_artifact
from streams.cli.front import Failure, current_settings, naming_files
from streams.cli.progress import TerminalProgress
from streams.importers.outcomes import ImportFault
from streams.importers.tables.events import Read
from streams.importers.tables.exports import DRAFT, read_exports
from streams.importers.tables.fields import FieldsRead
from streams.recording.event_file import history
from streams.replay.rank_file import rank_events
from streams.reports.try_text import Found, found_json, found_lines, mapping_lines

DEMO = "the demo model"
UNDATED = "outcomes or leads have no dates, so nobody knows who was still open on which day"
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(name="try")
@click.option("--leads", required=True, type=_FILE, help="a row a lead: CSV, .xlsx or JSON.")
@click.option("--calls", type=_FILE, help="a row a call, with its transcript if there is one.")
@click.option("--outcomes", type=_FILE, help="who ordered when; may be the file of --leads.")
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"which column is what; written where it does not exist, an unsure guess to {DRAFT}.",
)
@click.option("--artifact", default=SHIPPED, show_default=True, help="which one scores.")
@click.option(
    "--capacity",
    default=200,
    show_default=True,
    type=click.IntRange(min=1),
    help="calls a day in each queue.",
)
@click.option(
    "--days",
    default=60,
    show_default=True,
    type=click.IntRange(1, 3_660),
    help="judge at most so many of the last daily lists.",
)
@click.option(
    "--top",
    default=10,
    show_default=True,
    type=click.IntRange(min=0),
    help="how many leads of each queue to show.",
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object.")
def try_leads(
    *,
    leads: Path,
    calls: Path | None,
    outcomes: Path | None,
    mapping_path: Path | None,
    artifact: str,
    capacity: int,
    days: int,
    top: int,
    as_json: bool,
) -> None:
    """Rank your own exports and say what daily calls by these ranks would have been worth.

    No Kafka, no Redis; nothing leaves this machine.

    Shows which column it took for what. Where it is not sure it writes a mapping to correct and
    give back with --mapping. Columns are taken as known from a lead's creation on: leave out of
    the mapping what was filled in later.

    \b
    Example:
      asllr try --leads leads.csv --calls calls.jsonl --outcomes outcomes.csv
      asllr try --leads leads.csv --mapping asllr-mapping.json --capacity 50 --json
    """
    paths = {"leads": leads, "calls": calls, "outcomes": outcomes}
    fields = _fields_read(find_artifact(artifact, current_settings().artifacts))
    try:
        with naming_files():
            size = sum(path.stat().st_size for path in {*paths.values()} if path is not None)
            reading = TerminalProgress("read", "bytes", size)
            exports = read_exports(
                paths, mapping_path, fields, datetime.now(UTC), advance=reading.advance
            )
            reading.close()
    except ImportFault as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    mapping, read, remarks = exports.mapping, exports.read, exports.remarks
    for line in (*mapping_lines(mapping, exports.tables, read), *remarks, *read.skipped):
        click.echo(line, err=True)
    is_judged = mapping.has_times and mapping.has_dated_outcomes
    trial = _trial(read, _Asked(artifact, capacity, days, top, judge=is_judged))
    if as_json:
        found = found_json(mapping, trial, top) | {"remarks": remarks}
        click.echo(json.dumps(found, allow_nan=False))
    else:
        click.echo("\n".join(found_lines(trial, top)))


def _fields_read(path: Path) -> FieldsRead:
    """The profile fields that the features, the prompt and the columns of an artifact read."""
    from scoring.engines.columns_file import COLUMNS, load_columns  # loads numpy

    try:
        manifest = load_manifest(path)
        rendering = load_rendering(path, manifest)
        own = load_columns(path).own.fields if COLUMNS in manifest.files else ()
    except ArtifactError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    names = {field.name for field in own if field.register_name.startswith(PROFILE)}
    if manifest.engine.reads_text:
        names |= {*rendering.own_fields}
    return FieldsRead.of(rendering.features, names)


@dataclass(frozen=True, slots=True)
class _Asked:
    artifact: str
    capacity: int
    days: int
    top: int
    judge: bool


def _trial(read: Read, request: _Asked) -> Found:
    from scoring.engines.loading import load_scorer  # loads the engines' libraries
    from streams.backtest.trial import CannotTell, ExportTrial, judge_history

    is_shipped = request.artifact == SHIPPED
    path = find_artifact(request.artifact, current_settings().artifacts)
    try:
        manifest, scorer = load_manifest(path), load_scorer(path)
    except ArtifactError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    trial = ExportTrial(
        scorer,
        DEMO if is_shipped else path.resolve().name,
        CallTerms(request.capacity, scorer.horizon_days),
        request.days,
        None if is_shipped else manifest.data_window.end,
    )
    judged, why_not = None, UNDATED if read.won else "needs --outcomes, which says who ordered when"
    progress = TerminalProgress("replayed", "events", len(read.events))
    if request.judge:
        try:
            judged = judge_history(read.events, trial, progress.advance)
        except CannotTell as error:
            why_not = str(error)
    progress.close()
    events = (*read.events, *read.closings())
    ranked = rank_events(map(history, events), scorer, top=request.top)
    return Found(trial.name, is_shipped, ranked, trial.terms, read, judged, why_not)

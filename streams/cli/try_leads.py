"""`asllr try`: a user's own exports, ranked and judged, without Kafka or Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from scoring.artifact import ArtifactError
from scoring.backtest import Backtest
from scoring.backtest_words import answer, worth
from scoring.daily_calls import Terms
from streams import exit_codes
from streams.cli.artifacts import SHIPPED, find_artifact
from streams.cli.front import Failure, naming_files, settings
from streams.exports.events import Read, events_of, own_name
from streams.exports.mapping import ColumnMapping, check_mapping, guess, read_mapping
from streams.exports.table import Table, read_table
from streams.importers.outcomes import ImportFault
from streams.rank_file import RankedFile, rank_events
from streams.recording import history
from streams.replay.progress import Progress

DRAFT = Path("asllr-mapping.json")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(name="try")
@click.option("--leads", required=True, type=_FILE, help="a row a lead: CSV or JSON lines.")
@click.option("--calls", type=_FILE, help="a row a call, with its transcript if there is one.")
@click.option("--outcomes", type=_FILE, help="who ordered when; may be the file of --leads.")
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"which column is what; without one an unsure guess is written to {DRAFT}.",
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
    """Rank the leads of your own exports and say what daily calls by these ranks would have been
    worth. No Kafka, no Redis; nothing leaves this machine.

    Shows which column it took for what. Where it is not sure it writes a mapping to correct and
    give back with --mapping. Columns are taken as known from a lead's creation on: leave out of
    the mapping what was filled in later.

    \b
    Example:
      asllr try --leads leads.csv --calls calls.jsonl --outcomes outcomes.csv
      asllr try --leads leads.csv --mapping asllr-mapping.json --capacity 50 --json
    """
    paths = {"leads": leads, "calls": calls, "outcomes": outcomes}
    try:
        with naming_files():
            tables = {kind: read_table(path) for kind, path in paths.items() if path is not None}
            mapping = _mapping(tables, mapping_path)
            read = events_of(tables, mapping)
    except ImportFault as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    for line in (*_mapping_lines(mapping, read), *read.skipped):
        click.echo(line, err=True)
    found = _judged(read, artifact, capacity, days, judge="outcomes" in tables)
    if as_json:
        click.echo(json.dumps(_json(mapping, read, found, top), allow_nan=False))
    else:
        click.echo("\n".join(_lines(found, top)))


def _mapping(tables: Mapping[str, Table], path: Path | None) -> ColumnMapping:
    """Read from `path`, or guessed; a doubtful guess becomes a draft and ends the command."""
    if path is not None and path.exists():
        mapping = read_mapping(path)
        check_mapping(mapping, tables)
        return mapping
    guessed = guess(tables)
    if not guessed.doubts:
        return guessed.mapping
    draft = path or DRAFT
    where = f"correct {draft} and give it as --mapping {draft}"
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.write(guessed.mapping.model_dump_json(indent=2, exclude_none=True) + "\n")
    except FileExistsError:
        where = f"{draft} exists already: give it as --mapping {draft}, or remove it"
    raise ImportFault(f"not sure what the columns mean: {'; '.join(guessed.doubts)}. {where}")


def _mapping_lines(mapping: ColumnMapping, read: Read) -> list[str]:
    said = []
    for kind, n_rows in read.counts.items():
        found = mapping.of(kind)
        if found is not None:
            named = ", ".join(f"{name} = {column}" for name, column in found.columns.items())
            said.append(f"{kind}: {n_rows:,} rows; {named}; times {found.times} ({mapping.zone})")
    profile = ", ".join(f"{name} = {column}" for name, column in mapping.profile.items())
    return [*said, f"profile: {profile or 'no column that the model knows'}"]


@dataclass(frozen=True, slots=True)
class _Found:
    """The lists as they stand, and what earlier ones would have been worth."""

    ranked: RankedFile
    terms: Terms
    judged: Backtest | None


def _judged(read: Read, artifact: str, capacity: int, days: int, *, judge: bool) -> _Found:
    from streams.artifact_shelf import load_scorer  # loads the engines' libraries
    from streams.exports.trial import judge_history

    try:
        scorer = load_scorer(find_artifact(artifact, settings().artifacts))
    except ArtifactError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    terms = Terms(capacity, scorer.horizon_days)
    progress = Progress("judged", "days", days)
    name = "asllr" if artifact == SHIPPED else Path(artifact).name
    judged = None
    if judge:
        judged = judge_history(read.events, scorer, name, terms, days, progress.advance)
    progress.close()
    return _Found(rank_events(map(history, read.events), scorer), terms, judged)


def _lines(found: _Found, top: int) -> list[str]:
    said = [f"as of {found.ranked.as_of}, {found.ranked.n_leads:,} leads"]
    queue = None
    for row in found.ranked.rows:
        if row.rank <= top:
            if row.queue != queue:
                said.append(f"queue {row.queue}")
                queue = row.queue
            said.append(
                f"{row.rank:>4}  {row.probability:6.1%}  {own_name(row.lead):<24} {row.reason}"
            )
    return [*said, _verdict(found), *_worths(found)]


def _verdict(found: _Found) -> str:
    if found.judged is None:
        return (
            "cannot tell what this would have been worth: need --outcomes, and leads listed at "
            f"least {found.terms.horizon_days:g} days before the newest event"
        )
    said = answer(found.judged, found.judged.paired[0], found.terms)
    return said[:1].upper() + said[1:]


def _worths(found: _Found) -> list[str]:
    models = found.judged.models if found.judged else {}
    return [worth(name, called) for name, called in models.items()]


def _json(mapping: ColumnMapping, read: Read, found: _Found, top: int) -> dict[str, Any]:
    judged = found.judged
    return {
        "mapping": mapping.model_dump(),
        "rows": read.counts,
        "skipped": read.skipped,
        "as_of": None if found.ranked.as_of is None else found.ranked.as_of.isoformat(),
        "leads": [
            asdict(row) | {"lead": own_name(row.lead)}
            for row in found.ranked.rows
            if row.rank <= top
        ],
        "verdict": _verdict(found),
        "backtest": None
        if judged is None
        else _no_nan(
            {
                "buyers": judged.n_buyers,
                "models": {name: asdict(called) for name, called in judged.models.items()},
                "paired": asdict(judged.paired[0]),
            }
        ),
    }


def _no_nan(value: Any) -> Any:
    """NaN is not JSON."""
    if isinstance(value, dict):
        return {name: _no_nan(each) for name, each in value.items()}
    return None if isinstance(value, float) and value != value else value

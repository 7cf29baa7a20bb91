"""`asllr try`: learns from a user's own exports, ranks them and judges the ranking, without Kafka
or Redis."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from scoring.artifact import ArtifactError, load_manifest, load_rendering
from scoring.backtest.learning import CannotLearn, Fitter
from scoring.domain.reading import DomainError
from scoring.lead.state import PROFILE
from scoring.prompt.rendering import newest_rendering
from streams import exit_codes
from streams.cli.artifacts import SHIPPED_FOR, find_artifact
from streams.cli.exports.ending import tidy_when_killed
from streams.cli.exports.try_domain import GENERIC, domain_of
from streams.cli.exports.try_request import TryRequest, check_places
from streams.cli.front import Failure, current_settings, naming_files
from streams.cli.progress import TerminalProgress
from streams.cli.report_file import REPORT, write_page
from streams.importers.outcomes import ImportFault
from streams.importers.tables.exports import DRAFT, Exports, exports_of, read_tables
from streams.importers.tables.fields import FieldsRead
from streams.importers.tables.mapping import Purpose
from streams.reports.try_text import Found, found_json, found_lines, mapping_lines

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def build_try(fitter: Fitter) -> click.Command:
    """The command. `fitter` fits models; `streams` has none."""

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
    @click.option(
        "--domain",
        help="how leads are read: a pack (`asllr domain list`) or a domain.toml.  [default: the "
        f"pack that knows your columns, else {GENERIC}]",
    )
    @click.option(
        "--artifact", help="rank by this one.  [default: a model that learns from --outcomes]"
    )
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
    @click.option(
        "--save",
        type=click.Path(path_type=Path, file_okay=False),
        help="keep artifact and recording in this folder, for promote, dataset and replay.",
    )
    @click.option(
        "--base",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        help="also learn from what this language model (`asllr base import`) makes of calls: "
        "minutes, kept where it is surely ahead.",
    )
    @click.option(
        "--states",
        type=click.Path(path_type=Path, file_okay=False),
        help="with --base: keeps what it makes of each lead; no run computes it twice.",
    )
    @REPORT
    @click.option("--json", "as_json", is_flag=True, help="one JSON object.")
    def try_leads(
        *,
        leads: Path,
        calls: Path | None,
        outcomes: Path | None,
        mapping_path: Path | None,
        domain: str | None,
        artifact: str | None,
        report: Path | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        """Learn from your own exports, rank your leads, and say what the calls would be worth.

        No Kafka, no Redis; nothing leaves this machine. With --outcomes it learns which of your
        columns and words tell who orders, from the earlier part, and judges daily lists of the
        later part beside calling the newest leads first (pip install 'asllr[learn]'). Without, it
        ranks by a rule: who came last is called first.

        Shows which column it took for what. Where it is not sure it writes a mapping to correct and
        give back with --mapping. Columns are taken as known from a lead's creation on; one that
        seems to be filled in when the outcome is known is left out and named.

        \b
        Example:
          asllr try --leads leads.csv --calls calls.jsonl --outcomes outcomes.csv
          asllr try --leads leads.csv --outcomes leads.csv --save march --report march.html
          asllr try --leads leads.csv --calls calls.csv --outcomes won.csv --base ./smollm2
          asllr try --leads leads.csv --mapping asllr-mapping.json --capacity 50 --json
        """
        if artifact is not None and domain is not None:
            raise click.UsageError("an artifact has its domain: leave --domain or --artifact out")
        check_places(options["save"], report, mapping_path)
        _check_base(fitter, artifact, options["base"], options["states"])
        paths = {"leads": leads, "calls": calls, "outcomes": outcomes}
        request = TryRequest(artifact, **options)
        found, exports = _tried(paths, mapping_path, domain, request, fitter)
        if as_json:
            said = found_json(exports.mapping, found, request.top) | {"remarks": exports.remarks}
            click.echo(json.dumps(said, allow_nan=False))
        else:
            click.echo("\n".join(found_lines(found, request.top)))
        if report is not None:
            write_page(report, _page(found, exports, request.top))

    return try_leads


def _check_base(
    fitter: Fitter, artifact: str | None, base: Path | None, states: Path | None
) -> None:
    """Says what keeps a base from being read before a file is."""
    if base is None:
        if states is not None:
            raise click.UsageError("--states keeps what a base makes of leads: name it with --base")
        return
    if artifact is not None:
        raise click.UsageError("an artifact ranks as it is: leave --artifact or --base out")
    try:
        fitter.check_base(base)
    except CannotLearn as error:
        raise Failure(f"--base: {error}", exit_codes.UNUSABLE) from error


def _page(found: Found, exports: Exports, top: int) -> str:
    from streams.reports.try_html import try_page  # only a page needs it

    return try_page(found, exports, top, ["asllr", *sys.argv[1:]])


def _tried(
    paths: Mapping[str, Path | None],
    mapping_path: Path | None,
    domain: str | None,
    request: TryRequest,
    fitter: Fitter,
) -> tuple[Found, Exports]:
    with tidy_when_killed():
        return _tried_to_the_end(paths, mapping_path, domain, request, fitter)


def _tried_to_the_end(
    paths: Mapping[str, Path | None],
    mapping_path: Path | None,
    domain: str | None,
    request: TryRequest,
    fitter: Fitter,
) -> tuple[Found, Exports]:
    from streams.cli.exports.try_work import try_artifact, try_own  # loads the engines' libraries

    now = datetime.now(UTC)
    try:
        with naming_files():
            size = sum(path.stat().st_size for path in {*paths.values()} if path is not None)
            reading = TerminalProgress("read", "bytes", size)
            tables = read_tables(paths, reading.advance)
            reading.close()
            if request.artifact is not None:
                path = find_artifact(request.artifact, current_settings().artifacts)
                fields = _fields_read(path)
                exports = exports_of(tables, mapping_path, fields, now, Purpose.RANK)
                if request.artifact in SHIPPED_FOR.values() and not exports.mapping.profile:
                    raise ImportFault(_foreign(request.artifact))
            else:
                spoken = domain_of(tables["leads"], domain)
                fields = FieldsRead.of(newest_rendering(spoken.domain).features)
                exports = exports_of(tables, mapping_path, fields, now, Purpose.LEARN)
    except (ImportFault, DomainError) as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    for line in (
        *mapping_lines(exports.mapping, exports.tables, exports.read),
        *exports.remarks,
        *exports.read.skipped,
    ):
        click.echo(line, err=True)
    if request.artifact is not None:
        return try_artifact(exports, request, request.artifact), exports
    click.echo(spoken.sentence, err=True)
    return try_own(exports, spoken, request, fitter), exports


def _foreign(artifact: str) -> str:
    return (
        f"artifact {artifact} learned from simulated leads and knows no column of these: its "
        "probabilities would mean nothing here; leave --artifact out, and asllr learns from yours"
    )


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

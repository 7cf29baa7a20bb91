"""What the commands of `asllr dataset` do once their options are read; loads Arrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import click

from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from scoring.domain.reading import domain_named
from scoring.prompt.rendering import newest_rendering
from scoring.report.progress import counted
from training.cli.console import progress, say
from training.dataset.build import build_examples
from training.dataset.checks.data_check import Strength, check_data, strengths
from training.dataset.checks.log_check import check_classes
from training.dataset.example import Examples
from training.dataset.folder import check_free, read_examples, write_examples
from training.dataset.known_columns import known_columns
from training.dataset.log import KnownAt, Logged
from training.dataset.manifest import (
    DataFinding,
    DatasetError,
    DatasetManifest,
    Maturity,
    Severity,
    Slice,
    Split,
    SplitBy,
)
from training.dataset.plan import DatasetPlan
from training.dataset.policy import parse_policy
from training.dataset.protocols import protocol_of
from training.dataset.simulated import Simulation, simulate_examples, split_world
from training.dataset.split import Shares
from training.simulator.business import Wording, business_names

SHOWN_COLUMNS = 12


def build_dataset(
    logged: Iterable[Logged], undated: Mapping[LeadKey, bool], *, out: Path, **options: Any
) -> None:
    """`undated`: who was won where outcomes have no date; empty where the log has them."""
    check_free(out)
    rendering = newest_rendering(domain_named(options["domain"]))
    maturity = Maturity.UNDATED if undated else Maturity(options["label_known"])
    as_of = options["as_of"] or ("0h-after-first" if undated else "every-7d")
    split_by = options["split_by"] or (SplitBy.CLUSTER if undated else SplitBy.TIME)
    plan = DatasetPlan(
        name=out.name,
        policy=parse_policy(as_of),
        seed=options["seed"],
        rendering=rendering,
        horizon_days=options["horizon_days"] or rendering.domain.horizon_days,
        embargo_days=options["embargo_days"],
        silent_days=options["silent_days"],
        shares=shares_of(options["shares"]),
        negative_rate=options["negative_rate"],
        known_at=KnownAt(options["known_at"]),
        maturity=maturity,
        complete_until_ms=_end_ms(options["complete_until"]),
        split_by=SplitBy(split_by),
        cluster=options["cluster"],
        undated=undated or None,
    )
    examples, manifest = build_examples(_counted(logged), plan, progress)
    _finish(examples, manifest, out, as_json=options["as_json"])


def _end_ms(complete_until: datetime | None) -> int | None:
    if complete_until is None:
        return None
    if complete_until > datetime.now(UTC):
        raise DatasetError(
            f"a log cannot be complete until {complete_until:%Y-%m-%d %H:%M} UTC, which is in the "
            "future; give the time at which it was exported"
        )
    return to_ms(complete_until)


def simulate_dataset(n_leads: int, *, out: Path, **options: Any) -> None:
    check_free(out)
    business = options["domain"]
    if business not in business_names():
        raise DatasetError(
            f"no leads of domain {business} can be simulated; name --domain one of "
            f"{', '.join(business_names())}, or give recordings"
        )
    simulation = Simulation(
        seed=options["seed"],
        world=split_world(business, Wording(options["phrases"])),
        n_leads=n_leads,
        negative_rate=options["negative_rate"],
        shares=shares_of(options["shares"]),
    )
    examples, manifest = simulate_examples(
        simulation, n_processes=options["processes"], report=progress("leads")
    )
    check_classes(examples)
    _finish(examples, manifest, out, as_json=options["as_json"])


def convert_dataset(data_set: str, logged: Iterable[Logged], *, out: Path, **options: Any) -> None:
    check_free(out)
    protocol = protocol_of(data_set, options["seed"], options["first_units"])
    plan = protocol.plan(shares_of(options["shares"]), SplitBy(options["split_by"] or SplitBy.TIME))
    examples, manifest = build_examples(protocol.adapted(_counted(logged)), plan, progress)
    _finish(examples, manifest, out, as_json=options["as_json"])


def check_folder(folder: Path, domain: str, *, as_json: bool) -> bool:
    """Prints what a dataset's columns know of the outcome; returns whether no column leaks it.
    Findings that only the log could show are in the manifest."""
    examples, manifest = read_examples(folder, newest_rendering(domain_named(domain)))
    columns = known_columns(examples)
    strongest = strengths(examples, columns)
    findings = (*manifest.findings, *check_data(examples))
    findings = tuple(dict.fromkeys(findings))
    if as_json:
        report = {
            "columns": [asdict(strength) for strength in strongest],
            "findings": [finding.model_dump(mode="json") for finding in findings],
        }
        click.echo(json.dumps(report))
    else:
        for line in [*_slices(manifest), *_columns(strongest), *_findings(findings)]:
            click.echo(line)
    return not any(finding.severity is Severity.LEAK for finding in findings)


def shares_of(text: str) -> Shares:
    """Reads four percentages, such as "64,11,11,14", as shares. Raises DatasetError."""
    try:
        fit, judge, calibrate, test = (float(part) / 100 for part in text.split(","))
    except ValueError as error:
        raise DatasetError(
            f"shares {text[:60]!r} are not four percentages such as 64,11,11,14"
        ) from error
    return fit, judge, calibrate, test


def _counted(logged: Iterable[Logged]) -> Iterator[Logged]:
    return counted(logged, "events", monotonic, say)


def _finish(examples: Examples, manifest: DatasetManifest, out: Path, *, as_json: bool) -> None:
    findings = (*manifest.findings, *check_data(examples))
    manifest = manifest.model_copy(update={"findings": findings})
    written = write_examples(out, examples, manifest)
    if as_json:
        click.echo(written.model_dump_json())
        return
    for line in [*_slices(written), *_findings(findings)]:
        click.echo(line)
    click.echo(f"{len(examples)} rows written to {out}")


def _slices(manifest: DatasetManifest) -> Iterator[str]:
    yield f"{'split':<10} {'rows':>8} {'leads':>8} {'orders':>7}  from        to"
    for split in Split:
        yield _slice(split, manifest.slices[split])


def _slice(split: Split, part: Slice) -> str:
    first, last = (f"{at:%Y-%m-%d}" if at else "-" for at in (part.first_as_of, part.last_as_of))
    return f"{split:<10} {part.n:>8} {part.n_leads:>8} {part.n_positive:>7}  {first:<10}  {last}"


def _columns(strongest: list[Strength]) -> Iterator[str]:
    yield "the columns that alone say most of the outcome, AUC:"
    for strength in strongest[:SHOWN_COLUMNS]:
        yield f"  {strength.auc:.3f} ± {2 * strength.error:.3f}  {strength.column}"


def _findings(findings: Iterable[DataFinding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.severity.value.upper()} {finding.named}"

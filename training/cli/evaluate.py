"""`asllr evaluate` and `asllr compare`: measure artifacts on a dataset folder."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scoring.metrics.cost import PRICE_PER_CPU_HOUR
from training.baselines.registry import SERVED, Baseline
from training.cli.console import progress, say
from training.cli.options import FindArtifact, FiniteRange
from training.cli.refusal import refusing
from training.dataset.manifest import Split

if TYPE_CHECKING:  # it loads numpy and Arrow, which `asllr --help` should not wait for
    from training.evaluation.run import EvaluationTerms


def build_commands(find_artifact: FindArtifact) -> tuple[click.Command, click.Command]:
    """The commands `evaluate` and `compare`. `find_artifact` turns a name into a folder, or fails
    and names the artifacts there are."""

    @click.command()
    @click.argument("artifact")
    @_options
    def evaluate(artifact: str, **options: Any) -> None:
        """Say what an artifact is worth on a dataset.

        Metrics with intervals, also by queue, stage and transcript length, where it errs most and
        what it costs. The report is one HTML file, JSON and a model card; it shows prompts of the
        worst leads: treat it like the recordings, or leave them out.

        \b
        Example:
          asllr evaluate demo --dataset march --out march-report
          asllr evaluate demo --dataset march --calls-per-day 40 --json
        """
        _run([artifact], find_artifact, options)

    @click.command()
    @click.argument("artifacts", nargs=-1)
    @click.option(
        "--against",
        multiple=True,
        type=click.Choice([baseline.value for baseline in SERVED]),
        help="a baseline to fit on the dataset's older rows; may be repeated.",
    )
    @click.option(
        "--trials",
        default=24,
        show_default=True,
        type=click.IntRange(min=1),
        help="settings each baseline may try.",
    )
    @click.option(
        "--domain",
        help="how baselines read the leads: a pack or a domain.toml.  [default: as the first "
        "artifact, or auto]",
    )
    @_options
    def compare(artifacts: tuple[str, ...], **options: Any) -> None:
        """Say which of several models is ahead on a dataset, or that nobody can tell.

        Artifacts, baselines that are fitted here, or both; baselines alone need no artifact.
        Differences are paired, on the same leads, with intervals; with many pairs and metrics one
        in twenty looks like a finding by chance.

        \b
        Example:
          asllr compare demo trees --dataset march --out march-report
          asllr compare demo --against tree_text --against logistic --dataset march
          asllr compare --against rule --against tree_fields --dataset march
        """
        names = [*artifacts, *options["against"]]
        if len(set(names)) < 2:
            raise click.UsageError(
                "name at least two different models to compare: artifacts, or baselines with "
                "--against"
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise click.UsageError(
                f"{', '.join(twice)} is named twice; an artifact that has a baseline's name can be "
                "given by its path: ./rule"
            )
        _run(artifacts, find_artifact, options)

    return evaluate, compare


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        [
            click.option(
                "--dataset",
                required=True,
                type=click.Path(path_type=Path),
                help="folder that `asllr dataset` made.",
            ),
            click.option(
                "--split",
                default=Split.TEST.value,
                show_default=True,
                type=click.Choice([split.value for split in Split]),
                help="which rows of it.",
            ),
            click.option(
                "--out", type=click.Path(path_type=Path), help="write the report to this folder."
            ),
            click.option("--json", "as_json", is_flag=True, help="print the report as JSON."),
            click.option(
                "--calls-per-day",
                type=FiniteRange(min=0, min_open=True),
                help="calls a queue makes a day; otherwise a tenth of its leads.",
            ),
            click.option(
                "--resamples",
                default=1000,
                show_default=True,
                type=click.IntRange(min=20),
                help="of the bootstrap.",
            ),
            click.option(
                "--seed",
                default=1,
                show_default=True,
                type=click.IntRange(min=0),
                help="of the bootstrap.",
            ),
            click.option(
                "--processes",
                default=os.cpu_count() or 1,
                show_default="one per core",
                type=click.IntRange(min=1),
                help="that score.",
            ),
            click.option(
                "--price-per-cpu-hour",
                default=PRICE_PER_CPU_HOUR,
                show_default=True,
                type=FiniteRange(min=0),
                help="in US dollars, for the cost of 1,000 scores.",
            ),
            click.option(
                "--without-prompts", is_flag=True, help="leave the worst leads' prompts out."
            ),
        ]
    ):
        command = option(command)
    return command


def _run(names: Sequence[str], find_artifact: FindArtifact, options: dict[str, Any]) -> None:
    with refusing():
        from training.evaluation.files import check_free, write_report
        from training.evaluation.run import evaluate_artifacts

        folders = {name: find_artifact(name) for name in names}
        out: Path | None = options["out"]
        if out is not None:
            check_free(out)
        result = evaluate_artifacts(options["dataset"], folders, _terms(options), progress, say)
        if out is not None:
            write_report(out, result.files)
    if not options["as_json"]:
        click.echo("\n".join(result.lines))
    if out is not None:
        click.echo(f"report: {out / 'report.html'}", err=options["as_json"])
    if options["as_json"]:
        click.echo(result.json)


def _terms(options: dict[str, Any]) -> EvaluationTerms:
    from training.evaluation.run import EvaluationTerms

    return EvaluationTerms(
        split=Split(options["split"]),
        calls_per_day=options["calls_per_day"],
        n_resamples=options["resamples"],
        seed=options["seed"],
        n_processes=options["processes"],
        price_per_cpu_hour=options["price_per_cpu_hour"],
        with_prompts=not options["without_prompts"],
        command=shlex.join(["asllr", *sys.argv[1:]]),
        against=tuple(map(Baseline, options.get("against", ()))),
        n_trials=options.get("trials", 1),
        domain=options.get("domain"),
    )

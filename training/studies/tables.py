"""`make tables`: every model on simulated leads of several seeds and on data sets of your own.

    python -m training.studies.tables --work tables --seeds 3 --artifact demo --dataset march

Resumable: what is in --work is not computed again. Tables go to standard output as Markdown and
into --work as tables.md and tables.json.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from scoring.artifact import demo_artifact_path
from training.baselines.baseline import Budget
from training.cli.console import progress, say
from training.cli.options import at_least
from training.cli.refusal import exiting
from training.evaluation.files import to_json
from training.evaluation.judged import EvaluationError, JudgedRows, Scored, judged_of
from training.studies.bench import Bench, Size, dataset_bench, simulated_bench
from training.studies.cells import NAMES, Cells, Means
from training.studies.table import RIVAL, StudyTable, build_table, markdown
from training.whole_file import whole_file

Judgeable = tuple[str, JudgedRows, dict[str, Scored]]
"""(group, rows, model -> scores): all that is kept of a bench in memory."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.against in options.without:
        parser.error(f"--without {options.against}: the others are compared with it; leave it in")
    if not (options.seeds or options.dataset):
        parser.error(
            "--seeds 0 without --dataset: nothing to do; name a dataset or take more seeds"
        )
    with exiting():
        tables = list(_tables(options))
        text = "\n".join(map(markdown, tables))
        _write(options.work / "tables.md", text)
        _write(options.work / "tables.json", to_json([asdict(table) for table in tables]) + "\n")
    sys.stdout.write(text)


def _tables(options: argparse.Namespace) -> Iterator[StudyTable]:
    judged_benches = [
        _judged(options, number, bench) for number, bench in enumerate(_benches(options))
    ]
    for group in dict.fromkeys(group for group, _, _ in judged_benches):
        benches = [(judged, models) for of, judged, models in judged_benches if of == group]
        yield build_table(
            group, benches, n_resamples=options.resamples, seed=options.seed, rival=options.against
        )


def _benches(options: argparse.Namespace) -> Iterator[Bench]:
    size = Size(options.known_leads, options.leads)
    for number in range(options.seeds):
        yield simulated_bench(number, size, options.work, options.processes, progress)
    for folder in options.dataset:
        yield dataset_bench(folder, options.work)


def _judged(options: argparse.Namespace, number: int, bench: Bench) -> Judgeable:
    artifacts = options.artifact
    means = Means(
        budget=Budget(options.trials, options.seed + number),
        artifact=artifacts[number % len(artifacts)] if artifacts else None,
        n_processes=options.processes,
        say=say,
        progress=progress,
    )
    cells = Cells(bench, means)
    names = [name for name in cells.names if name not in options.without]
    if options.against not in names:
        raise EvaluationError(
            f"{bench.name} has no {options.against} to compare with; it has {', '.join(names)}: "
            "give --against one of them"
        )
    return bench.group, judged_of(bench.judged), {name: cells.scored(name) for name in names}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make tables", description=__doc__)
    add = parser.add_argument
    add("--work", type=Path, default=Path("build/tables"), help="keeps leads and scores")
    add("--seeds", type=at_least(0), default=3, help="simulated benches")
    add("--leads", type=at_least(1), default=50_000, help="simulated to judge on, each bench")
    add("--known-leads", type=at_least(1), default=150_000, help="simulated to fit on, each bench")
    add(
        "--artifact",
        type=artifact_named,
        nargs="*",
        default=[demo_artifact_path()],
        help="demo or folders: whose language model; benches take turns; nothing for none",
    )
    add("--dataset", type=Path, nargs="*", default=[], help="folders of `asllr dataset`")
    add(
        "--without",
        nargs="*",
        default=[],
        choices=NAMES,
        metavar="MODEL",
        help=f"models to leave out: {', '.join(NAMES)}",
    )
    add(
        "--against",
        default=RIVAL,
        choices=NAMES,
        metavar="MODEL",
        help=f"the model that all others are compared with (default: {RIVAL})",
    )
    add("--trials", type=at_least(1), default=24, help="settings each model may try")
    add("--resamples", type=at_least(20), default=1000, help="of the bootstrap")
    add("--seed", type=at_least(0), default=0, help="of trials and bootstrap")
    add("--processes", type=at_least(1), default=os.cpu_count() or 1)
    return parser


def artifact_named(name: str) -> Path:
    return demo_artifact_path() if name == "demo" else Path(name)


def _write(path: Path, text: str) -> None:
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

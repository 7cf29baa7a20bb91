"""What a reader of English gains on simulated leads: a frozen base, its rivals and the truth.

    asllr dataset --simulate 20000 --seed 61 --shares 50,10,10,30 --out usual
    python -m training.studies.simulated usual --base smollm2 --stacked demo --train-rows 4000

The rivals, and the stack on each artifact of --stacked, learn from all rows before the test. The
base reads --train-rows of them, and what is fitted on its states learns from these alone.
`--judged DATASET` takes the test rows from another dataset, such as the same people in other words.
What was computed is kept in --work and --states.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.artifact import digest
from scoring.domain.reading import domain_named
from scoring.prompt.rendering import FIRST_PACK, newest_rendering
from training.baselines.baseline import Budget
from training.baselines.registry import Baseline
from training.cli.console import progress, say
from training.cli.refusal import exiting
from training.dataset.example import Examples
from training.dataset.folder import content_sha256, read_examples
from training.dataset.manifest import BEFORE_TEST, DatasetError, DatasetManifest, Split
from training.evaluation.judged import Scored, judged_of
from training.evaluation.rivals import calibrated
from training.evaluation.served import score_artifact
from training.frozen.combined import BOTH, STATES, WORDS, Combined, combine
from training.model.hub import Hub, LoadedBase, load_base, open_base
from training.studies.bench import Bench
from training.studies.cells import (
    ARTIFACT,
    BAYES,
    COLUMNS_VERSION,
    STACK,
    Cells,
    Means,
    read_cell,
    write_cell,
)
from training.studies.frozen import (
    STACK_ON_STATES,
    BaseReading,
    add_served,
    frozen_parser,
    open_reading,
    plain_words_calibrated,
    quietly,
    some_known,
    stacked,
)
from training.studies.plain import PLAIN_WORDS
from training.studies.table import RIVAL, build_table, markdown
from training.studies.tables import artifact_named

RIVALS = (Baseline.TREE_TABULAR, Baseline.LOGISTIC_WORDS, Baseline.TREE_TEXT)


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    with exiting():
        for folder in options.dataset:
            study = open_study(folder, options)
            rows, models = judged_of(study.bench.judged), dict(study.scored())
            for rival in options.against:
                table = build_table(
                    study.bench.group,
                    [(rows, models)],
                    n_resamples=options.resamples,
                    seed=options.seed,
                    rival=rival,
                )
                sys.stdout.write(markdown(table) + "\n")
            sys.stdout.flush()


@dataclass
class SimulatedStudy:
    """The models of one bench. `sampled`: those of its rows before the test that the base reads."""

    bench: Bench
    sampled: Examples
    base: LoadedBase
    reading: BaseReading
    options: argparse.Namespace

    def scored(self) -> Iterator[tuple[str, Scored]]:
        """Every model's calibrated scores of the test rows, by its name."""
        for name, score in self._models():
            if name not in self.options.without:
                yield name, score()

    def _models(self) -> Iterator[tuple[str, Callable[[], Scored]]]:
        rivals, options = self._cells(None), self.options
        practised = [Baseline.TREE_PRACTISED] if options.domain == FIRST_PACK else []
        for rival in (*RIVALS, *practised):
            yield rival.value, partial(rivals.scored, rival)
        words = partial(plain_words_calibrated, self.bench.before_test, self.bench.judged)
        yield PLAIN_WORDS, partial(self._kept, PLAIN_WORDS, "", words)
        for name in (WORDS, STATES, BOTH):
            mixed = partial(self._mixed, name)
            yield name, partial(self._kept, name, self._sample_key, mixed)
        yield STACK_ON_STATES, partial(self._kept, STACK_ON_STATES, self._sample_key, self._stacked)
        for path in options.served:
            serve = partial(self._served, path)
            yield path.name, partial(self._kept, path.name, digest(path), serve)
        for path in options.stacked:
            cells = self._cells(path)
            yield path.name, partial(cells.scored, ARTIFACT)
            yield f"{STACK} on {path.name}", partial(cells.scored, STACK)
        yield BAYES, partial(rivals.scored, BAYES)

    def _cells(self, artifact: Path | None) -> Cells:
        """Those of an artifact have a folder of their own: two would overwrite each other's."""
        bench = self.bench
        if artifact is not None:
            bench = replace(bench, folder=bench.folder / artifact.name)
        return Cells(bench, Means(self._budget, artifact, 1, say, progress))

    def _mixed(self, name: str) -> Scored:
        combined, (known, judged) = self._combined, self._states
        to_calibrate = combined.logits_to_calibrate(self.sampled, known, name)
        logits = combined.logits(self.bench.judged, judged, name)
        return calibrated(name, self.sampled, to_calibrate, logits)

    def _stacked(self) -> Scored:
        head, (_, states) = self._combined.head, self._states
        return stacked(self.sampled, self.bench.judged, head, states, self._budget)

    def _served(self, path: Path) -> Scored:
        report, judged = progress(f"{path.name} scores"), self.bench.judged
        return score_artifact(path, judged, n_processes=1, report=report, name=path.name)

    @cached_property
    def _states(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of the sampled rows before the test, and of the test rows."""
        return self.reading.states(self.sampled), self.reading.states(self.bench.judged)

    @cached_property
    def _combined(self) -> Combined:
        candidates = self.reading.candidates
        return combine(self.sampled, self._states[0], candidates, self._budget, quietly)

    @cached_property
    def _budget(self) -> Budget:
        return Budget(self.options.trials, self.options.seed)

    @cached_property
    def _sample_key(self) -> str:
        return f"{content_sha256(self.sampled)} {self.reading.reader.name}"

    def _kept(self, name: str, follows: str, compute: Callable[[], Scored]) -> Scored:
        """What an earlier run left in the bench's folder. `follows`: what else decides it."""
        decides = {"name": name, "columns": COLUMNS_VERSION, "data": self.bench.data_sha256}
        budget = self._budget
        key = json.dumps(decides | {"search": [budget.n_trials, budget.seed], "follows": follows})
        path = self.bench.folder / f"{name.replace(' ', '_')}.safetensors"
        if (kept := read_cell(path, key, say)) is not None:
            return kept
        say(f"{self.bench.name}: {name}")
        made = compute()
        write_cell(path, key, made)
        return made


def open_study(folder: Path, options: argparse.Namespace) -> SimulatedStudy:
    """Reads the datasets and opens the base. Raises DatasetError where the test rows have no true
    probability or are of people that the others are."""
    rendering = newest_rendering(domain_named(options.domain))
    whole, manifest = read_examples(folder, rendering)
    other, its = (
        (whole, manifest) if options.judged is None else read_examples(options.judged, rendering)
    )
    known, judged = whole.of(*BEFORE_TEST), other.of(Split.TEST)
    if not judged.has_truth:
        raise DatasetError(
            f"{(options.judged or folder).name} has {len(judged)} test rows and not all their true "
            "probabilities; give leads of `asllr dataset --simulate`, or use "
            "training.studies.frozen"
        )
    n_both = _n_in_both(known, manifest, judged, its)
    if n_both:
        raise DatasetError(
            f"{n_both} people are in the test rows of {options.judged} and before the test in "
            f"{folder}; give both the same seed, number of leads and shares, or other seeds"
        )
    said = manifest.name if options.judged is None else f"{manifest.name}, judged on {its.name}"
    digests = content_sha256(known), content_sha256(judged)
    place = options.work / f"{manifest.name}-{digests[0][:8]}-{digests[1][:8]}"
    bench = Bench(folder.name, said, place, known, judged, digests, manifest)
    base = load_base(open_base(Hub(options.base)), torch.float32)
    sampled = some_known(known, options.train_rows, np.random.default_rng(options.seed))
    return SimulatedStudy(bench, sampled, base, open_reading(whole, base, options), options)


def _n_in_both(
    known: Examples, manifest: DatasetManifest, judged: Examples, its: DatasetManifest
) -> int:
    known_from, judged_from = set(manifest.source_names), set(its.source_names)
    if known_from and judged_from and known_from.isdisjoint(judged_from):
        return 0  # other people, who may have the same numbers
    return len(np.intersect1d(known.cluster, judged.cluster))


def _parser() -> argparse.ArgumentParser:
    parser = frozen_parser("training.studies.simulated", __doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--judged", type=Path, help="whose test rows to judge on (default: the dataset's own)")
    add("--work", type=Path, default=Path("build/simulated"), help="keeps scores")
    add(
        "--stacked",
        type=artifact_named,
        nargs="*",
        default=[],
        metavar="ARTIFACT",
        help="demo or folders: as served, and a stack on its language model, which reads all rows",
    )
    add_served(parser)
    add("--without", nargs="*", default=[], metavar="MODEL", help="to leave out, as tree_practised")
    add(
        "--against",
        nargs="+",
        default=[RIVAL, WORDS],
        metavar="MODEL",
        help="a table for each of these, which the others are compared with (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()

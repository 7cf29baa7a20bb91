"""Compares a frozen base, words, and both with plain models of the same leads' raw text.

    python -m training.studies.frozen DATASET... --domain donations --base FOLDER

The datasets are repetitions of one question, as in `training.studies.plain`, whose plain words
stand beside. What a base makes of a lead is kept and computed once for all of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.domain.reading import domain_named
from scoring.engines.readout import Readout
from scoring.metrics.bootstrap import Bootstrap
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering, language_model_rendering
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget
from training.baselines.fitted import logits_to_calibrate
from training.baselines.registry import Baseline, fit_baseline
from training.baselines.stack import fit_stack
from training.baselines.tree_text import fit_text_columns
from training.cli.console import progress, say
from training.cli.options import at_least
from training.cli.refusal import exiting
from training.dataset.example import Examples
from training.dataset.folder import read_examples
from training.dataset.manifest import BEFORE_TEST, DatasetError, Split
from training.evaluation.judged import Scored
from training.evaluation.rivals import calibrated
from training.evaluation.served import score_artifact
from training.export.int8_graph import N_MEASURED_PROMPTS
from training.fit.leads import counter
from training.fit.own_fields import with_own_fields
from training.frozen.combined import BOTH, STATES, WORDS, combine
from training.frozen.head import FrozenHead, described
from training.frozen.states import StateReader, candidates, open_state_reader, read_states
from training.model.hub import Hub, LoadedBase, load_base, open_base
from training.studies.plain import (
    CHOSEN,
    PLAIN_WORDS,
    ComparedSplit,
    aucs_of,
    markdown,
    outcomes_of,
    plain_words,
    study_parser,
)
from training.studies.tables import artifact_named


def main(arguments: Sequence[str] | None = None) -> None:
    parser = frozen_parser("training.studies.frozen", __doc__)
    add_served(parser)
    options = parser.parse_args(arguments)
    with exiting():
        rendering = language_model_rendering(domain_named(options.domain))
        base = load_base(open_base(Hub(options.base)), torch.float32)
        splits = [compare_split(folder, rendering, base, options) for folder in options.dataset]
        bootstrap = Bootstrap(np.random.default_rng(options.seed), options.resamples)
        sys.stdout.write(markdown(splits, bootstrap, (PLAIN_WORDS, WORDS)))


STACK_ON_STATES = "stack on states"


def quietly(line: str) -> None:
    """Instead of a line for every setting that is tried."""


@dataclass(frozen=True, slots=True)
class BaseReading:
    """A base that is opened for leads of one kind. `kept`: the folder of their states."""

    reader: StateReader
    spec: PromptSpec
    kept: Path

    @property
    def candidates(self) -> Readout:
        return self.reader.readout

    def states(self, examples: Examples) -> NDArray[np.float32]:
        """(n, n_parts, hidden) of the `candidates`."""
        prompts = [one.prompt for one in examples.inputs(self.spec)]
        rows = read_states(self.reader, prompts, self.kept, progress("states: leads"))
        return rows.reshape(len(rows), len(self.candidates.parts), -1)


def open_reading(examples: Examples, base: LoadedBase, options: argparse.Namespace) -> BaseReading:
    """By the first of `examples` the graph is made; give whole datasets, so that `asllr fit
    --frozen` and every study of them make the same, and read no lead twice. Their rows to fit on
    say in which order prompts have own fields."""
    budget = options.token_budget
    rendering = language_model_rendering(examples.rendering.domain)
    rendering = with_own_fields(examples, rendering, say)
    spec = PromptSpec(rendering, budget, counter(base.tokenizer), base.turns)
    first = examples.take(np.arange(min(len(examples), N_MEASURED_PROMPTS)))
    prompts = [one.prompt for one in first.inputs(spec)]
    what = candidates(int(base.model.config.num_hidden_layers))
    reader = open_state_reader(base, what, budget, prompts, options.threads)
    return BaseReading(reader, spec, options.states)


@dataclass(frozen=True, slots=True)
class ReadDataset:
    """A dataset with the states of all its rows, (n, n_parts, hidden) of the `candidates`."""

    name: str
    examples: Examples
    candidates: Readout
    states: NDArray[np.float32]


def read_dataset(
    folder: Path, rendering: Rendering, base: LoadedBase, options: argparse.Namespace
) -> ReadDataset:
    """Raises DatasetError."""
    whole, _ = read_examples(folder, rendering)
    reading = open_reading(whole, base, options)
    examples = some_known(whole, options.train_rows, np.random.default_rng(options.seed))
    return ReadDataset(folder.name, examples, reading.candidates, reading.states(examples))


def some_known(examples: Examples, n_known: int | None, rng: np.random.Generator) -> Examples:
    """The test rows, and so many of the others: all with the outcome, and by chance of those
    without, which weigh as much as all of these did. All rows for None. Raises DatasetError."""
    is_known = np.isin(examples.split, [split.value for split in BEFORE_TEST])
    others = np.flatnonzero(is_known & (examples.label == 0))
    n_orders = int(examples.label[is_known].sum())
    if n_known is None or n_known >= n_orders + len(others):
        return examples
    n_others = n_known - n_orders
    if n_others < n_orders:
        raise DatasetError(
            f"--train-rows is {n_known}, but {n_orders} rows before the test have the outcome and "
            f"as many without are needed beside them; give at least {2 * n_orders}"
        )
    left_out = rng.permutation(others)[n_others:]
    weight = examples.weight.copy()
    weight[others] *= len(others) / n_others
    kept = np.setdiff1d(np.arange(len(examples)), left_out)
    return replace(examples, weight=weight).take(kept)


def compare_split(
    folder: Path, rendering: Rendering, base: LoadedBase, options: argparse.Namespace
) -> ComparedSplit:
    """Scores of the test rows: of the rule, of plain words, of trees, of words, states and both, of
    what is chosen of these three, of trees on both, and of the artifacts of --served."""
    budget = Budget(options.trials, options.seed)
    read = read_dataset(folder, rendering, base, options)
    combined = combine(read.examples, read.states, read.candidates, budget, quietly)
    is_known = np.isin(read.examples.split, [split.value for split in BEFORE_TEST])
    test = np.flatnonzero(read.examples.split == Split.TEST.value)
    known, judged = read.examples.of(*BEFORE_TEST), read.examples.take(test)
    known_states, judged_states = read.states[is_known], read.states[test]
    scored = [plain_words_calibrated(known, judged)]
    for baseline in (Baseline.RULE, Baseline.TREE_FIELDS, Baseline.TREE_TEXT):
        model = fit_baseline(baseline, known, budget, quietly)
        to_calibrate = logits_to_calibrate(model, known)
        scored.append(calibrated(baseline.value, known, to_calibrate, model.logits(judged)))
    for name in (WORDS, STATES, BOTH):
        to_calibrate = combined.logits_to_calibrate(known, known_states, name)
        logits = combined.logits(judged, judged_states, name)
        scored.append(calibrated(name, known, to_calibrate, logits))
    chosen = next(one for one in scored if one.name == combined.chosen)
    scored += [
        replace(chosen, name=CHOSEN),
        stacked(known, judged, combined.head, judged_states, budget),
    ]
    for path in options.served:
        report = progress(f"{path.name} scores")
        scored.append(score_artifact(path, judged, n_processes=1, report=report, name=path.name))
    scores = {one.name: one.scores for one in scored}
    probabilities = {one.name: one.probabilities for one in scored}
    split = ComparedSplit(outcomes_of(judged), judged.weight, judged.cluster, scores, probabilities)
    shown = ", ".join(
        f"{name} {auc:.4f}" for name, auc in aucs_of(scores, split.labels, split.weights).items()
    )
    say(f"{folder.name}: {shown}; reads {described(combined.head.readout)}")
    return split


def plain_words_calibrated(known: Examples, judged: Examples) -> Scored:
    """Calibrated on the calibration rows, by a model that did not learn from them."""
    logits = np.zeros(len(known))
    early, later = known.of(*TRAIN_AND_VALIDATION), known.of(Split.CALIBRATE)
    logits[known.split == Split.CALIBRATE.value] = plain_words(early, later)
    return calibrated(PLAIN_WORDS, known, logits, plain_words(known, judged))


def stacked(
    known: Examples, judged: Examples, head: FrozenHead, states: NDArray[np.float32], budget: Budget
) -> Scored:
    """Trees on the columns of the fair rival and, as one more, the logit of the head on states: of
    the rows that the trees grow on by heads that did not learn from them."""
    stack = fit_stack(known, head.held_out, budget, fit_text_columns, quietly)
    to_calibrate = stack.logits_to_calibrate(known, head.held_out)
    logits = stack.logits(judged, head.logits(states))
    return calibrated(STACK_ON_STATES, known, to_calibrate, logits)


def frozen_parser(program: str, about: str | None) -> argparse.ArgumentParser:
    parser = study_parser(program, about)
    add = parser.add_argument
    add("--base", required=True, help="folder of `asllr base import`, or a hub id")
    add("--token-budget", type=int, default=1_024, help="the longest prompt")
    add("--states", type=Path, default=Path("build/states"), help="keeps the base's states")
    add("--threads", type=int, default=1, help="of the base's reading")
    add(
        "--train-rows",
        type=at_least(2),
        help="how many rows before the test are read: all with the outcome and some of the others, "
        "weighed up (default: all)",
    )
    return parser


def add_served(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--served",
        type=artifact_named,
        nargs="*",
        default=[],
        metavar="ARTIFACT",
        help="demo or folders: as served, on the test rows",
    )


if __name__ == "__main__":
    main()

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
from training.baselines.baseline import Budget
from training.cli.console import progress, say
from training.cli.options import at_least
from training.cli.refusal import exiting
from training.dataset.example import Examples
from training.dataset.folder import read_examples
from training.dataset.manifest import BEFORE_TEST, DatasetError, Split
from training.export.int8_graph import N_MEASURED_PROMPTS
from training.fit.leads import counter
from training.fit.own_fields import with_own_fields
from training.frozen.combined import BOTH, STATES, WORDS, combine
from training.frozen.head import described
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


def main(arguments: Sequence[str] | None = None) -> None:
    options = frozen_parser("training.studies.frozen", __doc__).parse_args(arguments)
    with exiting():
        rendering = language_model_rendering(domain_named(options.domain))
        base = load_base(open_base(Hub(options.base)), torch.float32)
        splits = [compare_split(folder, rendering, base, options) for folder in options.dataset]
        bootstrap = Bootstrap(np.random.default_rng(options.seed), options.resamples)
        sys.stdout.write(markdown(splits, bootstrap, (PLAIN_WORDS, WORDS)))


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
    """Scores of the test rows: of words, of states and of both, of what is chosen of them, and of
    plain words."""
    budget = Budget(options.trials, options.seed)
    read = read_dataset(folder, rendering, base, options)
    combined = combine(read.examples, read.states, read.candidates, budget, lambda line: None)
    test = np.flatnonzero(read.examples.split == Split.TEST.value)
    known, judged = read.examples.of(*BEFORE_TEST), read.examples.take(test)
    scores = {PLAIN_WORDS: plain_words(known, judged)}
    for name in (WORDS, STATES, BOTH):
        scores[name] = combined.logits(judged, read.states[test], name)
    scores[CHOSEN] = scores[combined.chosen]
    split = ComparedSplit(outcomes_of(judged), judged.weight, judged.cluster, scores)
    shown = ", ".join(
        f"{name} {auc:.4f}" for name, auc in aucs_of(scores, split.labels, split.weights).items()
    )
    say(f"{folder.name}: {shown}; reads {described(combined.head.readout)}")
    return split


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


if __name__ == "__main__":
    main()

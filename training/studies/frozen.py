"""Compares a frozen base, words, and both with plain models of the same leads' raw text.

    python -m training.studies.frozen DATASET... --domain donations --base FOLDER

The datasets are repetitions of one question, as in `training.studies.plain`, whose plain words
stand beside. What a base makes of a lead is kept and computed once for all of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.domain.reading import domain_named
from scoring.engines.readout import Readout
from scoring.metrics.bootstrap import Bootstrap
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering, language_model_rendering
from training.baselines.baseline import Budget, labels_of
from training.cli.console import progress, say
from training.cli.refusal import exiting
from training.dataset.example import Examples
from training.dataset.folder import read_examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.fit.leads import counter
from training.frozen.combined import BOTH, STATES, WORDS, combine
from training.frozen.head import described
from training.frozen.states import candidates, open_state_reader, read_states
from training.model.hub import Hub, LoadedBase, load_base, open_base
from training.studies.plain import (
    CHOSEN,
    PLAIN_WORDS,
    ComparedSplit,
    aucs_of,
    markdown,
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
class ReadDataset:
    """A dataset with the states of all its rows, (n, n_parts, hidden) of the `candidates`."""

    name: str
    examples: Examples
    candidates: Readout
    states: NDArray[np.float32]


def read_dataset(
    folder: Path, rendering: Rendering, base: LoadedBase, options: argparse.Namespace
) -> ReadDataset:
    examples, _ = read_examples(folder, rendering)
    spec = PromptSpec(rendering, options.token_budget, counter(base.tokenizer), base.turns)
    prompts = [one.prompt for one in examples.inputs(spec)]
    what = candidates(int(base.model.config.num_hidden_layers))
    reader = open_state_reader(base, what, options.token_budget, prompts, options.threads)
    rows = read_states(reader, prompts, options.states, progress("states: leads"))
    return ReadDataset(folder.name, examples, what, rows.reshape(len(rows), len(what.parts), -1))


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
    split = ComparedSplit(labels_of(judged), judged.weight, judged.cluster, scores)
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
    return parser


if __name__ == "__main__":
    main()

"""From how many outcomes on which model is best: trees, words, a frozen base's states, or two of
them.

    python -m training.studies.orders DATASET... --domain donations --base FOLDER

Of the rows before the test so many are kept that this number of them have the outcome, whole
clusters at a time and the share of the outcome as it is; the test rows stay. The datasets are
repetitions of one question, as in `training.studies.plain`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.domain.reading import domain_named
from scoring.metrics.bootstrap import Bootstrap
from scoring.prompt.rendering import language_model_rendering
from training.baselines.baseline import Budget
from training.baselines.logistic import fit_logistic
from training.baselines.stack import fit_stack
from training.baselines.tree_text import fit_tree_words, fit_word_columns
from training.cli.console import say
from training.cli.refusal import exiting
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.frozen.combined import BOTH, STATES, WORDS, combine
from training.model.hub import Hub, load_base, open_base
from training.studies.frozen import ReadDataset, frozen_parser, read_dataset
from training.studies.plain import ComparedSplit, markdown, outcomes_of

DEFAULT_ORDERS = (50, 100, 200, 400, 800)
FIELDS, TREES, STACK = "fields alone", "trees on words", "trees on words and states"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = frozen_parser("training.studies.orders", __doc__)
    parser.add_argument("--orders", type=int, nargs="+", default=list(DEFAULT_ORDERS))
    options = parser.parse_args(arguments)
    with exiting():
        rendering = language_model_rendering(domain_named(options.domain))
        base = load_base(open_base(Hub(options.base)), torch.float32)
        read = [read_dataset(folder, rendering, base, options) for folder in options.dataset]
        budget = Budget(options.trials, options.seed)
        for n_orders in options.orders:
            splits = [with_orders(each, n_orders, budget) for each in read]
            known = [split for split in splits if split is not None]
            sys.stdout.write(f"\n## {n_orders} outcomes\n\n")
            if not known:
                sys.stdout.write("no dataset has so many before its test rows\n")
                continue
            bootstrap = Bootstrap(np.random.default_rng(options.seed), options.resamples)
            sys.stdout.write(markdown(known, bootstrap, (WORDS, TREES)))
            sys.stdout.flush()


def with_orders(read: ReadDataset, n_orders: int, budget: Budget) -> ComparedSplit | None:
    """The models' scores of the test rows, fitted on `n_orders` outcomes; None where there are
    fewer."""
    kept = some_rows(read.examples, n_orders, budget.rng())
    if kept is None:
        return None
    part, states = read.examples.take(kept), read.states[kept]
    combined = combine(part, states, read.candidates, budget, lambda line: None)
    test = np.flatnonzero(part.split == Split.TEST.value)
    judged = part.take(test)
    scores = {name: combined.logits(judged, states[test], name) for name in (WORDS, STATES, BOTH)}
    scores[FIELDS] = fit_logistic(part, budget, lambda line: None).logits(judged)
    scores[TREES] = fit_tree_words(part, budget, lambda line: None).logits(judged)
    known = part.of(*BEFORE_TEST)
    head = combined.head
    stack = fit_stack(known, head.held_out, budget, fit_word_columns, lambda line: None)
    scores[STACK] = stack.logits(judged, head.logits(states[test]))
    say(f"{read.name}: {n_orders} outcomes done")
    return ComparedSplit(outcomes_of(judged), judged.weight, judged.cluster, scores)


def some_rows(
    examples: Examples, n_orders: int, rng: np.random.Generator
) -> NDArray[np.int64] | None:
    """The test rows, and of the others whole clusters in random order until `n_orders` rows have
    the outcome: of each split the same share. None where there are fewer."""
    is_known = np.isin(examples.split, [split.value for split in BEFORE_TEST])
    n_there = int(examples.label[is_known].sum())
    if n_there < n_orders:
        return None
    kept = ~is_known
    for split in BEFORE_TEST:
        inside = np.flatnonzero(examples.split == split.value)
        clusters = rng.permutation(np.unique(examples.cluster[inside]))
        wanted = n_orders / n_there * examples.label[inside].sum()
        found = 0
        for cluster in clusters:
            if found >= wanted:
                break
            rows = inside[examples.cluster[inside] == cluster]
            kept[rows] = True
            found += int(examples.label[rows].sum())
    return np.flatnonzero(kept)


if __name__ == "__main__":
    main()

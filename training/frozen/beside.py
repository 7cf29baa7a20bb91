"""A base beside the model that `asllr try` recommends: heard only where it is surely ahead of it,
on leads that neither learned from.

The base reads few leads a second, so it reads MAX_READ moments of leads, drawn by chance; the
others are learned from without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.engines.readout import Readout
from scoring.floats import Floats
from scoring.metrics.bootstrap import Interval
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering
from scoring.report.progress import StartReport, WriteLine, spoken
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget, labels_of, losses_of
from training.baselines.logistic import LogisticPredictor, logits_in_folds
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.fit.leads import check_budget, counter
from training.fit.own_fields import with_own_fields
from training.frozen.combined import BOTH, STATES, WORDS, Combined, auc_gain, is_less, weigh
from training.frozen.head import fit_head
from training.frozen.mix import mixed_in_folds
from training.frozen.states import (
    StateReader,
    candidates,
    lead_ms_of,
    open_state_reader,
    read_states,
)
from training.model.guards import naming_memory
from training.model.hub import Hub, LoadedBase, load_base, open_base

MAX_READ = 1_000
"""Moments of leads that a base reads to learn from: three minutes at six a second."""

ORDERS_SHARE = 0.4
"""Of these, at most so many before an order."""

TOKEN_BUDGET = 512
N_TIMED = 5
N_FIRST, N_LAST = 8, 8
"""Prompts that make the graph, and prompts on which it is compared with torch, a second each."""


@dataclass(slots=True)
class OpenedBase:
    """A base that reads leads of several fits: it is loaded once, its graph is measured by the same
    prompts and its prompts have the same own fields, so that no moment is read twice. `kept`: the
    folder of states."""

    hub: Hub
    kept: Path
    n_threads: int = 1
    base: LoadedBase | None = field(default=None, init=False)
    reader: StateReader | None = field(default=None, init=False)
    rendering: Rendering | None = field(default=None, init=False)
    first: tuple[str, ...] = field(default=(), init=False)

    def prompts(self, examples: Examples) -> list[str]:
        """The prompts of all rows. Raises FitError."""
        opened = open_base(self.hub)
        if self.rendering is None:
            rendering = with_own_fields(examples, examples.rendering, lambda line: None)
            check_budget(opened.tokenizer, rendering, TOKEN_BUDGET, opened.max_tokens, opened.turns)
            self.rendering = rendering
        spec = PromptSpec(self.rendering, TOKEN_BUDGET, counter(opened.tokenizer), opened.turns)
        return [one.prompt for one in replace(examples, rendering=self.rendering).inputs(spec)]

    def open_reader(self, prompts: Sequence[str]) -> tuple[LoadedBase, StateReader, Readout]:
        """Raises FitError."""
        with naming_memory(TOKEN_BUDGET, "loading the base"):
            if self.base is None:
                self.base = load_base(open_base(self.hub), torch.float32)
            what = candidates(int(self.base.model.config.num_hidden_layers))
            if self.reader is None:
                self.first = tuple(prompts[:N_FIRST])
                self.reader = open_state_reader(
                    self.base, what, TOKEN_BUDGET, self.first, self.n_threads
                )
        return self.base, self.reader, what


@dataclass(frozen=True, slots=True)
class Rival:
    """What a base has to be ahead of. `in_folds`: its logits of the train and validation rows, each
    by a model that did not learn from the lead; `words`: the regression that stands beside the
    base, which may be the same model."""

    name: str
    in_folds: Floats
    words: LogisticPredictor
    is_words: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """A base beside words. `examples`: the rows that it read; `in_folds`: the logits of the mix for
    their train and validation rows; `gain`: its AUC over the recommended model's there; `is_ahead`:
    surely. `lead_ms`: the time of one moment of a lead."""

    base: LoadedBase
    examples: Examples
    combined: Combined
    states: NDArray[np.float32]
    prompts: tuple[str, ...]
    in_folds: Floats
    gain: Interval
    is_ahead: bool
    lead_ms: float

    @property
    def is_heard(self) -> bool:
        """Whether the mix hears the base at all: none of its weights is below 0."""
        return self.combined.chosen != WORDS

    @property
    def adds_nothing(self) -> bool:
        """Whether beside words it has no weight."""
        return self.combined.weighed.mixes[BOTH].of_states == 0

    def logits_to_calibrate(self) -> Floats:
        """(n,) of `examples`, each by models that did not learn from its lead."""
        logits = self.combined.logits_to_calibrate(self.examples, self.states)
        logits[_is_early(self.examples)] = self.in_folds
        return logits


def fit_beside(
    examples: Examples,
    rival: Rival,
    opened: OpenedBase,
    budget: Budget,
    said: tuple[WriteLine, StartReport],
) -> Beside:
    """Reads MAX_READ rows and weighs what was learned from them against words. Raises FitError,
    DatasetError."""
    log, start = said
    rows, some = drawn(examples, budget.rng())
    prompts = opened.prompts(some)
    base, reader, what = opened.open_reader(prompts)
    some = replace(some, rendering=opened.rendering or some.rendering)
    lead_ms = lead_ms_of(reader, prompts, N_TIMED)
    bound = f", the most that it reads of {len(examples):,}" if len(some) < len(examples) else ""
    log(
        f"base: reads {len(some):,} moments of leads{bound}, {lead_ms:.0f} ms each: at most "
        f"{spoken(len(some) * lead_ms / 1_000)}"
    )
    read = read_states(reader, prompts, opened.kept, start("base: moments of leads"))
    states = read.reshape(len(prompts), len(what.parts), -1)
    head = fit_head(states, what, some, lambda line: None)
    is_early = _is_early(some)
    early, words = some.of(*TRAIN_AND_VALIDATION), rival.words
    at = places_in(_is_early(examples), rows)
    of_words = (rival.in_folds if rival.is_words else logits_in_folds(examples, words))[at]
    of_states = head.held_out[is_early]
    weighed = weigh(of_words, of_states, early, budget.rng())
    heard = [name for name in (STATES, BOTH) if weighed.mixes[name].of_states > 0]
    chosen = min(heard, key=lambda name: weighed.losses[name]) if heard else WORDS
    words_held_out = np.empty(len(some))
    words_held_out[is_early] = of_words
    is_late = examples.split == Split.CALIBRATE.value
    words_held_out[~is_early] = words.held_out[places_in(is_late, rows)]
    words = replace(words, held_out=words_held_out[~is_early])
    combined = Combined(head, words, replace(weighed, chosen=chosen), words_held_out)
    nothing = np.zeros(len(early))
    in_folds = mixed_in_folds(of_words if chosen == BOTH else nothing, of_states, early)
    theirs, labels = rival.in_folds[at], labels_of(early)
    is_ahead = chosen != WORDS and is_less(
        losses_of(in_folds, labels), losses_of(theirs, labels), early
    )
    gain = auc_gain(in_folds, theirs, early, budget.rng())
    least = (*opened.first, *prompts[-N_LAST:])
    return Beside(base, some, combined, states, least, in_folds, gain, is_ahead, lead_ms)


def drawn(examples: Examples, rng: np.random.Generator) -> tuple[NDArray[np.int64], Examples]:
    """At most MAX_READ rows, in their order, and their numbers. Rows before an order are drawn
    apart from the others; the weights say how many each stands for."""
    labels = labels_of(examples).astype(np.int64)
    n_orders = min(int(labels.sum()), round(ORDERS_SHARE * MAX_READ))
    quotas = {1: n_orders, 0: MAX_READ - n_orders}
    chosen, weights = [], examples.weight.copy()
    for label, quota in quotas.items():
        rows = np.flatnonzero(labels == label)
        kept = rng.permutation(rows)[:quota]
        weights[kept] *= len(rows) / max(len(kept), 1)
        chosen.append(kept)
    order = np.sort(np.concatenate(chosen)).astype(np.int64)
    some = examples.take(order)
    return order, replace(some, weight=weights[order])


def _is_early(examples: Examples) -> NDArray[np.bool_]:
    return np.isin(examples.split, [split.value for split in TRAIN_AND_VALIDATION])


def places_in(inside: NDArray[np.bool_], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where those of `rows` that are `inside` stand among all that are.

    >>> places_in(np.array([True, False, True, True]), np.array([1, 2, 3])).tolist()
    [1, 2]
    """
    places: NDArray[np.int64] = (np.cumsum(inside) - 1)[rows[inside[rows]]]
    return places

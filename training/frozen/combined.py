"""Words, the states of a frozen base, or both: leads that no model learned from decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.engines.readout import Readout
from scoring.floats import Floats
from scoring.metrics.bootstrap import Bootstrap, Interval, auc_statistic, paired_difference
from scoring.metrics.metrics import auc
from scoring.report.progress import WriteLine
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget, labels_of, losses_of
from training.baselines.logistic import LogisticPredictor, fit_logistic_words, logits_in_folds
from training.baselines.tree import with_held_out
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.frozen.head import FrozenHead, fit_head
from training.frozen.mix import Mix, fit_mix, mixed_in_folds

WORDS, STATES, BOTH = "words", "states", "both"
N_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Weighed:
    """How each of WORDS, STATES and BOTH weighs a regression on fields and words against a language
    model, `mixes`; WORDS is the regression as it is. `losses`, `aucs`: each of leads that models
    and weights did not know. `gain`: the AUC of BOTH over WORDS there, paired by cluster. `chosen`:
    the one of least loss among those that hear the language model, and WORDS unless that is better
    by more than a standard error."""

    mixes: Mapping[str, Mix]
    losses: Mapping[str, float]
    aucs: Mapping[str, float]
    gain: Interval
    chosen: str


@dataclass(frozen=True, slots=True)
class Combined:
    """A head on states beside a regression on fields and words, weighed on train and validation
    rows, or, under an adapter, which learned from the former, on validation and calibration
    rows. `words_held_out`: as the head's `held_out`, of the words."""

    head: FrozenHead
    words: LogisticPredictor
    weighed: Weighed
    words_held_out: Floats

    @property
    def chosen(self) -> str:
        return self.weighed.chosen

    @property
    def mix(self) -> Mix:
        return self.weighed.mixes[self.chosen]

    def logits(
        self, examples: Examples, states: NDArray[np.float32], name: str | None = None
    ) -> Floats:
        """(n,) of the model that was chosen, or of the one of this `name`. `states`: (n, n_parts,
        hidden) of the candidates."""
        mix = self.weighed.mixes[name or self.chosen]
        return mix.logits(self.words.logits(examples), self.head.logits(states))

    def logits_to_calibrate(
        self, examples: Examples, states: NDArray[np.float32], name: str | None = None
    ) -> Floats:
        """As `logits`; those of the calibration rows by models that did not learn from them."""
        known = examples.of(*BEFORE_TEST).split == Split.CALIBRATE.value
        mix = self.weighed.mixes[name or self.chosen]
        held_out = mix.logits(self.words.held_out, self.head.held_out[known])
        return with_held_out(self.logits(examples, states, name), held_out, examples)


def combine(
    examples: Examples,
    states: NDArray[np.float32],
    candidates: Readout,
    budget: Budget,
    log: WriteLine,
) -> Combined:
    """Fits both and weighs them. `states`: (n, n_parts, hidden) of the `candidates`. Raises
    DatasetError for a split with one class only."""
    words = fit_logistic_words(examples, budget, lambda line: log(f"words: {line}"))
    head = fit_head(states, candidates, examples, lambda line: log(f"states: {line}"))
    early = examples.of(*TRAIN_AND_VALIDATION)
    is_early = examples.of(*BEFORE_TEST).split != Split.CALIBRATE.value
    of_words, of_states = logits_in_folds(early, words), head.held_out[is_early]
    words_held_out = np.empty(len(is_early))
    words_held_out[is_early], words_held_out[~is_early] = of_words, words.held_out
    return Combined(head, words, weigh(of_words, of_states, early, budget.rng()), words_held_out)


def weigh(
    of_words: Floats, of_states: Floats, examples: Examples, rng: np.random.Generator
) -> Weighed:
    """Weighs logits (n,) that did not know `examples`."""
    nothing = np.zeros(len(examples))
    mixes = {
        WORDS: Mix(1.0, 0.0, 0.0),
        STATES: fit_mix(nothing, of_states, examples),
        BOTH: fit_mix(of_words, of_states, examples),
    }
    logits = {
        WORDS: mixed_in_folds(of_words, nothing, examples),
        STATES: mixed_in_folds(nothing, of_states, examples),
        BOTH: mixed_in_folds(of_words, of_states, examples),
    }
    # Of words as they are: a weight for each fold would only mix up leads of different folds.
    ranks = {**logits, WORDS: of_words}
    labels = labels_of(examples)
    each_loss = {name: losses_of(each, labels) for name, each in logits.items()}
    losses = {
        name: float(np.average(each, weights=examples.weight)) for name, each in each_loss.items()
    }
    heard = [name for name in losses if name == WORDS or mixes[name].of_states > 0]
    best = min(heard, key=lambda name: losses[name])
    is_sure = is_less(each_loss[best], each_loss[WORDS], examples)
    return Weighed(
        mixes=mixes,
        losses=losses,
        aucs={name: auc(each, labels, examples.weight) for name, each in ranks.items()},
        gain=auc_gain(ranks[BOTH], ranks[WORDS], examples, rng),
        chosen=best if is_sure else WORDS,
    )


def auc_gain(
    ours: Floats, theirs: Floats, examples: Examples, rng: np.random.Generator
) -> Interval:
    """How much more AUC one has than the other on `examples`, paired by cluster."""
    return paired_difference(
        auc_statistic,
        ours,
        theirs,
        labels_of(examples),
        Bootstrap(rng, N_RESAMPLES),
        weights=examples.weight,
        clusters=examples.cluster,
    )


def is_less(ours: Floats, theirs: Floats, examples: Examples) -> bool:
    """Whether one mean loss is less by more than a standard error of the difference, by cluster (L.
    Breiman and others, Classification and Regression Trees, 1984: the rule of one standard
    error)."""
    _, cluster = np.unique(examples.cluster, return_inverse=True)
    gains = np.bincount(cluster, weights=(theirs - ours) * examples.weight)
    if len(gains) < MIN_CLUSTERS:
        return False
    return bool(gains.sum() > np.sqrt(len(gains)) * gains.std(ddof=1))


MIN_CLUSTERS = 2

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
class Combined:
    """A head on states beside a regression on fields and words. `mixes`: how each of WORDS, STATES
    and BOTH weighs them; WORDS is the regression as it is. `losses`, `aucs`: on the train and
    validation rows, each judged by models and weights that did not know it. `gain`: the AUC of BOTH
    over WORDS there, paired by cluster. `chosen`: the one of least loss, and WORDS unless that is
    better by more than a standard error."""

    head: FrozenHead
    words: LogisticPredictor
    mixes: Mapping[str, Mix]
    losses: Mapping[str, float]
    aucs: Mapping[str, float]
    gain: Interval
    chosen: str

    @property
    def mix(self) -> Mix:
        return self.mixes[self.chosen]

    def logits(
        self, examples: Examples, states: NDArray[np.float32], name: str | None = None
    ) -> Floats:
        """(n,) of the model that was chosen, or of the one of this `name`. `states`: (n, n_parts,
        hidden) of the candidates."""
        mix = self.mixes[name or self.chosen]
        return mix.logits(self.words.logits(examples), self.head.logits(states))

    def logits_to_calibrate(
        self, examples: Examples, states: NDArray[np.float32], name: str | None = None
    ) -> Floats:
        """As `logits`; those of the calibration rows by models that did not learn from them."""
        known = examples.of(*BEFORE_TEST).split == Split.CALIBRATE.value
        mix = self.mixes[name or self.chosen]
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
    nothing = np.zeros(len(early))
    mixes = {
        WORDS: Mix(1.0, 0.0, 0.0),
        STATES: fit_mix(nothing, of_states, early),
        BOTH: fit_mix(of_words, of_states, early),
    }
    logits = {
        WORDS: mixed_in_folds(of_words, nothing, early),
        STATES: mixed_in_folds(nothing, of_states, early),
        BOTH: mixed_in_folds(of_words, of_states, early),
    }
    labels = labels_of(early)
    # Of words as they are: a weight for each fold would only mix up leads of different folds.
    ranks = {**logits, WORDS: of_words}
    gain = paired_difference(
        auc_statistic,
        ranks[BOTH],
        ranks[WORDS],
        labels,
        Bootstrap(budget.rng(), N_RESAMPLES),
        weights=early.weight,
        clusters=early.cluster,
    )
    aucs = {name: auc(each, labels, early.weight) for name, each in ranks.items()}
    each_loss = {name: losses_of(each, labels) for name, each in logits.items()}
    losses = {
        name: float(np.average(each, weights=early.weight)) for name, each in each_loss.items()
    }
    best = min(losses, key=lambda name: losses[name])
    is_sure = _is_less(each_loss[best], each_loss[WORDS], early)
    return Combined(head, words, mixes, losses, aucs, gain, best if is_sure else WORDS)


def _is_less(ours: Floats, theirs: Floats, examples: Examples) -> bool:
    """Whether one mean loss is less by more than a standard error of the difference, by cluster (L.
    Breiman and others, Classification and Regression Trees, 1984: the rule of one standard
    error)."""
    _, cluster = np.unique(examples.cluster, return_inverse=True)
    gains = np.bincount(cluster, weights=(theirs - ours) * examples.weight)
    if len(gains) < MIN_CLUSTERS:
        return False
    return bool(gains.sum() > np.sqrt(len(gains)) * gains.std(ddof=1))


MIN_CLUSTERS = 2

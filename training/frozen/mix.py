"""Words and a frozen language model, weighed together.

Stacked generalisation (D. H. Wolpert, Neural Networks 5, 1992): the weights are learned from logits
that each model gives of leads it did not learn from, or the one that remembers most would get all
the weight. None is below 0: a model that is behind chance on a few hundred leads is not an oracle
of the opposite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from scoring.engines.linear import LinearModel
from scoring.floats import Floats
from training.baselines.baseline import labels_of, log_loss
from training.baselines.columns.linear_reading import folds_of
from training.baselines.logistic import LogisticPredictor
from training.dataset.example import Examples

WEAK_PENALTY = 10.0
"""Of two weights and a bias: as good as none, and it keeps them finite."""


@dataclass(frozen=True, slots=True)
class Mix:
    """logit = `of_words` * the words' logit + `of_states` * the language model's + `bias`."""

    of_words: float
    of_states: float
    bias: float

    def logits(self, words: Floats, states: Floats) -> Floats:
        return self.of_words * words + self.of_states * states + self.bias

    def served(self, words: LogisticPredictor) -> LinearModel:
        """The regression `words` with the language model's logit as its last number."""
        model = words.served
        weights = [self.of_words * weight for weight in model.weights]
        return LinearModel(
            encoding=model.encoding,
            n_plain=model.n_plain + 1,
            weights=(*weights, self.of_states),
            intercept=self.of_words * model.intercept + self.bias,
        )


def fit_mix(words: Floats, states: Floats, examples: Examples) -> Mix:
    """Weighs logits (n,) that did not know `examples`. Where a weight would be below 0, the other
    model stands alone; where that one's would be, too, none is heard."""
    both = _weighed(words, states, examples)
    if min(both.of_words, both.of_states) >= 0:
        return both
    nothing = np.zeros(len(examples))
    alone = [_weighed(words, nothing, examples), _weighed(nothing, states, examples)]
    heard = [mix for mix in alone if min(mix.of_words, mix.of_states) >= 0]
    if not heard:
        return _weighed(nothing, nothing, examples)
    labels, weights = labels_of(examples), examples.weight

    def loss(mix: Mix) -> float:
        return log_loss(mix.logits(words, states), labels, weights)

    return min(heard, key=loss)


def mixed_in_folds(words: Floats, states: Floats, examples: Examples) -> Floats:
    """The logits of a mix, each weighed without its lead: what is compared is not also fitted."""
    folds: NDArray[np.int64] = folds_of(examples.cluster, b"mix")
    logits = np.zeros(len(examples))
    for fold in np.unique(folds):
        inside, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        mix = fit_mix(words[others], states[others], examples.take(others))
        logits[inside] = mix.logits(words[inside], states[inside])
    return logits


def _weighed(words: Floats, states: Floats, examples: Examples) -> Mix:
    labels, weights = labels_of(examples), examples.weight
    model = LogisticRegression(C=WEAK_PENALTY)
    model.fit(np.column_stack([words, states]), labels, weights / weights.mean())
    (of_words, of_states), bias = model.coef_[0].tolist(), float(model.intercept_[0])
    return Mix(of_words, of_states, bias)

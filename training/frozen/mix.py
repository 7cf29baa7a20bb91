"""Words and a frozen language model, weighed together.

Stacked generalisation (D. H. Wolpert, Neural Networks 5, 1992): the weights are learned from logits
that each model gives of leads it did not learn from, or the one that remembers most would get all
the weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from scoring.engines.linear import LinearModel
from scoring.floats import Floats
from training.baselines.baseline import labels_of, log_loss
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
    loss: float
    """Log loss on the leads that it was learned from, by logits that did not know them."""

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
    """Weighs logits (n,) that did not know `examples`. Neither model counts against itself: where a
    weight would be negative, the other stands alone."""
    both = _weighed(words, states, examples)
    if both.of_words >= 0 and both.of_states >= 0:
        return both
    nothing = np.zeros(len(examples))
    alone = _weighed(words, nothing, examples), _weighed(nothing, states, examples)
    return min(alone, key=lambda mix: mix.loss)


def _weighed(words: Floats, states: Floats, examples: Examples) -> Mix:
    labels, weights = labels_of(examples), examples.weight
    model = LogisticRegression(C=WEAK_PENALTY)
    model.fit(np.column_stack([words, states]), labels, weights / weights.mean())
    (of_words, of_states), bias = model.coef_[0].tolist(), float(model.intercept_[0])
    mix = Mix(of_words, of_states, bias, 0.0)
    loss = log_loss(mix.logits(words, states), labels, weights)
    return Mix(of_words, of_states, bias, loss)

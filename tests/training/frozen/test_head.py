"""A head finds the part that knows the label, and is judged on leads that it did not learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the train extra")

from scoring.engines.readout import Pool, Readout, ReadoutPart
from scoring.metrics.metrics import auc
from tests.training.baselines.leads import leads
from training.baselines.baseline import Budget, labels_of
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.frozen.combined import BOTH, STATES, WORDS, combine, weigh
from training.frozen.head import fit_head
from training.frozen.mix import fit_mix

pytestmark = [pytest.mark.train]

N_PARTS, HIDDEN = 4, 12
CANDIDATES = Readout(
    parts=tuple(ReadoutPart(layer=layer, pool=Pool.MARKER) for layer in range(1, N_PARTS + 1))
)
TELLS = 2
"""The part of which one number says something of the label."""


def states_of(examples: Examples, strength: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(3)
    states = rng.normal(size=(len(examples), N_PARTS, HIDDEN)).astype(np.float32)
    states[:, TELLS, 5] += strength * examples.label
    return states * np.float32(100) + np.float32(7)


def quietly(line: str) -> None:
    """No progress."""


def test_the_part_that_knows_is_found() -> None:
    examples = leads(500)
    states = states_of(examples, 2.0)
    head = fit_head(states, CANDIDATES, examples, quietly)
    assert head.choice.parts[0] == TELLS
    assert head.readout.parts[0] == CANDIDATES.parts[TELLS]
    test = examples.split == Split.TEST.value
    assert auc(head.logits(states)[test], labels_of(examples)[test]) > 0.8


def test_held_out_logits_know_nothing_of_their_own_label() -> None:
    examples = leads(500)
    rng = np.random.default_rng(4)
    coins = replace(examples, label=rng.permutation(examples.label))
    states = states_of(coins, 0.0)
    head = fit_head(states, CANDIDATES, coins, quietly)
    known = np.isin(coins.split, [split.value for split in BEFORE_TEST])
    labels = labels_of(coins)[known]
    assert len(head.held_out) == known.sum()
    assert abs(auc(head.held_out, labels) - 0.5) < 0.1
    # The head itself has learned them by heart, so that this is no test that cannot fail.
    assert auc(head.logits(states)[known], labels) > 0.6


def test_weights_go_to_the_model_that_knows() -> None:
    examples = leads(500)
    labels = labels_of(examples)
    rng = np.random.default_rng(5)
    knows, guesses = labels * 2 + rng.normal(size=len(labels)), rng.normal(size=len(labels))
    mix = fit_mix(knows, guesses, examples)
    assert mix.of_words > 5 * mix.of_states >= 0
    worse = fit_mix(knows, -knows + guesses, examples)
    assert min(worse.of_words, worse.of_states) >= 0


def test_a_model_that_is_behind_chance_is_not_turned_around() -> None:
    examples = leads(500)
    labels = labels_of(examples)
    wrong = -2 * labels + np.random.default_rng(5).normal(size=len(labels))
    for words, states in ((wrong, wrong), (wrong, np.zeros(len(labels)))):
        mix = fit_mix(words, states, examples)
        assert (mix.of_words, mix.of_states) == (0, 0)
    alone = fit_mix(wrong, labels, examples)
    assert alone.of_words == 0
    assert alone.of_states > 0


def test_what_is_chosen_hears_the_language_model_or_is_words_alone() -> None:
    """A constant may be better than words that know nothing, and no base is read for a constant."""
    examples = leads(200)
    n_constant = 0
    for seed in range(12):
        noise = np.random.default_rng(seed).normal(size=(2, len(examples)))
        weighed = weigh(noise[0], noise[1], examples, np.random.default_rng(0))
        assert weighed.chosen == WORDS or weighed.mixes[weighed.chosen].of_states > 0
        is_constant = weighed.mixes[STATES].of_states == 0
        n_constant += is_constant and weighed.losses[STATES] < weighed.losses[WORDS]
    assert n_constant


def test_chance_alone_keeps_no_language_model() -> None:
    """States that know nothing are not kept because they were weighed on the leads they are judged
    by."""
    examples = leads(500)
    rng = np.random.default_rng(6)
    kept = 0
    for seed in range(5):
        states = rng.normal(size=(len(examples), N_PARTS, HIDDEN)).astype(np.float32)
        kept += combine(examples, states, CANDIDATES, Budget(1, seed), quietly).chosen != WORDS
    assert kept <= 2


@pytest.mark.slow
@pytest.mark.parametrize(("strength", "expected"), [(3.0, {STATES, BOTH}), (0.0, {WORDS, BOTH})])
def test_leads_that_no_model_learned_from_decide(strength: float, expected: set[str]) -> None:
    examples = leads(500)
    combined = combine(examples, states_of(examples, strength), CANDIDATES, Budget(2), quietly)
    assert combined.chosen in expected
    if strength:
        assert combined.weighed.gain.low > 0
    else:
        assert combined.weighed.gain.low <= 0

"""Whether an adapter is kept, and the model that is served with it.

The adapter learned from the train rows, so its logits of them are not those that it gives to a new
lead. All that is decided or fitted after it comes from the validation and calibration rows: whether
it is ahead, the weights of the mix with words, and the calibration. The weights are learned from
all of these rows; what is calibrated is each row's logit by weights that other rows gave.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scoring.calibration import Calibration
from scoring.floats import Floats
from scoring.report.progress import StartReport
from training.adapter.loop import FittedAdapter
from training.baselines.fitted import calibrate, worth_of
from training.dataset.manifest import BEFORE_TEST, Split
from training.frozen.combined import STATES, WORDS, Combined, auc_gain, weigh
from training.frozen.fit import FrozenFit
from training.frozen.head import FrozenHead
from training.frozen.mix import mixed_in_folds
from training.frozen.states import open_state_reader, read_states
from training.frozen.trial import AdapterTrial, Ahead
from training.model.guards import naming_memory


def judged(
    frozen: FrozenFit,
    fitted: FittedAdapter,
    rows: NDArray[np.int64],
    start: StartReport,
) -> FrozenFit:
    """The model with its adapter where that is ahead, else `frozen`, and in both what was tried.
    `rows`: those that the adapter did not learn from, in the order of its held-out leads."""
    checks, budget = fitted.checks, frozen.request.budget
    known = np.flatnonzero(np.isin(frozen.examples.split, [s.value for s in BEFORE_TEST]))
    inside = np.searchsorted(known, rows)
    words = frozen.combined.words_held_out[inside]
    examples = frozen.examples.take(rows)
    of_start = auc_gain(checks.crossed, checks.logits[0], examples, budget.rng())
    with_words = auc_gain(
        mixed_in_folds(words, checks.crossed, examples),
        mixed_in_folds(words, frozen.combined.head.held_out[inside], examples),
        examples,
        budget.rng(),
    )
    losses = tuple(checks.held_out.loss(logits, checks.serve) for logits in checks.logits)
    ahead = Ahead(of_start, with_words)
    trial = AdapterTrial(None, ahead, "", checks.steps, losses, checks.best())
    if not ahead.is_sure:
        return replace(frozen, trial=trial)
    served = _served(frozen, fitted, rows, words, start)
    if served.combined.chosen == WORDS:
        why_not = "with it nothing is sure to be better than words alone"
        return replace(frozen, trial=replace(trial, why_not=why_not))
    return replace(served, trial=replace(trial, kept=fitted.adapter))


def _served(
    frozen: FrozenFit,
    fitted: FittedAdapter,
    rows: NDArray[np.int64],
    words: Floats,
    start: StartReport,
) -> FrozenFit:
    """The fit with the adapter merged: head, weights and calibration on the numbers that the served
    engine gives. What it makes of the train rows is not asked: there it is NaN."""
    examples, before = frozen.examples, frozen.combined
    states = _states(frozen, fitted, start)
    parts = tuple(range(states.shape[1]))
    logits = fitted.head.logits(states.reshape(len(states), -1))
    known = np.isin(examples.split, [split.value for split in BEFORE_TEST])
    head = FrozenHead(
        before.head.readout, replace(before.head.choice, parts=parts), fitted.head, logits[known]
    )
    held_out = examples.take(rows)
    weighed = weigh(words, logits[rows], held_out, frozen.request.budget.rng())
    combined = Combined(head, before.words, weighed, before.words_held_out)
    beside = np.zeros(len(rows)) if weighed.chosen == STATES else words
    to_calibrate = combined.logits(examples, states)
    to_calibrate[rows] = mixed_in_folds(beside, logits[rows], held_out)
    calibration = calibrate(to_calibrate, examples) or Calibration()
    worth = worth_of(combined.logits(examples, states), examples, calibration)
    return replace(frozen, states=states, combined=combined, worth=worth)


def _states(frozen: FrozenFit, fitted: FittedAdapter, start: StartReport) -> NDArray[np.float32]:
    """(n, n_parts, hidden) of the adapted base, as it is served."""
    request, readout = frozen.request, frozen.combined.head.readout
    with naming_memory(request.token_budget, "loading the base"):
        merged = replace(
            frozen.base,
            model=fitted.adapter.merged_into_copy_of(frozen.base.model),
            revision=f"{frozen.base.revision}-adapter-{fitted.adapter.digest}",
        )
        reader = open_state_reader(
            merged, readout, request.token_budget, frozen.prompts, request.n_threads
        )
    asked = np.flatnonzero(frozen.examples.split != Split.FIT.value)
    prompts = [frozen.prompts[row] for row in asked.tolist()]
    states = np.full((len(frozen.prompts), reader.width), np.nan, dtype=np.float32)
    states[asked] = read_states(reader, prompts, request.kept, start("fit: leads, adapted"))
    return states.reshape(len(states), len(readout.parts), -1)

"""A linear head on the states of a frozen base: which of them it reads, how strongly it is held
back.

The rows that choose (`training.baselines.choosing`) decide both. Nothing of the base is trained, so
a few hundred leads are enough to learn from.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from scoring.engines.readout import Readout
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import TRAIN_AND_VALIDATION, check_classes, labels_of, log_loss
from training.baselines.choosing import choices
from training.baselines.columns.linear_reading import N_FOLDS, folds_of
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.model.heads import Head

STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
"""Inverse strengths of the L2 penalty, on standardised states."""

MAX_PARTS = 3
MIN_GAIN = 5e-4
"""Of log loss, for one more part: less is chance, and every part costs a pass over its layer."""

MAX_STEPS = 500


@dataclass(frozen=True, slots=True)
class HeadChoice:
    """`parts`: indices into the candidates, in order; `strength`: one of STRENGTHS; `loss`: on the
    rows that choose."""

    parts: tuple[int, ...]
    strength: float
    loss: float


@dataclass(frozen=True, slots=True)
class FrozenHead:
    """A fitted head. `readout`: what it reads. `held_out`: the logits of the examples before the
    test, in their order, each by a head that did not learn from its lead: of train and validation
    rows in folds, of calibration rows by a head of the former."""

    readout: Readout
    choice: HeadChoice
    head: Head
    held_out: Floats

    def logits(self, states: NDArray[np.float32]) -> Floats:
        """Of rows of all candidates' states (n, n_parts, hidden)."""
        return self.head.logits(_columns(states, self.choice.parts))


def fit_head(
    states: NDArray[np.float32], candidates: Readout, examples: Examples, log: WriteLine
) -> FrozenHead:
    """Fits the head on rows before the test. `states`: (n, n_parts, hidden) of all `examples`.
    Raises DatasetError for a split with one class only."""
    check_classes(examples, *TRAIN_AND_VALIDATION)
    choice = choose(states, examples)
    readout = Readout(parts=tuple(candidates.parts[part] for part in choice.parts))
    log(f"reads {described(readout)}; log loss on the rows that choose {choice.loss:.4f}")
    known = examples.of(*BEFORE_TEST)
    columns = _columns(states, choice.parts)[_rows(examples, *BEFORE_TEST)]
    held_out = np.empty(len(known))
    early = np.isin(known.split, [split.value for split in TRAIN_AND_VALIDATION])
    folds = np.where(early, folds_of(known.cluster, b"frozen head"), N_FOLDS)
    for fold in [*range(N_FOLDS), N_FOLDS]:  # the last are the calibration rows
        inside, others = folds == fold, early & (folds != fold)
        if inside.any():
            held_out[inside] = _fit(columns, known, np.flatnonzero(others), choice.strength).logits(
                columns[inside]
            )
    head = _fit(columns, known, np.arange(len(known)), choice.strength)
    return FrozenHead(readout, choice, head, held_out)


def described(readout: Readout) -> str:
    """What is read, as words.

    >>> from scoring.engines.readout import Pool, ReadoutPart
    >>> described(Readout(parts=(ReadoutPart(layer=20, pool=Pool.MARKER),)))
    'layer 20 (marker)'
    """
    return ", ".join(f"layer {part.layer} ({part.pool.value})" for part in readout.parts)


def choose(states: NDArray[np.float32], examples: Examples) -> HeadChoice:
    """Starts with the best part alone and adds what helps most, while it helps."""
    pairs = [
        (_rows_of(examples, learned), _rows_of(examples, chooses))
        for learned, chooses in choices(examples)
    ]
    everything = range(states.shape[1])
    best = min(
        (_tried(states, examples, pairs, (part,)) for part in everything),
        key=lambda choice: choice.loss,
    )
    while len(best.parts) < min(MAX_PARTS, states.shape[1]):
        others = (part for part in everything if part not in best.parts)
        richer = min(
            (_tried(states, examples, pairs, (*best.parts, part)) for part in others),
            key=lambda choice: choice.loss,
        )
        if richer.loss > best.loss - MIN_GAIN:
            break
        best = richer
    return best


Pairs = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Row numbers to learn from, and row numbers that choose."""


def _tried(
    states: NDArray[np.float32], examples: Examples, pairs: Pairs, parts: tuple[int, ...]
) -> HeadChoice:
    columns = _columns(states, parts)
    chooses = np.concatenate([rows for _, rows in pairs])
    labels, weights = labels_of(examples)[chooses], examples.weight[chooses]
    tried = []
    for strength in STRENGTHS:
        logits = [
            _fit(columns, examples, learned, strength).logits(columns[rows])
            for learned, rows in pairs
        ]
        tried.append(HeadChoice(parts, strength, log_loss(np.concatenate(logits), labels, weights)))
    return min(tried, key=lambda choice: choice.loss)


def _fit(
    columns: NDArray[np.float32], examples: Examples, rows: NDArray[np.int64], strength: float
) -> Head:
    """A logistic regression on standardised states, as plain weights on raw ones."""
    learned = columns[rows]
    mean, std = learned.mean(axis=0), learned.std(axis=0) + 1e-6
    weights = examples.weight[rows] / examples.weight[rows].mean()
    model = LogisticRegression(C=strength, max_iter=MAX_STEPS)
    with warnings.catch_warnings():
        # A head that was stopped early is judged like any other, by the rows that choose.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((learned - mean) / std, examples.label[rows], weights)
    weight = model.coef_[0] / std
    return Head(weight.astype(np.float32), float(model.intercept_[0] - mean @ weight))


def _columns(states: NDArray[np.float32], parts: Sequence[int]) -> NDArray[np.float32]:
    return np.ascontiguousarray(states[:, list(parts)]).reshape(len(states), -1)


def _rows(examples: Examples, *splits: Split) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(examples.split, [split.value for split in splits]))


def _rows_of(examples: Examples, some: Examples) -> NDArray[np.int64]:
    """Where the rows of `some`, which were taken from `examples`, stand in it."""
    keys = zip(examples.tenant, examples.lead, examples.as_of_ms.tolist(), strict=True)
    place = {key: row for row, key in enumerate(keys)}
    theirs = zip(some.tenant, some.lead, some.as_of_ms.tolist(), strict=True)
    return np.array([place[key] for key in theirs], dtype=np.int64)

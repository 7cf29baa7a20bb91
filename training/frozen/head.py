"""A linear head on the states of a frozen base: which of them it reads, how strongly it is held
back.

The rows that choose (`training.baselines.choosing`) decide both. Nothing of the base is trained, so
a few hundred leads are enough to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
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

MAX_STEPS = 100
FLAT = 1e-7
"""Directions of less, against the largest, are rounding."""


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


def head_of(
    states: NDArray[np.float32], examples: Examples, choice: HeadChoice, *splits: Split
) -> Head:
    """The head of this choice that learns from `splits` alone."""
    columns = _columns(states, choice.parts)
    return _fit(columns, examples, _rows(examples, *splits), choice.strength)


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
    logits: dict[float, list[Floats]] = {strength: [] for strength in STRENGTHS}
    for learned, rows in pairs:
        standard = _Standard.of(columns[learned])
        for strength in STRENGTHS:
            logits[strength].append(standard.fit(examples, learned, strength).logits(columns[rows]))
    losses = {
        strength: log_loss(np.concatenate(each), labels, weights)
        for strength, each in logits.items()
    }
    best = min(losses, key=lambda strength: losses[strength])
    return HeadChoice(parts, best, losses[best])


@dataclass(frozen=True, slots=True)
class _Standard:
    """Standardised rows, turned so that they have no more columns than there are rows: `turn` (of
    columns, of directions). A regression with an L2 penalty is the same in every direction."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    turn: NDArray[np.float32] | None
    rows: NDArray[np.float32]

    @classmethod
    def of(cls, learned: NDArray[np.float32]) -> _Standard:
        mean, std = learned.mean(axis=0), learned.std(axis=0) + np.float32(1e-6)
        standard = (learned - mean) / std
        if len(standard) >= standard.shape[1]:
            return cls(mean, std, None, standard)
        squares, directions = np.linalg.eigh((standard @ standard.T).astype(np.float64))
        is_there = squares > FLAT * squares[-1]
        sizes = np.sqrt(squares[is_there])
        turn = standard.T @ (directions[:, is_there] / sizes).astype(np.float32)
        return cls(mean, std, turn, standard @ turn)

    def fit(self, examples: Examples, rows: NDArray[np.int64], strength: float) -> Head:
        """A logistic regression on these rows, the `rows` of `examples`, as plain weights on states
        as they are."""
        weights = examples.weight[rows] / examples.weight[rows].mean()
        model = LogisticRegression(C=strength, max_iter=MAX_STEPS, solver="newton-cholesky")
        model.fit(self.rows.astype(np.float64), examples.label[rows], weights)
        found = model.coef_[0] if self.turn is None else self.turn @ model.coef_[0]
        weight = found / self.std
        return Head(weight.astype(np.float32), float(model.intercept_[0] - self.mean @ weight))


def _fit(
    columns: NDArray[np.float32], examples: Examples, rows: NDArray[np.int64], strength: float
) -> Head:
    return _Standard.of(columns[rows]).fit(examples, rows, strength)


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

"""Which rows choose between settings, and between models.

The validation rows do. Where rows were dealt to the splits by chance and few of them are for
validation, all train and validation rows do, in turn: what a hundred rows prefer is often chance.
In a split by time the newest rows choose, however few: the older ones tell of another time.
"""

from __future__ import annotations

import numpy as np

from training.baselines.columns.linear_reading import N_FOLDS, folds_of
from training.dataset.example import Examples
from training.dataset.manifest import Split

FEW_ROWS = 1_000
"""With these a difference of .01 in log loss is about twice its standard error."""

FEW_ORDERS = 500
"""With orders of fewer leads, models differ on the validation rows by their luck there, and most of
all trees, whose size these rows chose."""

Choice = tuple[Examples, Examples]
"""Rows to learn from, and rows that choose; no cluster is in both."""


def choices(examples: Examples) -> list[Choice]:
    """The pairs over which a setting is tried; its loss is that of all rows that choose."""
    usual = examples.of(Split.FIT), examples.of(Split.JUDGE)
    if not chooses_in_turn(examples):
        return [usual]
    both = examples.of(Split.FIT, Split.JUDGE)
    folds = folds_of(both.cluster, b"choosing")
    pairs = [
        (both.take(np.flatnonzero(folds != fold)), both.take(np.flatnonzero(folds == fold)))
        for fold in range(N_FOLDS)
    ]
    can_learn = all(0 < learned.label.sum() < len(learned) for learned, _ in pairs)
    return pairs if can_learn and all(len(chooses) for _, chooses in pairs) else [usual]


def are_few_dealt(examples: Examples) -> bool:
    """Whether rows were dealt to the splits by chance, and orders of so few leads choose that a
    comparison of models needs the train rows, too, in turn."""
    train, validation = examples.of(Split.FIT), examples.of(Split.JUDGE)
    if not len(train) or not len(validation) or validation.n_who_ordered >= FEW_ORDERS:
        return False
    both = examples.of(Split.FIT, Split.JUDGE)
    folds = folds_of(both.cluster, b"logits in folds")
    learned = [both.label[folds != fold] for fold in np.unique(folds)]
    can_learn = len(learned) > 1 and all(0 < each.sum() < len(each) for each in learned)
    return can_learn and bool(validation.as_of_ms[0] <= train.as_of_ms[-1])


def chooses_in_turn(examples: Examples) -> bool:
    """Whether the validation rows are few and not newer than those to learn from."""
    train, validation = examples.of(Split.FIT), examples.of(Split.JUDGE)
    if not 0 < len(validation) < FEW_ROWS or not len(train):
        return False
    return bool(validation.as_of_ms[0] <= train.as_of_ms[-1])

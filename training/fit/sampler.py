"""Draws batches: leads of similar length share a batch, and each batch has its part of every grade.

Two of three random batches of 32 have no order when 1.45% of the leads order, and then no pair with
an order to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.model.samples import width_of

RowNumbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Picked:
    """The row numbers of one batch. The last `n_guests` have their own place in another batch: here
    they are only one side of pairs, so that no lead counts twice for the probability."""

    rows: RowNumbers
    n_guests: int


@dataclass(frozen=True, slots=True)
class Strata:
    """What the sampler knows of the leads, in their order: tokens and grade. Every batch needs
    `min_top` leads of the grade `top`."""

    lengths: Sequence[int]
    grades: RowNumbers
    top: int
    min_top: int


def stratified_batches(strata: Strata, batch_tokens: int, rng: np.random.Generator) -> list[Picked]:
    """Batches of an epoch: every row once as itself, in random order, in few distinct shapes.
    Guests of the top grade fill each batch up. Batches have too few of the top grade only where the
    set has too few."""
    batches = [
        picked
        for width, members in _buckets(strata)
        for picked in _dealt(strata, members, max(1, batch_tokens // width), rng)
    ]
    return [batches[i] for i in rng.permutation(len(batches))]


def _buckets(strata: Strata) -> list[tuple[int, RowNumbers]]:
    """(padded width, rows) of each bucket. A width without enough of the top grade joins the next
    wider one, the widest joins the one before."""
    widths = np.array([width_of(length) for length in strata.lengths])
    buckets: list[tuple[int, RowNumbers]] = []
    held = np.zeros(0, dtype=np.int64)
    for width in np.unique(widths):
        held = np.concatenate([held, np.flatnonzero(widths == width)])
        if (strata.grades[held] == strata.top).sum() >= strata.min_top:
            buckets.append((int(width), held))
            held = np.zeros(0, dtype=np.int64)
    if len(held):
        if buckets:
            held = np.concatenate([buckets.pop()[1], held])
        buckets.append((int(widths.max()), held))
    return buckets


def _dealt(
    strata: Strata, members: RowNumbers, size: int, rng: np.random.Generator
) -> list[Picked]:
    """The batches of one bucket, dealt like cards from a deck sorted by grade: each gets its share
    of every grade."""
    shuffled = rng.permutation(members)
    deck = shuffled[np.argsort(-strata.grades[shuffled], kind="stable")]
    tops = deck[strata.grades[deck] == strata.top]
    n_reserved = 0
    if len(tops) < strata.min_top * -(-len(deck) // size):
        n_reserved = min(strata.min_top, size - 1)
    n_batches = -(-len(deck) // (size - n_reserved))
    size = min(size, -(-len(deck) // n_batches) + n_reserved)
    return [
        _filled(deck[at::n_batches], tops if len(tops) else deck, size, rng)
        for at in range(n_batches)
    ]


def _filled(own: RowNumbers, guests: RowNumbers, size: int, rng: np.random.Generator) -> Picked:
    n_guests = size - len(own)
    return Picked(np.concatenate([own, rng.choice(guests, n_guests)]), n_guests)

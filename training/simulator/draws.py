"""Random draws for one lead, made from blocks of uniform numbers.

A single draw from numpy costs more than everything else about a lead.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from copy import deepcopy
from math import cos, exp, log, pi, sqrt
from typing import TypeVar

import numpy as np

T = TypeVar("T")

BLOCK = 256


class Draws:
    """Random numbers that depend on the key alone: lead 7 is the same lead whether 10 or a million
    are made."""

    __slots__ = ("_at", "_block", "_rng")

    def __init__(self, *key: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
        self._block: list[float] = []
        self._at = 0

    def uniform(self) -> float:
        if self._at == len(self._block):
            self._block = self._rng.random(BLOCK).tolist()
            self._at = 0
        value = self._block[self._at]
        self._at += 1
        return value

    def twin(self) -> Draws:
        """Other draws of the same numbers that are still to come here."""
        return deepcopy(self)

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.uniform()

    def below(self, n: int) -> int:
        return int(self.uniform() * n)

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self.uniform() * len(items))]

    def weighted(self, items: Sequence[T], cumulative: Sequence[float]) -> T:
        """One of `items`. `cumulative` ascends; its last value is the total weight."""
        return items[bisect_right(cumulative, self.uniform() * cumulative[-1])]

    def normal(self) -> float:
        """A standard normal number (G. E. P. Box and M. E. Muller, A Note on the Generation of
        Random Normal Deviates, Annals of Mathematical Statistics 29, 1958)."""
        return sqrt(-2.0 * log(1.0 - self.uniform())) * cos(2.0 * pi * self.uniform())

    def exponential(self, mean: float) -> float:
        return -mean * log(1.0 - self.uniform())

    def poisson(self, mean: float) -> int:
        """A Poisson number by Knuth's product of uniforms (The Art of Computer Programming, volume
        2): the means here are small."""
        limit, product, count = exp(-mean), self.uniform(), 0
        while product > limit:
            product *= self.uniform()
            count += 1
        return count

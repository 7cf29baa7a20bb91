"""Ranks a queue: probability descending, ties by lead id; rank 1 is called first."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping

RankKey = tuple[float, str]
"""(-probability, lead): sorts as the queue does."""


def ranked(probabilities: Mapping[str, float]) -> list[str]:
    """Returns the leads of one queue in the order in which to call them.

    >>> ranked({"bob": 0.2, "ann": 0.2, "cem": 0.7})
    ['cem', 'ann', 'bob']
    """
    return sorted(probabilities, key=lambda lead: (-probabilities[lead], lead))


class Board:
    """One queue in memory, kept in order: placing and rank are O(log n) comparisons."""

    def __init__(self) -> None:
        self._places: list[RankKey] = []
        self._probabilities: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._places)

    def place(self, lead: str, probability: float) -> int:
        """Puts or moves the lead; returns its rank."""
        self.remove(lead)
        self._probabilities[lead] = probability
        insort(self._places, (-probability, lead))
        return bisect_left(self._places, (-probability, lead)) + 1

    def remove(self, lead: str) -> int | None:
        """Takes the lead off; returns the rank it had, None when it was not on the board."""
        rank = self.rank(lead)
        if rank is not None:
            del self._places[rank - 1]
            del self._probabilities[lead]
        return rank

    def rank(self, lead: str) -> int | None:
        probability = self._probabilities.get(lead)
        if probability is None:
            return None
        return bisect_left(self._places, (-probability, lead)) + 1

    def top(self, limit: int) -> list[tuple[str, float]]:
        """The first `limit` leads with their probabilities, in order."""
        return [(lead, -negated) for negated, lead in self._places[:limit]]

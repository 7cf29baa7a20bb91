"""Measures how far two orders of the same leads agree, for people who call from the top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class RankChange:
    """One lead's rank in two orders; None where it is not listed."""

    lead: str
    rank_a: int | None
    rank_b: int | None

    @property
    def distance(self) -> int:
        """How many ranks the lead moved; one that comes or goes, as many as the rank it gets or
        had."""
        return abs((self.rank_a or 0) - (self.rank_b or 0))


@dataclass(frozen=True, slots=True)
class RankAgreement:
    """How far two orders agree. `kendall_tau` and `jaccard` are of the first `k`, NaN where there
    is nothing to compare; `moves`: the leads whose rank changed, farthest first, then by lead."""

    k: int
    n_a: int
    n_b: int
    kendall_tau: float
    jaccard: float
    moves: tuple[RankChange, ...]


def agreement(a: Sequence[str], b: Sequence[str], k: int) -> RankAgreement:
    """Compares two orders of one queue: `a` and `b` list its leads from rank 1, each lead once.

    >>> compared = agreement(["ann", "bob", "cem"], ["ann", "cem", "bob"], k=2)
    >>> compared.moves[0]
    RankChange(lead='bob', rank_a=2, rank_b=3)
    """
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    moves = [
        RankChange(lead, ranks_a.get(lead), ranks_b.get(lead))
        for lead in ranks_a.keys() | ranks_b.keys()
        if ranks_a.get(lead) != ranks_b.get(lead)
    ]
    moves.sort(key=lambda move: (-move.distance, move.lead))
    return RankAgreement(
        k=k,
        n_a=len(a),
        n_b=len(b),
        kendall_tau=kendall_tau(a, b, k),
        jaccard=jaccard(a, b, k),
        moves=tuple(moves),
    )


def jaccard(a: Sequence[str], b: Sequence[str], k: int) -> float:
    """Returns, of all leads in either top k, the share that is in both; NaN for two empty
    orders."""
    first_a, first_b = set(a[:k]), set(b[:k])
    either = len(first_a | first_b)
    return len(first_a & first_b) / either if either else float("nan")


def kendall_tau(a: Sequence[str], b: Sequence[str], k: int) -> float:
    """Returns the rank correlation of the leads in either top k: the share of pairs in the same
    order minus the share in opposite order, from -1 to 1, by their ranks in the whole orders. A
    lead that is missing from an order stands behind all others there, tied with other missing ones;
    a tied pair counts as neither. NaN without a pair. O(k^2).

    M. G. Kendall, A New Measure of Rank Correlation, Biometrika 30, 1938.

    >>> kendall_tau(["ann", "bob", "cem", "dan", "eva"], ["ann", "bob", "cem", "eva", "dan"], k=5)
    0.8
    """
    leads = sorted({*a[:k], *b[:k]})
    n_pairs = len(leads) * (len(leads) - 1) // 2
    if n_pairs == 0:
        return float("nan")
    signs = []
    for order in (a, b):
        ranks = _ranks(order)
        places = np.array([ranks.get(lead, len(order) + 1) for lead in leads])
        signs.append(np.sign(places[:, None] - places[None, :]))
    return float(np.triu(signs[0] * signs[1], 1).sum() / n_pairs)


def _ranks(order: Sequence[str]) -> Mapping[str, int]:
    return {lead: rank for rank, lead in enumerate(order, start=1)}

"""Splits rows by time, with an embargo, and each cluster in one split only; samples negatives.

A label looks one horizon ahead. The rows of the last horizon before each border are left out, so
that a label of an older split never depends on the time of a newer one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import accumulate

from schemas.timestamps import DAY_MS, from_ms
from training.dataset.manifest import DatasetError, Split

Shares = tuple[float, float, float, float]
SHARES: Shares = (0.64, 0.11, 0.11, 0.14)
"""Shares of the moments, oldest first. The embargoes are taken from the train split: the others are
what intervals and calibration rest on, and get their full share."""

SAMPLED = (Split.FIT, Split.JUDGE)
"""The splits whose negatives may be sampled; calibration and test keep every row."""


@dataclass(frozen=True, slots=True)
class Borders:
    """The borders between splits. `starts_ms`: when judge, calibrate and test begin."""

    starts_ms: tuple[int, int, int]
    embargo_ms: int

    @property
    def times(self) -> tuple[datetime, datetime, datetime]:
        judge, calibrate, test = map(from_ms, self.starts_ms)
        return judge, calibrate, test

    def split_of(self, as_of_ms: int) -> Split | None:
        """The split of a moment; None in an embargo."""
        if any(start - self.embargo_ms <= as_of_ms < start for start in self.starts_ms):
            return None
        return tuple(Split)[sum(as_of_ms >= start for start in self.starts_ms)]


def borders_of(moments_ms: Iterable[int], shares: Shares, embargo_ms: int) -> Borders:
    """Finds the borders, from the newest moment back: each split its share of all `moments_ms`, at
    least one, then an embargo. What is left is for training. Raises DatasetError when nothing is
    left."""
    check_shares(shares)
    ordered = sorted(moments_ms)
    starts: list[int] = []
    end = len(ordered)
    for share in shares[:0:-1]:
        start = end - max(1, round(share * len(ordered)))
        if start <= 0:
            break
        starts.insert(0, ordered[start])
        end = bisect_left(ordered, ordered[start] - embargo_ms)
    if len(starts) < 3 or end == 0:
        raise DatasetError(
            f"an embargo of {embargo_ms / DAY_MS:g} days before each of three borders leaves "
            f"nothing to fit: the moments span {(ordered[-1] - ordered[0]) / DAY_MS:.1f} days. "
            "Use a longer log, a shorter embargo or smaller shares"
        )
    return Borders((starts[0], starts[1], starts[2]), embargo_ms)


def check_shares(shares: Shares) -> None:
    """Raises DatasetError for shares that are not four positive numbers with sum 1."""
    # Written so that NaN is refused: no comparison with it is true.
    are_positive = len(shares) == len(Split) and all(share > 0 for share in shares)
    if not (are_positive and abs(sum(shares) - 1) <= 1e-6):
        raise DatasetError(
            f"shares {shares} are not four positive shares of 1, such as {SHARES}: fit, judge, "
            "calibrate, test"
        )


def one_split_each(memberships: Iterable[tuple[str, Split]], seed: int) -> Mapping[str, Split]:
    """Cluster -> the one of its splits that it stays in. The choice must not look at the outcome:
    "its newest" would take all that took long from the train split, "its oldest" from the test
    split."""
    splits_of: dict[str, set[Split]] = {}
    for cluster, split in memberships:
        splits_of.setdefault(cluster, set()).add(split)
    order = list(Split)
    return {
        cluster: sorted(splits, key=order.index)[int(chance(seed, cluster) * len(splits))]
        for cluster, splits in splits_of.items()
    }


FEW_CLUSTERS = 50
"""Of fewer clusters, each by a chance of its own, a split may well get none."""


def split_clusters(clusters: Sequence[str], shares: Shares, seed: int) -> Mapping[str, Split]:
    """Cluster -> its split, by chance and in proportion to `shares`. `clusters` of all rows. Each
    has a chance of its own, so that more leads move nobody; few are dealt, in an order by chance,
    each to the split that misses most rows, and no split stays empty."""
    check_shares(shares)
    sizes = Counter(clusters)
    if len(sizes) >= FEW_CLUSTERS:
        return {cluster: _split_by_chance(cluster, shares, seed) for cluster in sizes}
    home: dict[str, Split] = {}
    missing = {split: share * len(clusters) for split, share in zip(Split, shares, strict=True)}
    order = sorted(sizes, key=lambda name: chance(seed, "split", name))
    for n_left, cluster in zip(range(len(order), 0, -1), order, strict=True):
        empty = set(Split) - set(home.values())
        open_splits = [s for s in Split if len(empty) < n_left or s in empty]
        home[cluster] = max(open_splits or Split, key=lambda split: missing[split])
        missing[home[cluster]] -= sizes[cluster]
    return home


def _split_by_chance(cluster: str, shares: Shares, seed: int) -> Split:
    drawn = chance(seed, "split", cluster)
    ends = accumulate(shares)
    return next((s for s, end in zip(Split, ends, strict=True) if drawn < end), Split.TEST)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which rows are kept: every positive and, of fit and judge, `negative_rate` of the others."""

    negative_rate: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.negative_rate <= 1:
            raise DatasetError(
                f"negative rate {self.negative_rate} is not a share above 0 and up to 1"
            )

    def weight(self, split: Split, label: int, name: str, as_of_ms: int) -> float | None:
        """1 / the rate at which such rows are kept; None for a row that is left out."""
        if label or split not in SAMPLED:
            return 1.0
        is_kept = chance(self.seed, name, as_of_ms) < self.negative_rate
        return 1 / self.negative_rate if is_kept else None


def chance(seed: int, *name: object) -> float:
    """A number in [0, 1) that depends on seed and names only; uniform over them."""
    digest = blake2b(repr((seed, *name)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56

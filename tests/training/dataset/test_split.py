"""Splits: later is later, nobody is in two, and no label reaches over a border."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.dataset.manifest import DatasetError, Split
from training.dataset.split import SHARES, Borders, Sampling, borders_of, one_split_each

MOMENTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)


@given(MOMENTS, st.integers(0, 500))
def test_no_label_of_an_older_split_reaches_a_newer_one(moments: list[int], embargo: int) -> None:
    try:
        borders = borders_of(moments, SHARES, embargo)
    except DatasetError:
        return
    placed = [(moment, borders.split_of(moment)) for moment in moments]
    order = list(Split)
    assert {split for _, split in placed} >= set(Split)
    for moment, split in placed:
        for other, newer in placed:
            if split and newer and order.index(newer) > order.index(split):
                assert moment + embargo < other


def test_all_but_the_oldest_have_their_share_whatever_the_embargo() -> None:
    for embargo in (0, 10):
        borders = borders_of(range(100), (0.5, 0.2, 0.2, 0.1), embargo)
        placed = [borders.split_of(moment) for moment in range(100)]
        assert [placed.count(split) for split in list(Split)[1:]] == [20, 20, 10]
        assert placed.count(Split.FIT) == 50 - 3 * embargo


def test_an_embargo_that_leaves_nothing_to_fit_is_refused() -> None:
    with pytest.raises(DatasetError, match="leaves nothing to fit"):
        borders_of(range(100), (0.5, 0.2, 0.2, 0.1), 17)


def test_the_horizon_before_a_border_is_nobodys() -> None:
    borders = Borders((50, 70, 90), 10)
    assert borders.split_of(39) is Split.FIT
    assert [borders.split_of(moment) for moment in (40, 49, 60, 69, 80, 89)] == [None] * 6


@pytest.mark.parametrize(
    "shares",
    [
        (1, 0, 0, 0),
        (0.5, 0.5, 0.5, -0.5),
        (0.2, 0.2, 0.2, 0.2),
        (nan, 0.11, 0.11, 0.14),
        (0.64, 0.11, 0.11, nan),
    ],
)
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float, float]) -> None:
    with pytest.raises(DatasetError, match="four positive shares"):
        borders_of([1], shares, 0)


def test_a_cluster_stays_in_one_of_its_splits_and_who_straddles_is_spread() -> None:
    straddling = [(f"c{n}", split) for n in range(400) for split in (Split.FIT, Split.TEST)]
    chosen = one_split_each([*straddling, ("alone", Split.JUDGE)], seed=3)
    assert chosen["alone"] is Split.JUDGE
    n_fit = sum(split is Split.FIT for split in chosen.values())
    assert 160 < n_fit < 240
    assert set(chosen.values()) == {Split.FIT, Split.JUDGE, Split.TEST}


def test_every_positive_stays_and_negatives_weigh_what_they_stand_for() -> None:
    sampling = Sampling(0.1, seed=1)
    kept = [sampling.weight(Split.FIT, 0, f"l{n}", n) for n in range(5_000)]
    assert sum(weight or 0 for weight in kept) == pytest.approx(5_000, rel=0.1)
    assert {weight for weight in kept if weight} == {10.0}
    assert all(sampling.weight(Split.FIT, 1, f"l{n}", n) == 1.0 for n in range(50))
    whole = [sampling.weight(Split.TEST, 0, f"l{n}", n) for n in range(50)]
    assert whole == [1.0] * 50


@pytest.mark.parametrize("rate", [0.0, -1.0, 1.5, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(DatasetError, match="negative rate"):
        Sampling(rate, seed=1)

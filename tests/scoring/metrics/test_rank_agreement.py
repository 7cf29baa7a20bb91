"""How far two orders agree, against cases worked by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.metrics.rank_agreement import RankChange, agreement, jaccard, kendall_tau

ORDERS = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)


@pytest.mark.parametrize(
    ("a", "b", "k", "tau", "share"),
    [
        ("abcd", "abcd", 4, 1.0, 1.0),
        ("abcd", "dcba", 4, -1.0, 1.0),
        ("abcd", "abdc", 4, 4 / 6, 1.0),  # one pair of six the other way round
        ("abcd", "abdc", 2, 1.0, 1.0),  # below the first two
        ("abcd", "bacd", 1, -1.0, 0.0),  # both are in one of the tops
        ("ab", "cd", 2, -4 / 6, 0.0),  # four pairs opposite, two tied
        ("abc", "ab", 3, 1.0, 2 / 3),  # who left stands last
    ],
)
def test_cases_worked_by_hand(a: str, b: str, k: int, tau: float, share: float) -> None:
    assert kendall_tau(a, b, k) == pytest.approx(tau)
    assert jaccard(a, b, k) == pytest.approx(share)


def test_nothing_to_compare_is_not_a_number() -> None:
    assert math.isnan(kendall_tau("a", "a", 5))
    assert math.isnan(jaccard("", "", 5))


@given(ORDERS, ORDERS, st.integers(1, 8))
def test_agreement_is_symmetric_and_bounded(a: list[str], b: list[str], k: int) -> None:
    tau, share = kendall_tau(a, b, k), jaccard(a, b, k)
    assert tau == kendall_tau(b, a, k) or math.isnan(tau)
    assert share == jaccard(b, a, k) or math.isnan(share)
    assert math.isnan(tau) or -1 <= tau <= 1
    assert math.isnan(share) or 0 <= share <= 1


@given(ORDERS, st.integers(1, 8))
def test_equal_orders_have_no_moves(a: list[str], k: int) -> None:
    assert agreement(a, a, k).moves == ()


def test_moves_are_farthest_first_and_say_who_came_and_went() -> None:
    assert agreement("abcde", "ebcdx", 3).moves == (
        RankChange("x", None, 5),
        RankChange("e", 5, 1),
        RankChange("a", 1, None),
    )

"""Policies for moments, by the names that people give them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.timestamps import DAY_MS
from tests.training.dataset.logs import a_lead, logged
from training.dataset.log import KnownAt, gather
from training.dataset.manifest import DatasetError
from training.dataset.policy import (
    Every,
    EverySparser,
    moments,
    parse_policy,
    policy_name,
    stands_for,
)


def test_policies_have_the_names_they_are_asked_for_by() -> None:
    for name in (
        "every-7d",
        "every-12h",
        "every-15m",
        "every-2d-then-sparser",
        "after-event",
        "after-call",
        "24h-after-first",
        "0h-after-first",
        "20m-after-first",
    ):
        assert policy_name(parse_policy(name)) == name
    assert parse_policy("every-0.5d") == parse_policy("every-12h")
    for name in ("", "every-0d", "weekly", "every-7", "-1h-after-first", "every-9999999d"):
        with pytest.raises(DatasetError, match="as-of policy"):
            parse_policy(name)
    with pytest.raises(DatasetError, match="at least a minute apart"):
        parse_policy("every-0.5m")


@given(st.integers(1, 10**6), st.sampled_from("dhm"), st.booleans())
def test_a_policy_in_any_unit_is_read_again_from_its_name(n: int, unit: str, first: bool) -> None:
    amount = f"{n / 1000:g}{unit}"
    name = f"{amount}-after-first" if first else f"every-{amount}"
    try:
        policy = parse_policy(name)
    except DatasetError:
        return
    assert parse_policy(policy_name(policy)) == policy


def test_moments_grow_sparser_with_age_and_count_for_the_days_between_them() -> None:
    """What all moments of a lead stand for is the days that it was listed, young or old."""
    known = gather(logged(a_lead(1, None)), KnownAt.OCCURRED)
    assert known is not None
    policy, (log,) = EverySparser(2), known.leads
    end_ms = log.entries[0].at_ms + 300 * DAY_MS
    at_ms = list(moments(policy, log, end_ms, seed=0))
    gaps = [later - earlier for earlier, later in pairwise(at_ms)]
    assert gaps[:3] == [2 * DAY_MS] * 3
    assert gaps == sorted(gaps)
    assert gaps[-1] > 40 * DAY_MS
    days = sum(stands_for(policy, log, moment) * policy.days for moment in at_ms[:-1])
    assert days == pytest.approx((at_ms[-1] - at_ms[0]) / DAY_MS, rel=1e-6)
    assert parse_policy(policy_name(policy)) == policy
    assert stands_for(Every(2), log, at_ms[-1]) == 1

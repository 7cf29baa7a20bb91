"""Policies for moments, by the names that people give them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.dataset.manifest import DatasetError
from training.dataset.policy import parse_policy, policy_name


def test_policies_have_the_names_they_are_asked_for_by() -> None:
    for name in (
        "every-7d",
        "every-12h",
        "every-15m",
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

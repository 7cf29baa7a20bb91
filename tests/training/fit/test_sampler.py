"""Batches: everybody once, orders everywhere, few shapes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from hypothesis import given
from hypothesis import strategies as st

from training.fit.sampler import Picked, Strata, stratified_batches
from training.model.samples import width_of

pytestmark = pytest.mark.train

TOP = 5


@st.composite
def leads(draw: st.DrawFn) -> Strata:
    rows = draw(
        st.lists(st.tuples(st.integers(2, 200), st.integers(0, TOP)), min_size=1, max_size=80)
    )
    return Strata(
        [n for n, _ in rows], np.array([g for _, g in rows]), TOP, draw(st.integers(0, 3))
    )


def _own(picked: Picked) -> list[int]:
    return picked.rows[: len(picked.rows) - picked.n_guests].tolist()


@given(leads(), st.integers(1, 1_000), st.integers(0, 9))
def test_every_lead_counts_exactly_once(strata: Strata, batch_tokens: int, seed: int) -> None:
    batches = stratified_batches(strata, batch_tokens, np.random.default_rng(seed))
    own = sorted(row for picked in batches for row in _own(picked))
    assert own == list(range(len(strata.lengths)))


@given(leads(), st.integers(1, 1_000), st.integers(0, 9))
def test_no_batch_is_larger_than_asked(strata: Strata, batch_tokens: int, seed: int) -> None:
    for picked in stratified_batches(strata, batch_tokens, np.random.default_rng(seed)):
        width = max(width_of(strata.lengths[row]) for row in picked.rows)
        assert len(picked.rows) == 1 or len(picked.rows) * width <= batch_tokens


@given(leads(), st.integers(0, 9))
def test_every_batch_has_its_orders(strata: Strata, seed: int) -> None:
    n_orders = int((strata.grades == TOP).sum())
    if n_orders < strata.min_top:
        return
    for picked in stratified_batches(strata, 1_600, np.random.default_rng(seed)):
        assert (strata.grades[picked.rows] == TOP).sum() >= strata.min_top


def test_at_the_papers_rate_batches_drawn_at_random_would_lack_orders() -> None:
    """The trap: 63% of them. The sampler's all have two."""
    rng = np.random.default_rng(0)
    grades = np.where(rng.random(12_800) < 0.0145, TOP, 0)
    strata = Strata([100] * len(grades), grades, TOP, 2)
    shuffled = rng.permutation(grades).reshape(-1, 32)
    assert 0.55 < np.mean((shuffled == TOP).sum(axis=1) == 0) < 0.7
    batches = stratified_batches(strata, 32 * 128, rng)
    assert {len(picked.rows) for picked in batches} == {32}
    assert min((grades[picked.rows] == TOP).sum() for picked in batches) >= 2


def test_the_same_seed_gives_the_same_batches() -> None:
    strata = Strata(list(range(10, 90)), np.arange(80) % 6, TOP, 1)
    first, second = (stratified_batches(strata, 400, np.random.default_rng(3)) for _ in range(2))
    assert [p.rows.tolist() for p in first] == [p.rows.tolist() for p in second]

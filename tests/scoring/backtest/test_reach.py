"""What other numbers of calls would have reached."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.backtest.backtest import backtest
from scoring.backtest.daily_calls import CallTerms, DailyLists, calls_made
from scoring.backtest.reach import N_CAPACITIES, reach
from scoring.metrics.bootstrap import Bootstrap


def two_days() -> DailyLists:
    """Leads 0 to 3 on two days; 0 and 3 order on the third."""
    ordered = np.array([2.5, np.nan, np.nan, 2.5])
    day = np.repeat([0, 1], 4).astype(np.intp)
    return DailyLists(day, np.zeros(8, dtype=np.intp), np.tile(np.arange(4), 2), ordered)


def test_each_capacity_reaches_what_its_calls_would() -> None:
    scores = {"best": np.tile([4.0, 2, 1, 3], 2), "worst": np.tile([1.0, 4, 3, 2], 2)}
    found = reach(two_days(), scores, CallTerms(1, 10))
    assert found.n_buyers == 2
    assert found.capacities == (1, 2, 3, 4)
    # The worst calls 1 and 2 with one call a day, for 1 rests on the second.
    assert found.reached == {"best": (2, 2, 2, 2), "worst": (0, 2, 2, 2)}


@pytest.mark.parametrize("seed", range(5))
def test_at_the_capacity_of_the_backtest_it_says_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_leads, n_days = 60, 12
    ordered = np.where(rng.random(n_leads) < 0.4, n_days + rng.random(n_leads) * 20, np.nan)
    boards = DailyLists(
        np.repeat(np.arange(n_days), n_leads),
        np.tile(np.arange(n_leads) % 2, n_days),
        np.tile(np.arange(n_leads), n_days),
        ordered,
    )
    scores = {name: rng.random(n_leads * n_days) for name in ("ours", "theirs")}
    scores["ours"][:5] = np.nan
    terms = CallTerms(3, 15)
    called = {name: calls_made(boards, each, terms) for name, each in scores.items()}
    judged = backtest(boards, called, terms, Bootstrap(np.random.default_rng(0), 10))
    found = reach(boards, scores, terms)
    at = found.capacities.index(3)
    assert found.n_buyers == judged.n_buyers
    assert len(found.capacities) <= N_CAPACITIES + 1
    for name, one in judged.models.items():
        assert found.reached[name][at] == one.reached.value
        assert sorted(found.reached[name])[-1] <= found.n_buyers

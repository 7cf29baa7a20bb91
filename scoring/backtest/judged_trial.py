"""Everything that one judgement of daily lists knows: the backtest, what other numbers of calls
would have reached, and whether the probabilities were right."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.backtest.backtest import Backtest
from scoring.backtest.reach import Reach


@dataclass(frozen=True, slots=True)
class JudgedTrial:
    """A trial's backtest, its `reach`, and its `calibration`: of bins of equal mass the mean
    probability that the model said, and the share that ordered within the horizon."""

    backtest: Backtest
    reach: Reach
    calibration: tuple[tuple[float, float], ...]

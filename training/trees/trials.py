"""Random search with a fixed number of seeded trials: every model gets the same budget.

J. Bergstra and Y. Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13, 2012.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from scoring.report.progress import WriteLine, spoken

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Trial(Generic[S]):
    """One setting that was tried. `loss` on the validation rows: less is better. `size`: the rounds
    or epochs at which it was least, 1 where there is nothing to stop."""

    loss: float
    settings: S
    size: int = 1


def search(
    run: Callable[[int], Trial[S]], n_trials: int, log: WriteLine, n_at_once: int = 1
) -> Trial[S]:
    """The best of trials 0 to `n_trials` - 1, the earlier one of two equals. `n_at_once` > 1: `run`
    is called from so many threads, in any order."""
    if n_trials < 1:
        raise ValueError(f"n_trials is {n_trials}; a search needs at least 1")
    started_s = time.monotonic()
    trials = _tried(run, n_trials, n_at_once)
    best = next(trials)
    for number, trial in enumerate(trials, start=1):
        left_s = (time.monotonic() - started_s) / number * (n_trials - number)
        log(f"trial {number} of {n_trials}: loss {best.loss:.5f} so far, {spoken(left_s)} left")
        if trial.loss < best.loss:
            best = trial
    log(f"trial {n_trials} of {n_trials}: loss {best.loss:.5f}")
    return best


def _tried(run: Callable[[int], Trial[S]], n_trials: int, n_at_once: int) -> Iterator[Trial[S]]:
    if n_at_once == 1:
        yield from map(run, range(n_trials))
        return
    pool = ThreadPoolExecutor(n_at_once)
    try:
        yield from pool.map(run, range(n_trials))
    finally:
        pool.shutdown(cancel_futures=True)

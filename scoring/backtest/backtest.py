"""Measures what daily calls would have been worth: which buyers a model reaches, and how early.

    calls_made(boards, scores, terms) -> (n_rows,) bool          in scoring.backtest.daily_calls
    backtest(boards, {"ours": calls, ...}, terms, bootstrap, within=None) -> Backtest

The same for every source: `asllr replay backtest` makes the boards by replay, `asllr try` from
exported tables. Who was really called may stand beside the models, as an array like theirs.
`scoring.report.backtest_text` says the result in sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scoring.backtest.call_tally import CallOutcomes, CallTally, Day, days_of, facts_of, tally_of
from scoring.backtest.daily_calls import Bools, CallTerms, DailyLists
from scoring.floats import Floats
from scoring.metrics.bootstrap import Bootstrap, Interval, percentile_interval, replicates
from scoring.metrics.verdict import Judgement, judge

PRECISION, LIFT, REACHED, RECALL, DAYS_GAINED, EARLIER = range(6)
VALUES = 6


@dataclass(frozen=True, slots=True)
class Called:
    """The result of one model's calls. `n_hits`: calls to a lead that then ordered within the
    horizon; `precision`: their share; `lift`: how many times as many as calls spread blindly over
    the same lists would have met; `reached`: how many buyers got such a call; `recall`: of all
    buyers; `days_gained`: from a reached buyer's first such call to the order, on average."""

    n_calls: int
    n_hits: int
    precision: Interval
    lift: Interval
    reached: Interval
    recall: Interval
    days_gained: Interval


@dataclass(frozen=True, slots=True)
class Paired:
    """The difference of two models, `ours` minus `theirs`; `days_earlier`: how much sooner ours
    called the buyers that both reached. `judgement` is of `reached`."""

    ours: str
    theirs: str
    precision: Interval
    reached: Interval
    days_earlier: Interval
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Backtest:
    """The results of all models. `paired`: every other model against the first."""

    n_rows: int
    n_leads: int
    n_buyers: int
    models: Mapping[str, Called]
    paired: tuple[Paired, ...]
    days: tuple[Day, ...]


def backtest(
    boards: DailyLists,
    called: Mapping[str, Bools],
    terms: CallTerms,
    bootstrap: Bootstrap,
    within: Bools | None = None,
) -> Backtest:
    """Measures all models. `called`: for each model whether each row was called; `within`: measure
    only these rows, such as those of one month (`DailyLists.during`). The bootstrap draws leads,
    the same for all models; who was called, and how many on each list were to order, is held.
    Raises ValueError without rows or models."""
    chosen = np.ones(len(boards.day), dtype=np.bool_) if within is None else within
    if not chosen.any() or not called:
        raise ValueError(f"{int(chosen.sum())} rows and {len(called)} models; need some of both")
    facts = facts_of(boards, terms, chosen)
    calls = {name: tally_of(facts, made & chosen) for name, made in called.items()}
    names, n_buyers = list(calls), int(facts.buyers.sum())
    drawn = _draw(facts, list(calls.values()), bootstrap)
    return Backtest(
        n_rows=int(chosen.sum()),
        n_leads=len(np.unique(boards.lead[chosen])),
        n_buyers=n_buyers,
        models={name: _called(calls[name], drawn, i, n_buyers) for i, name in enumerate(names)},
        paired=tuple(_paired(names, drawn, i, n_buyers) for i in range(1, len(names))),
        days=tuple(days_of(facts, calls)),
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """All values of all models in one bootstrap, so that differences are paired: `VALUES` columns
    per model, `values` (n,), `drawn` (n_resamples, n)."""

    values: Floats
    drawn: Floats
    level: float

    def of(self, model: int, value: int) -> Interval:
        at = model * VALUES + value
        return percentile_interval(float(self.values[at]), self.drawn[:, at], self.level)

    def less(self, model: int, value: int) -> Interval:
        """`model` minus the first model."""
        at = model * VALUES + value
        difference, drawn = (
            self.values[at] - self.values[value],
            self.drawn[:, at] - self.drawn[:, value],
        )
        return percentile_interval(float(difference), drawn, self.level)


def _draw(facts: CallOutcomes, calls: Sequence[CallTally], bootstrap: Bootstrap) -> _Drawn:
    first = calls[0].sums

    def values(weightings: Floats) -> Floats:
        buyers = weightings @ facts.buyers
        columns: list[Floats] = []
        for tally in calls:
            both = tally.sums[3] * first[3]
            earlier = weightings @ (both * (tally.sums[4] - first[4]))
            columns += _worth(weightings @ tally.sums.T, buyers)
            columns.append(_ratio(earlier, weightings @ both))
        return np.stack(columns, axis=1)

    resampled = replicates([values], len(facts.buyers), bootstrap)
    return _Drawn(resampled.values[0], resampled.drawn[:, 0], bootstrap.level)


def _called(calls: CallTally, drawn: _Drawn, model: int, n_buyers: int) -> Called:
    n_calls, n_hits = (int(total) for total in calls.sums[:2].sum(axis=1))
    called = Called(n_calls, n_hits, *(drawn.of(model, value) for value in range(VALUES - 1)))
    return replace(called, recall=_of_all_or_none(called.recall, n_buyers))


def _of_all_or_none(share: Interval, n: int) -> Interval:
    """Bounds a share of all or none of `n`: a bootstrap never draws what did not happen.

    C. J. Clopper and E. S. Pearson, The Use of Confidence or Fiducial Limits Illustrated in the
    Case of the Binomial, Biometrika 26, 1934."""
    if share.value not in (0.0, 1.0):
        return share
    certain = ((1.0 - share.level) / 2.0) ** (1.0 / n)
    return replace(share, low=certain) if share.value else replace(share, high=1.0 - certain)


def _paired(names: Sequence[str], drawn: _Drawn, model: int, n_buyers: int) -> Paired:
    reached = drawn.less(model, REACHED)
    return Paired(
        ours=names[model],
        theirs=names[0],
        precision=drawn.less(model, PRECISION),
        reached=reached,
        days_earlier=drawn.of(model, EARLIER),
        judgement=judge(reached, n_buyers),
    )


def _worth(sums: Floats, buyers: Floats) -> list[Floats]:
    """Precision, lift, reached, recall and days gained of each weighting's `sums`."""
    calls, hits, blind, reached, gained = sums.T
    return [
        _ratio(hits, calls),
        _ratio(hits, blind),
        reached,
        _ratio(reached, buyers),
        _ratio(gained, reached),
    ]


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divides; NaN where `whole` is not above zero."""
    unknown = np.full(len(whole), np.nan)
    ratios: Floats = np.divide(part, whole, out=unknown, where=whole > 0.0)
    return ratios

"""Writes a backtest in sentences: the answer first, then its basis."""

from __future__ import annotations

from math import isnan

from scoring.backtest.backtest import Backtest, Called, Paired
from scoring.backtest.daily_calls import CallTerms
from scoring.metrics.bootstrap import Interval
from scoring.metrics.verdict import MIN_POSITIVES, Verdict
from scoring.report.numbers_text import percent, tenths


def answer(result: Backtest, paired: Paired, terms: CallTerms) -> str:
    """Compares `paired.ours` with `paired.theirs`: states a difference, or that it cannot tell."""
    ours, theirs = result.models[paired.ours], result.models[paired.theirs]
    n_ours, n_theirs = round(ours.reached.value), round(theirs.reached.value)
    reached = (
        f"with {terms.capacity:,} calls a day in each queue {paired.ours} would have reached "
        f"{n_ours:,} of {result.n_buyers:,} buyers, {paired.theirs} {n_theirs:,}"
    )
    more = f"{_signed(paired.reached)} buyers"
    if paired.judgement.verdict is Verdict.CANNOT_TELL:
        needed = paired.judgement.positives_needed
        about = f"; about {needed:,} buyers might tell" if needed else ""
        if paired.reached.excludes_zero:
            about = f"; with fewer than {MIN_POSITIVES} buyers no interval tells"
        return f"cannot tell {paired.ours} from {paired.theirs}: {reached} ({more}){about}"
    return f"{reached} ({more}){_earlier(paired)}"


def worth(name: str, called: Called) -> str:
    """Describes the calls of one model."""
    return (
        f"{name}: {called.n_calls:,} calls, precision {percent(called.precision)}, "
        f"lift {tenths(called.lift)}, buyers reached {percent(called.recall)}, "
        f"{tenths(called.days_gained)} days before they ordered"
    )


SHOWN_DAYS = 0.05
"""Less is written as 0.0 days, and says nothing where it may be chance."""


def _earlier(paired: Paired) -> str:
    days = paired.days_earlier
    if isnan(days.value):
        return ""
    side = "earlier" if days.value >= 0 else "later"
    low, high = sorted((abs(days.low), abs(days.high)))
    if not days.excludes_zero and abs(days.value) < SHOWN_DAYS:
        return ""
    if not days.excludes_zero:
        return f"; those whom both reach {abs(days.value):.1f} days {side}, which may be chance"
    return f"; those whom both reach {abs(days.value):.1f} days {side} [{low:.1f}, {high:.1f}]"


def _signed(estimate: Interval) -> str:
    return f"{estimate.value:+,.0f} [{estimate.low:+,.0f}, {estimate.high:+,.0f}]"

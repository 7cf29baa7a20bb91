"""Writes numbers and intervals for reports, pages and terminals."""

from __future__ import annotations

from math import isnan

from scoring.metrics.bootstrap import Interval


def number(value: float) -> str:
    """Writes a number with digits for its size; NaN is a dash."""
    if isnan(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.4f}"


def signed(value: float) -> str:
    """Writes a number with its sign."""
    return number(value) if isnan(value) or value < 0 else f"+{number(value)}"


def interval(estimate: Interval) -> str:
    """Writes `value [low, high]`."""
    return f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def signed_interval(estimate: Interval) -> str:
    """Writes `value [low, high]`, all with signs."""
    return f"{signed(estimate.value)} [{signed(estimate.low)}, {signed(estimate.high)}]"


def tenths(estimate: Interval) -> str:
    """Writes `value [low, high]` with one decimal each."""
    if isnan(estimate.value):
        return "unknown"
    return f"{estimate.value:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"


def percent(estimate: Interval) -> str:
    """Writes `value [low, high]` in percent, with one decimal each."""
    if isnan(estimate.value):
        return "unknown"
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}]"


def signed_tenths(estimate: Interval) -> str:
    """Writes `value [low, high]` with signs and one decimal each."""
    if isnan(estimate.value):
        return "unknown"
    return f"{estimate.value:+,.1f} [{estimate.low:+,.1f}, {estimate.high:+,.1f}]"

"""Numbers and intervals in words: what every report, page and terminal line shares."""

from __future__ import annotations

from math import isnan

from scoring.metrics.bootstrap import Interval


def number(value: float) -> str:
    if isnan(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.4f}"


def signed(value: float) -> str:
    return number(value) if isnan(value) or value < 0 else f"+{number(value)}"


def interval(found: Interval) -> str:
    return f"{number(found.value)} [{number(found.low)}, {number(found.high)}]"


def signed_interval(found: Interval) -> str:
    return f"{signed(found.value)} [{signed(found.low)}, {signed(found.high)}]"


def tenths(found: Interval) -> str:
    if isnan(found.value):
        return "unknown"
    return f"{found.value:.1f} [{found.low:.1f}, {found.high:.1f}]"


def percent(found: Interval) -> str:
    if isnan(found.value):
        return "unknown"
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def signed_tenths(found: Interval) -> str:
    if isnan(found.value):
        return "unknown"
    return f"{found.value:+,.1f} [{found.low:+,.1f}, {found.high:+,.1f}]"

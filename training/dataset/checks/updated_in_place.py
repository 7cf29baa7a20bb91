"""Finds profile fields that hold what became known later: an export has today's values, and dates
them when the lead came in.

A value, such as an owner "order processing", that leads with an order have and others have not; and
a date, such as that of the last change, that is after the lead came in and never after the export.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from schemas.timestamps import DAY_MS
from scoring.lead.state import PROFILE, Value
from scoring.lead.values import date_ms
from training.dataset.checks.filled import MIN_EXPECTED, Filled, is_blank, is_one_sided
from training.dataset.example import Examples
from training.dataset.known_columns import Column
from training.dataset.manifest import DataFinding, Severity

MAX_VALUES = 200
"""The commonest values of a field; rare ones tell of few leads."""

LATER_MS = DAY_MS
"""A date counts as later than a moment from so much on: exports round to days."""

MAX_AFTER_EXPORT = 0.002
"""Slips: the share of dates that may lie after the export, in a field of past dates."""


def values_of_one_side(columns: Mapping[str, Column], examples: Examples) -> Iterator[DataFinding]:
    """Findings on profile fields with a value that many leads with an order have and nearly none
    without. One row a lead, at its first moment."""
    is_positive = examples.label == 1
    sides = int(is_positive.sum()), int((~is_positive).sum())
    for name, column in _profile(columns):
        with_order = Counter(_text(v) for v, won in zip(column, is_positive, strict=True) if won)
        without = Counter(_text(v) for v, won in zip(column, is_positive, strict=True) if not won)
        for value, n in with_order.most_common(MAX_VALUES):
            one, other = Filled(n, sides[0]), Filled(without[value], sides[1])
            if value and other.share < one.share and is_one_sided(one, other):
                yield DataFinding(
                    severity=Severity.WARNING,
                    column=name,
                    sentence=f"one value is that of {one.text} leads with an order and of "
                    f"{other.text} without: it looks set when the outcome is known; leave it out "
                    "of the profile, or send it when it becomes known",
                )
                break


def dates_after_the_moment(
    columns: Mapping[str, Column], examples: Examples, until_ms: int
) -> Iterator[DataFinding]:
    """Findings on profile fields of dates after the row's moment of which none lies after
    `until_ms`, the end of what the export knows. A date that is planned would, for leads that came
    in last: of these at least MIN_EXPECTED, if all waited as long as the others."""
    for name, column in _profile(columns):
        told = [
            (date_ms(value), int(at)) for value, at in zip(column, examples.as_of_ms, strict=True)
        ]
        known = np.array([(date, at) for date, at in told if date is not None], dtype=np.int64)
        if len(known) < MIN_EXPECTED:
            continue
        dates, moments = known[:, 0], known[:, 1]
        waits = np.sort(dates - moments)
        n_later = int((waits > LATER_MS).sum())
        room = until_ms + LATER_MS - moments
        expected = float((1 - np.searchsorted(waits, room, side="right") / len(waits)).sum())
        n_after = int((dates > until_ms + LATER_MS).sum())
        if n_later < MIN_EXPECTED or expected < MIN_EXPECTED:
            continue
        if n_after <= MAX_AFTER_EXPORT * len(dates):
            yield DataFinding(
                severity=Severity.WARNING,
                column=name,
                sentence=f"holds dates later than the lead's first moment in {n_later:,} of "
                f"{len(dates):,} leads and none after the export: it is updated in place and could "
                "not be known then; leave it out of the profile, or send it when it changes",
            )


def _profile(columns: Mapping[str, Column]) -> Iterator[tuple[str, Column]]:
    return ((name, column) for name, column in columns.items() if name.startswith(PROFILE))


def _text(value: Value) -> str:
    """Blank for nothing. Numbers that few leads share are rare values."""
    return "" if value is None or (is_blank(value) and value is not False) else str(value)

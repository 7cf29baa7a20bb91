"""Checks a finished dataset for columns that know the outcome; `log_check` checks the log.

Each column alone predicts the label, cross-fitted over clusters: its values are put in bins, and
the prediction for a bin is the share of positives that the other half of the clusters has in it. So
missing values, categories and non-monotonic columns count, and an id that only names the lead does
not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.field_names import readable
from scoring.lead.state import PROFILE
from scoring.metrics.metrics import auc
from scoring.prompt.field_values import features_by_field, unknown_values
from scoring.prompt.rendering import Rendering
from training.dataset.checks.filled import Filled, is_blank, is_one_sided
from training.dataset.checks.updated_in_place import dates_after_the_moment, values_of_one_side
from training.dataset.example import Examples
from training.dataset.known_columns import (
    MAX_COLUMNS,
    Column,
    columns_left_out,
    known_columns,
)
from training.dataset.manifest import DataFinding, Severity
from training.dataset.split import chance

N_BINS = 16
MAX_CATEGORIES = 200
PRIOR_ROWS = 10.0
"""How many rows with the average share of positives are added to every bin."""

NEARLY_PERFECT = 0.9
FAR = 0.15
"""How far above the AUC that nine in ten of the other columns reach."""
SURE = 2.0
"""Standard errors that are taken off an AUC before it is compared with a limit."""

WEAK = 0.6
"""A column that surely stays below this AUC alone is no outcome, whatever it is called."""

_OUTCOME_NAMES = (
    # Words that speak of the end of a lead, wherever they stand.
    r"(.*_)?(outcome|won|lost|sold|converted|conversion|closed|delivered|ordered|signed|churned"
    r"|invoiced)(_.*)?",
    # Words that speak of it alone, or with a date, a number or an amount: target_group and
    # contract_type do not.
    r"status|result|target|label|order|close|contract|invoice|delivery|purchase|churn",
    r"(.*_)?(order|close|closing|contract|invoice|delivery|purchase|churn)"
    r"_(date|at|on|day|time|no|number|id|value|amount|total)",
    r"(.*_)?(lead|deal|opportunity|order|contract|sale|sales|application|subscription|policy)"
    r"_(status|result|stage|state)",
)
_OUTCOME_NAME = re.compile("|".join(f"(?:{each})" for each in _OUTCOME_NAMES))
_OUTCOME_VALUE = re.compile(
    r"\b(won|lost|sold|ordered|signed|delivered|converted|invoiced|closed|cancell?ed)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Strength:
    """How well `column` alone tells positives from negatives. `error`: the standard error of
    `auc`."""

    column: str
    auc: float
    error: float


def check_data(examples: Examples) -> tuple[DataFinding, ...]:
    """All findings on a dataset: leaks first, then by column."""
    columns = known_columns(examples)
    measured = strengths(examples, columns)
    weak = {each.column for each in measured if each.auc + SURE * each.error < WEAK}
    findings = [
        *_far_above(measured),
        *_status_fields({name: each for name, each in columns.items() if name not in weak}),
        *_filled_on_one_side(columns, examples),
        *_other_values(columns, examples.rendering),
        *_left_out(examples, columns),
    ]
    return tuple(sorted(findings, key=lambda f: (f.severity != Severity.LEAK, f.column)))


def hindsight(examples: Examples, until_ms: int) -> tuple[DataFinding, ...]:
    """The findings on profile fields that seem to be filled in or changed when the outcome is
    known: what is left out where nobody looks. A field that is only far stronger than the others
    may be a good one, and is no finding here. One row a lead, at its first moment; `until_ms`: the
    end of what the export knows."""
    columns = {
        name: column for name, column in known_columns(examples).items() if name.startswith(PROFILE)
    }
    measured = strengths(examples, columns) if columns else []
    weak = {each.column for each in measured if each.auc + SURE * each.error < WEAK}
    suspects = {name: each for name, each in columns.items() if name not in weak}
    leaks = (found for found in _far_above(measured) if found.severity is Severity.LEAK)
    return (
        *leaks,
        *_status_fields(suspects),
        *_filled_on_one_side(columns, examples),
        *values_of_one_side(columns, examples),
        *dates_after_the_moment(columns, examples, until_ms),
    )


def strengths(examples: Examples, columns: Mapping[str, Column] | None = None) -> list[Strength]:
    """The AUC of each column alone, the strongest first; empty without both classes."""
    if not 0 < examples.label.sum() < len(examples):
        return []
    is_odd = np.array([chance(0, str(cluster)) < 0.5 for cluster in examples.cluster])
    measured = [
        _strength(name, _levels(column), examples, is_odd)
        for name, column in (columns or known_columns(examples)).items()
    ]
    return sorted(measured, key=lambda strength: (-strength.auc, strength.column))


def _strength(
    name: str, levels: NDArray[np.int64], examples: Examples, is_odd: NDArray[np.bool_]
) -> Strength:
    labels, weights = examples.label.astype(np.float64), examples.weight
    scores = np.empty(len(labels))
    for half in (is_odd, ~is_odd):
        average = np.average(labels[half], weights=weights[half]) if half.any() else 0.0
        n_levels = int(levels.max()) + 1
        rows = np.bincount(levels[half], weights[half], n_levels)
        positives = np.bincount(levels[half], (weights * labels)[half], n_levels)
        shares = (positives + PRIOR_ROWS * average) / (rows + PRIOR_ROWS)
        scores[~half] = shares[levels[~half]] - average
    value = auc(scores, labels, weights)
    n_positive = float(labels.sum())
    return Strength(name, value, _standard_error(value, n_positive, len(labels) - n_positive))


def _standard_error(value: float, n_positive: float, n_negative: float) -> float:
    """The standard error of an AUC: J. A. Hanley and B. J. McNeil, The Meaning and Use of the Area
    under a Receiver Operating Characteristic (ROC) Curve, Radiology 143, 1982."""
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    spread = value * (1 - value) + (n_positive - 1) * (q1 - value**2)
    return float(np.sqrt((spread + (n_negative - 1) * (q2 - value**2)) / n_positive / n_negative))


def _levels(column: Column) -> NDArray[np.int64]:
    """The bin of each value; 0 = unknown. Numbers: one bin for the commonest number, quantiles of
    the others, which may be few. Other values: one bin each; rare categories share one."""
    levels = np.zeros(len(column), dtype=np.int64)
    numbers = [row for row, v in enumerate(column) if isinstance(v, int | float) and v is not True]
    values = np.array([float(column[row] or 0) for row in numbers])
    if len(values):
        levels[numbers] = 1 + np.searchsorted(_cuts(values), values, side="right")
    texts = Counter(str(v) for v in column if isinstance(v, str) or v is True)
    first = N_BINS + 3
    index = {text: first + i for i, (text, _) in enumerate(texts.most_common(MAX_CATEGORIES))}
    for row, value in enumerate(column):
        if isinstance(value, str) or value is True:
            levels[row] = index.get(str(value), first + MAX_CATEGORIES)
    return levels


def _cuts(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cuts between the bins of numbers, at most N_BINS + 1."""
    distinct, counts = np.unique(values, return_counts=True)
    commonest = distinct[counts.argmax()]
    cuts = [commonest, np.nextafter(commonest, np.inf)]
    if (others := values[values != commonest]).size:
        cuts += [*np.quantile(others, np.linspace(0, 1, N_BINS + 1)[1:-1])]
    return np.unique(cuts)


def _far_above(measured: list[Strength]) -> Iterator[DataFinding]:
    """Findings on columns that alone are nearly perfect, or far better than the others."""
    for strength in measured:
        others = [other.auc for other in measured if other is not strength]
        rest = float(np.quantile(others, 0.9)) if others else 0.5
        lowest = strength.auc - SURE * strength.error
        is_perfect = lowest >= NEARLY_PERFECT
        if not is_perfect and lowest < rest + FAR:
            continue
        yield DataFinding(
            severity=Severity.LEAK if is_perfect else Severity.WARNING,
            column=strength.column,
            sentence=f"alone it reaches an AUC of {strength.auc:.3f} (nine in ten other columns: "
            f"up to {rest:.3f}): was it known at as_of? If so, keep it; if not, leave it out of "
            "the profile or send it when it becomes known",
        )


def _filled_on_one_side(columns: Mapping[str, Column], examples: Examples) -> Iterator[DataFinding]:
    """Findings on profile fields that are empty in nearly all leads of one label, and not in those
    of the other. The AUC of a reason for the loss that is seldom given is low, and still a leak."""
    sides = [set(examples.cluster[examples.label == label].tolist()) for label in (0, 1)]
    for name, column in columns.items():
        if not name.startswith(PROFILE):
            continue
        is_filled = np.array([not is_blank(value) for value in column], dtype=bool)
        filled = [
            set(examples.cluster[is_filled & (examples.label == label)].tolist())
            for label in (0, 1)
        ]
        without, with_order = (
            Filled(len(some), len(side)) for some, side in zip(filled, sides, strict=True)
        )
        if is_one_sided(without, with_order):
            yield DataFinding(
                severity=Severity.WARNING,
                column=name,
                sentence=f"is filled in {with_order.text} leads with an order and {without.text} "
                "without: it looks empty until the outcome is known; leave it out of the profile, "
                "unless it was there at as_of",
            )


def _status_fields(columns: Mapping[str, Column]) -> Iterator[DataFinding]:
    """Findings on profile fields whose name or values read like an outcome."""
    for name, column in columns.items():
        if not name.startswith(PROFILE):
            continue
        field = name.removeprefix(PROFILE)
        texts = {value for value in column if isinstance(value, str)}
        outcome_texts = sorted(
            text for text in texts if len(text) < 40 and _OUTCOME_VALUE.search(text)
        )
        if _OUTCOME_NAME.fullmatch(readable(field)):
            why = "is named like an outcome"
        elif outcome_texts and len(texts) <= MAX_CATEGORIES:
            why = f"has {len(outcome_texts)} values that read like outcomes"
        else:
            continue
        yield DataFinding(
            severity=Severity.WARNING,
            column=name,
            sentence=f"{why}: a status that is updated in place tells what happened after as_of; "
            "make sure that its history was recorded",
        )


def _other_values(columns: Mapping[str, Column], rendering: Rendering) -> Iterator[DataFinding]:
    """Findings on fields that are named like a feature's and hold other values."""
    for field, feature in features_by_field(rendering.features).items():
        if found := unknown_values(feature, columns.get(f"{PROFILE}{field}", ())):
            yield DataFinding(
                severity=Severity.WARNING, column=f"{PROFILE}{field}", sentence=found.sentence
            )


def _left_out(examples: Examples, columns: Mapping[str, Column]) -> Iterator[DataFinding]:
    if len(columns) < MAX_COLUMNS or not (names := columns_left_out(examples.states)):
        return
    yield DataFinding(
        severity=Severity.WARNING,
        column=names[0],
        sentence=f"this and {len(names) - 1:,} more fields and codes are not read: of "
        f"{MAX_COLUMNS + len(names):,} those {MAX_COLUMNS:,} count that most rows have; "
        "does a source invent names?",
    )

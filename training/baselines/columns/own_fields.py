"""Learns which fields and codes of a business are columns, and how each is read.

A field that a feature declares counts as the business's own where it holds values that the feature
does not know. Where a dataset holds codes as labels (`Examples.codes`), codes are no columns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from scoring.columns.own_fields import (
    MAX_CODES,
    MAX_FIELDS,
    MAX_LEVELS,
    OwnField,
    OwnFields,
)
from scoring.lead.state import PROFILE, Value
from scoring.lead.values import date_ms, number_of
from scoring.prompt.field_values import STAGE, is_known, register_of
from scoring.prompt.rendering import Rendering
from training.dataset.example import Examples

MIN_ROWS = 5
"""A field, value or code that fewer rows have is left out: nothing can be learned from it."""

SURE = 0.9
"""The share of a field's texts that have to be numbers, or dates, for all to be read as such."""


def fit_own_fields(examples: Examples) -> OwnFields:
    values = own_values(examples)
    n_with_code: Counter[str] = Counter()
    for state, n_rows in examples.counted_states:
        for code in {code for fact in state.facts for code in fact.codes}:
            n_with_code[code] += n_rows
    fields = sorted(values, key=lambda name: (-values[name].total(), name))
    codes = [code for code, n in n_with_code.items() if n >= MIN_ROWS]
    codes.sort(key=lambda code: (-n_with_code[code], code))
    if examples.codes.shape[1]:
        codes = []
    return OwnFields(
        fields=tuple(fit_field(name, values[name]) for name in sorted(fields[:MAX_FIELDS])),
        codes=tuple(sorted(codes[:MAX_CODES])),
    )


def own_values(examples: Examples) -> dict[str, Counter[Value]]:
    """The business's own fields by the name of their register, and how many rows have each value.
    The stage is one where its words are no feature's."""
    values: dict[str, Counter[Value]] = {}
    for state, n_rows in examples.counted_states:
        for name, value in state.values().items():
            if value is not None and (name.startswith(PROFILE) or name == STAGE):
                values.setdefault(name, Counter())[value] += n_rows
    return {
        name: counts
        for name, counts in values.items()
        if _n_unread(name, counts, examples.rendering) >= MIN_ROWS
    }


def fit_field(register_name: str, counts: Mapping[Value, int]) -> OwnField:
    """How a field with these values is read. `counts`: the number of rows with each."""
    texts = Counter({value: n for value, n in counts.items() if isinstance(value, str)})
    n_texts = texts.total()
    n_numbers = sum(n for text, n in texts.items() if not math.isnan(number_of(text)))
    n_dates = sum(n for text, n in texts.items() if date_ms(text) is not None)
    are_numbers = n_texts > 0 and n_numbers >= SURE * n_texts
    are_dates = n_texts > 0 and n_dates >= SURE * n_texts
    frequent = sorted(texts, key=lambda text: (-texts[text], text))[:MAX_LEVELS]
    levels = sorted(text for text in frequent if texts[text] >= MIN_ROWS)
    return OwnField(
        register_name=register_name,
        is_number=len(texts) < len(counts) or are_numbers,
        is_date=are_dates,
        levels=() if are_numbers or are_dates else tuple(levels),
    )


def _n_unread(name: str, counts: Mapping[Value, int], rendering: Rendering) -> int:
    """The number of rows whose value no feature knows."""
    features = [feature for feature in rendering.features if register_of(feature) == name]
    return sum(
        n for value, n in counts.items() if not any(is_known(one, value) for one in features)
    )

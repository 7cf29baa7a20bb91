"""Learns which fields and codes of a business are columns, and how each is read.

A field that a feature declares counts as the business's own where it holds values that the feature
does not know. Where a dataset holds codes as labels (`Examples.codes`), codes are no columns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping

from scoring.columns.own_fields import (
    MAX_CODES,
    MAX_FIELDS,
    MAX_LEVELS,
    OwnField,
    OwnFields,
)
from scoring.lead.state import PROFILE, LeadState, Value
from scoring.lead.state_bytes import from_bytes
from scoring.lead.values import date_ms, number_of
from scoring.prompt.field_values import STAGE, is_known, register_of
from scoring.prompt.rendering import Rendering
from training.dataset.example import Examples

MIN_LEADS = 5
"""A field, value or code that fewer leads have is left out: nothing can be learned from it. Rows do
not count: a lead that is looked at on many days would make its name a value that many have."""

SURE = 0.9
"""The share of a field's texts that have to be numbers, or dates, for all to be read as such."""


def fit_own_fields(examples: Examples) -> OwnFields:
    values = own_values(examples)
    n_with_code: Counter[str] = Counter()
    for states in _by_lead(examples):
        n_with_code.update(
            {code for state in states for fact in state.facts for code in fact.codes}
        )
    fields = sorted(values, key=lambda name: (-values[name].total(), name))
    codes = [code for code, n in n_with_code.items() if n >= MIN_LEADS]
    codes.sort(key=lambda code: (-n_with_code[code], code))
    if examples.codes.shape[1]:
        codes = []
    return OwnFields(
        fields=tuple(fit_field(name, values[name]) for name in sorted(fields[:MAX_FIELDS])),
        codes=tuple(sorted(codes[:MAX_CODES])),
    )


def own_values(examples: Examples) -> dict[str, Counter[Value]]:
    """The business's own fields by the name of their register, and how many leads have, or had,
    each value. The stage is one where its words are no feature's."""
    values: dict[str, Counter[Value]] = {}
    for states in _by_lead(examples):
        known = dict.fromkeys(each for state in states for each in state.values().items())
        for name, value in known:
            if value is not None and (name.startswith(PROFILE) or name == STAGE):
                values.setdefault(name, Counter())[value] += 1
    return {
        name: counts
        for name, counts in values.items()
        if _n_unread(name, counts, examples.rendering) >= MIN_LEADS
    }


def fit_field(register_name: str, counts: Mapping[Value, int]) -> OwnField:
    """How a field with these values is read. `counts`: the number of leads with each."""
    texts = Counter({value: n for value, n in counts.items() if isinstance(value, str)})
    n_texts = texts.total()
    n_numbers = sum(n for text, n in texts.items() if not math.isnan(number_of(text)))
    n_dates = sum(n for text, n in texts.items() if date_ms(text) is not None)
    are_numbers = n_texts > 0 and n_numbers >= SURE * n_texts
    are_dates = n_texts > 0 and n_dates >= SURE * n_texts
    frequent = sorted(texts, key=lambda text: (-texts[text], text))[:MAX_LEVELS]
    levels = sorted(text for text in frequent if texts[text] >= MIN_LEADS)
    return OwnField(
        register_name=register_name,
        is_number=len(texts) < len(counts) or are_numbers,
        is_date=are_dates,
        levels=() if are_numbers or are_dates else tuple(levels),
    )


def _by_lead(examples: Examples) -> Iterator[list[LeadState]]:
    """The different states of each lead: between two of its events its rows have the same."""
    different: dict[tuple[str, str], dict[bytes, None]] = {}
    rows = zip(examples.tenant, examples.lead, examples.state, strict=True)
    for tenant, lead, encoded in rows:
        different.setdefault((tenant, lead), {})[encoded] = None
    for states in different.values():
        yield [from_bytes(encoded) for encoded in states]


def _n_unread(name: str, counts: Mapping[Value, int], rendering: Rendering) -> int:
    """How often leads have a value that no feature knows."""
    features = [feature for feature in rendering.features if register_of(feature) == name]
    return sum(
        n for value, n in counts.items() if not any(is_known(one, value) for one in features)
    )

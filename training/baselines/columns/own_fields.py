"""Columns for what a business knows of its leads beyond the declared features.

Profile fields that no feature reads and, where a dataset does not hold codes as labels of their own
(`Examples.codes`), how often each code was noted. Engines are given features and prompt only, so a
model that reads these columns can be measured and not exported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.lead.state import PROFILE, LeadState, Value
from scoring.prompt.declaration import Bins, Kind
from training.dataset.example import Examples
from training.dataset.known_columns import Column, profile_columns

MAX_LEVELS = 30
MIN_ROWS = 5
"""A value or code that fewer rows have is left out: nothing can be learned from it."""

CODE = "code "


@dataclass(frozen=True, slots=True)
class OwnFields:
    """The names and values that occur in the rows it was fitted on. `declared`: the kinds of the
    features. `levels`: texts of a field that
    become a flag each; `numbers`: fields that have numbers; `codes` are counted."""

    declared: tuple[tuple[Kind, Bins], ...]
    numbers: tuple[str, ...]
    levels: tuple[tuple[str, str], ...]
    codes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        flags = (f"{field}={text}" for field, text in self.levels)
        return (*self.numbers, *flags, *(f"{CODE}{code}" for code in self.codes))

    @property
    def kinds(self) -> tuple[tuple[Kind, Bins], ...]:
        """The kinds of the columns of `beside_features`: what encodes a feature encodes these,
        too."""
        n_numbers = len(self.numbers), len(self.codes)
        number, flag = (Kind.NUMBER, ()), (Kind.FLAG, ())
        own = [number] * n_numbers[0] + [flag] * len(self.levels) + [number] * n_numbers[1]
        return (*self.declared, *own)

    def rows(self, examples: Examples) -> NDArray[np.float32]:
        """The own fields alone: (n, names), NaN = unknown."""
        if not self.names:
            return np.zeros((len(examples), 0), dtype=np.float32)
        profile = profile_columns(examples.states)
        nothing: Column = [None] * len(examples)
        columns = [_numbers(profile.get(name, nothing)) for name in self.numbers]
        columns += [_flags(profile.get(name, nothing), text) for name, text in self.levels]
        rows = np.array(columns, dtype=np.float32).reshape(len(columns), len(examples)).T
        return np.hstack([rows, _counts(examples.states, self.codes)])

    def beside_features(self, examples: Examples) -> NDArray[np.float32]:
        return np.hstack([examples.features, self.rows(examples)])


def fit_own_fields(examples: Examples) -> OwnFields:
    rendering = examples.rendering
    declared = {f"{PROFILE}{field}" for field in rendering.profile_kinds}
    numbers: list[str] = []
    levels: list[tuple[str, str]] = []
    codes: list[str] = []
    reads_codes = examples.codes.shape[1] == 0
    for name, column in profile_columns(examples.states).items():
        values = [value for value in column if value is not None]
        if name in declared or len(values) < MIN_ROWS:
            continue
        if not name.startswith(PROFILE):
            codes += [name.removeprefix(CODE)] if reads_codes else []
            continue
        if any(not isinstance(value, str) for value in values):
            numbers.append(name)
        texts = Counter(value for value in values if isinstance(value, str))
        frequent = [text for text, n in texts.most_common(MAX_LEVELS) if n >= MIN_ROWS]
        levels += [(name, text) for text in sorted(frequent)]
    kinds = tuple((feature.kind, feature.bins) for feature in rendering.features)
    return OwnFields(kinds, tuple(numbers), tuple(levels), tuple(codes))


def _numbers(column: Column) -> list[float]:
    return [float("nan") if v is None or isinstance(v, str) else float(v) for v in column]


def _flags(column: Column, text: str) -> list[float]:
    """1 where the field is `text`, 0 where it is another text or a number, NaN where it is
    unknown."""

    def flag(value: Value) -> float:
        return float("nan") if value is None else float(value == text)

    return [flag(value) for value in column]


def _counts(states: Sequence[LeadState], codes: Sequence[str]) -> NDArray[np.float32]:
    index = {code: at for at, code in enumerate(codes)}
    counts = np.zeros((len(states), len(codes)), dtype=np.float32)
    if codes:
        for row, state in enumerate(states):
            for fact in state.facts:
                for code in fact.codes:
                    if code in index:
                        counts[row, index[code]] += 1
    return counts

"""The columns of one artifact: how a lead's history becomes one row of float32, beside the
features.

Training, live scoring, replay and explanation call `Columns.row`; nothing else computes columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.columns.aggregates import Aggregates
from scoring.columns.own_fields import OwnFields
from scoring.columns.words import Words, words_in
from scoring.lead.history import LeadHistory
from scoring.prompt.rendering import Rendering, first_rendering

COUNTS = "counts and times"
WORDS = "words"


NO_FIELDS = OwnFields()


@dataclass(frozen=True, slots=True)
class Columns:
    """What is read of a lead beside its features: own fields and codes, then counts and ages where
    there are `aggregates`, then `words`. `rendering`: of the artifact that reads them; None: the
    first one."""

    own: OwnFields = NO_FIELDS
    aggregates: Aggregates | None = None
    words: Words | None = None
    rendering: Rendering | None = None

    def __len__(self) -> int:
        return len(self.part_names)

    @property
    def part_names(self) -> tuple[str, ...]:
        """What each column is part of: the own field or code by its name, COUNTS or WORDS."""
        n_counts = len(self.aggregates.column_names(self._rendering)) if self.aggregates else 0
        n_words = self.words.vocabulary.n_outputs if self.words else 0
        return (*self.own.part_names, *(COUNTS,) * n_counts, *(WORDS,) * n_words)

    def row(self, history: LeadHistory, as_of_ms: int) -> NDArray[np.float32]:
        """(len(self),), NaN = unknown."""
        said = [self.words.numbers(history)] if self.words else []
        return self._row(history, as_of_ms, said)

    def row_without(self, row: NDArray[np.float32], part: str) -> NDArray[np.float32]:
        """The same row with one part unknown: an own field, a code, all counts, or all that was
        said."""
        without = row.copy()
        hidden = np.array([name == part for name in self.part_names], dtype=bool)
        if part == WORDS and self.words is not None:
            without[hidden] = self.words.bias
        else:
            without[hidden] = np.nan
        return without

    def row_without_word(
        self, history: LeadHistory, as_of_ms: int, word: str
    ) -> NDArray[np.float32]:
        """The row if nobody had said `word`."""
        if self.words is None:
            return self.row(history, as_of_ms)
        said = self.words.numbers(history, lambda term: word not in words_in(term))
        return self._row(history, as_of_ms, [said])

    @property
    def _rendering(self) -> Rendering:
        return self.rendering or first_rendering()

    def _row(
        self, history: LeadHistory, as_of_ms: int, said: list[NDArray[np.float64]]
    ) -> NDArray[np.float32]:
        known = np.fromiter(self._known(history, as_of_ms), dtype=np.float64)
        return np.concatenate([known, *said]).astype(np.float32)

    def _known(self, history: LeadHistory, as_of_ms: int) -> Iterator[float]:
        yield from self.own.numbers(history.state, as_of_ms)
        if self.aggregates is not None:
            yield from self.aggregates.numbers(history, as_of_ms, self._rendering)


NO_COLUMNS = Columns()

"""Features and columns of a dataset's rows, by the function that serving calls."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scoring.columns.columns import NO_COLUMNS, Columns
from scoring.columns.encoding import Rows
from scoring.lead.history import history_of
from scoring.lead.state_bytes import from_bytes
from scoring.prompt.declaration import Bins, Feature, Kind
from training.baselines.columns.own_fields import fit_own_fields
from training.baselines.columns.remembered_rows import known_rows
from training.dataset.example import Examples


@dataclass(frozen=True, slots=True)
class TableColumns:
    """What a model reads of a row: the features, then `columns`. `features`: those of the rows it
    was fitted on."""

    features: tuple[Feature, ...]
    columns: Columns = NO_COLUMNS

    def rows(self, examples: Examples) -> Rows:
        if not len(self.columns):
            return examples.features
        wordless = replace(self.columns, words=None)
        parts = [examples.features, known_rows(wordless, examples)]
        if self.columns.words is not None:
            said = {
                state: self.columns.words.numbers(history_of(from_bytes(state)))
                for state in dict.fromkeys(examples.state)
            }
            of_words = [said[state] for state in examples.state]
            parts.append(np.array(of_words, dtype=np.float32).reshape(len(examples), -1))
        return np.hstack(parts)

    @property
    def kinds(self) -> tuple[tuple[Kind, Bins], ...]:
        """How an encoding treats features and own fields; counts and words have no kinds."""
        return (*((f.kind, f.bins) for f in self.features), *self.columns.own.kinds)


def table_of(examples: Examples, columns: Columns = NO_COLUMNS) -> TableColumns:
    rendering = examples.rendering
    return TableColumns(rendering.features, replace(columns, rendering=rendering))


def fit_field_table(examples: Examples) -> TableColumns:
    """The features and the business's own fields."""
    return table_of(examples, Columns(fit_own_fields(examples)))

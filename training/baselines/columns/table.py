"""Features and columns of a dataset's rows, by the function that serving calls."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scoring.columns.columns import NO_COLUMNS, Columns
from scoring.columns.encoding import Rows
from scoring.prompt.declaration import Bins, Feature, Kind
from training.baselines.columns.own_fields import fit_own_fields
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
        beside = [self.columns.row(history, as_of_ms) for history, as_of_ms in examples.as_served()]
        table = np.array(beside, dtype=np.float32).reshape(len(examples), len(self.columns))
        return np.hstack([examples.features, table])

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

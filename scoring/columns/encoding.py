"""Encodes a table for linear models and factorisation machines: one-hot words, scaled numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from scoring.calibration import Finite
from scoring.floats import Floats
from scoring.prompt.declaration import Bins, Kind

Rows = NDArray[np.float32]
"""(n, columns) float32: one example a row, NaN = unknown."""

MAX_COLUMNS = 16_384
MIN_SPREAD = 1e-6
"""A column that spreads less is constant: what is left is rounding, which would be made as large as
what other columns say."""


class Encoding(BaseModel):
    """How columns are encoded. `kinds` of each column; `centres` and `spreads` are of log(1 +
    |value|), with the sign of the value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: Annotated[tuple[tuple[Kind, Bins], ...], Field(max_length=MAX_COLUMNS)]
    centres: Annotated[tuple[Finite, ...], Field(max_length=MAX_COLUMNS)]
    spreads: Annotated[tuple[Annotated[Finite, Field(gt=0)], ...], Field(max_length=MAX_COLUMNS)]

    @model_validator(mode="after")
    def _is_whole(self) -> Encoding:
        if not len(self.kinds) == len(self.centres) == len(self.spreads):
            raise ValueError("kinds, centres and spreads are not one for each column")
        return self

    @property
    def n_encoded(self) -> int:
        """How many columns `rows` gives."""
        return sum(len(_levels(k, b)) + 1 + (k is Kind.NUMBER) for k, b in self.kinds)

    @property
    def places(self) -> Iterator[tuple[slice, int]]:
        """Of each column: where what `rows` gives of it stands, and which of these says unknown."""
        at = 0
        for kind, bins in self.kinds:
            unknown = at + len(_levels(kind, bins))
            end = unknown + 1 + (kind is Kind.NUMBER)
            yield slice(at, end), unknown
            at = end

    def rows(self, table: NDArray[np.float32]) -> Floats:
        columns: list[Floats] = []
        for at, (kind, bins) in enumerate(self.kinds):
            values = table[:, at].astype(np.float64)
            columns += [(values == level).astype(np.float64) for level in _levels(kind, bins)]
            columns.append(np.isnan(values).astype(np.float64))
            if kind is Kind.NUMBER:
                columns.append(self.scaled(values, at))
        return np.column_stack(columns)

    def scaled(self, values: Floats, at: int) -> Floats:
        """The values of column `at` minus its centre, over its spread; unknown is 0, the centre."""
        scaled: Floats = np.nan_to_num((_logs(values) - self.centres[at]) / self.spreads[at])
        return scaled


def _logs(values: Floats) -> Floats:
    logs: Floats = np.sign(values) * np.log1p(np.abs(values))
    return logs


def _levels(kind: Kind, bins: Bins) -> Sequence[float]:
    match kind:
        case Kind.CATEGORY:
            return [float(i) for i in range(len(bins) + 1)]
        case Kind.AGE:
            return [float(bound) for bound, _ in bins]
        case Kind.FLAG:
            return [0.0, 1.0]
        case Kind.NUMBER:
            return [0.0]


def fit_encoding(table: NDArray[np.float32], kinds: tuple[tuple[Kind, Bins], ...]) -> Encoding:
    logs = _logs(table.astype(np.float64))
    is_known = ~np.isnan(logs)
    n = np.maximum(is_known.sum(axis=0), 1)
    centres = np.where(is_known, logs, 0.0).sum(axis=0) / n
    spreads = np.sqrt(np.where(is_known, (logs - centres) ** 2, 0.0).sum(axis=0) / n)
    return Encoding(
        kinds=kinds,
        centres=tuple(centres.tolist()),
        spreads=tuple(np.where(spreads > MIN_SPREAD, spreads, 1.0).tolist()),
    )

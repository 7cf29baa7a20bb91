"""A table as the inputs of factorisation machines: every column as a word, numbers as numbers,
too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.columns.encoding import Encoding, fit_encoding
from scoring.floats import Floats
from scoring.prompt.declaration import Bins, Kind

N_BINS = 12


@dataclass(frozen=True, slots=True)
class Fields:
    """How columns become words. `edges` of each column: the word of a value is 1 + the number of
    edges that are at most the value; 0 is unknown."""

    edges: tuple[Floats, ...]
    encoding: Encoding

    def inputs(self, table: NDArray[np.float32]) -> dict[str, torch.Tensor]:
        inputs: dict[str, torch.Tensor] = {}
        for at, edges in enumerate(self.edges):
            values = table[:, at].astype(np.float64)
            codes = np.where(np.isnan(values), 0, np.searchsorted(edges, values, "right") + 1)
            inputs[f"word_{at}"] = torch.from_numpy(codes.astype(np.int64))
            if self.encoding.kinds[at][0] is Kind.NUMBER:
                scaled = self.encoding.scaled(values, at).astype(np.float32)
                inputs[f"number_{at}"] = torch.from_numpy(scaled)
        return inputs


def fit_fields(table: NDArray[np.float32], kinds: tuple[tuple[Kind, Bins], ...]) -> Fields:
    return Fields(tuple(_edges(column) for column in table.T), fit_encoding(table, kinds))


def _edges(column: NDArray[np.float32]) -> Floats:
    """Every value but the smallest where a column has few, quantiles where it has many."""
    values = np.unique(column[~np.isnan(column)]).astype(np.float64)
    if len(values) > N_BINS:
        known_values = column[~np.isnan(column)].astype(np.float64)
        values = np.unique(np.quantile(known_values, np.linspace(0, 1, N_BINS + 1)))
    return values[1:]

"""Scores with a logistic regression on features and columns, in numpy. The prompt is not read."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scoring.artifact import ArtifactError
from scoring.calibration import Finite
from scoring.columns.encoding import Encoding, Rows
from scoring.columns.words import MAX_OUTPUTS
from scoring.engines.reading import finite
from scoring.engines.table import TableEngine, TableWidth

LINEAR = "linear.json"
MAX_WEIGHTS = 200_000


class LinearModel(BaseModel):
    """A fitted regression: logit = `intercept` + the sum of `weights` times the encoded row. The
    last `n_plain` numbers of a row are taken as they are: columns of words, which a regression has
    weighed already, and in a stack the language model's logit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: Encoding
    n_plain: Annotated[int, Field(ge=0, le=MAX_OUTPUTS + 1)] = 0
    weights: Annotated[tuple[Finite, ...], Field(max_length=MAX_WEIGHTS)]
    intercept: Finite

    @model_validator(mode="after")
    def _fits(self) -> LinearModel:
        n_encoded = self.encoding.n_encoded + self.n_plain
        if len(self.weights) != n_encoded:
            raise ValueError(f"{len(self.weights)} weights for {n_encoded} encoded columns")
        return self

    @property
    def n_numbers(self) -> int:
        """How many numbers a row has."""
        return len(self.encoding.kinds) + self.n_plain

    def logits(self, rows: Rows) -> list[float]:
        """One logit for each row. Added exactly, so that no library's order of adding shows."""
        plain = rows[:, len(self.encoding.kinds) :].astype(np.float64)
        parts = np.hstack([self.encoding.rows(rows), plain]) * np.array(self.weights)
        return [math.fsum([*part, self.intercept]) for part in parts.tolist()]


def load_linear_engine(path: Path, width: TableWidth) -> TableEngine:
    """Loads the regression in folder `path`. Raises ArtifactError where it cannot be read or is one
    on other columns."""
    model = read_linear(path, width.n_numbers)
    return TableEngine(lambda rows: [finite(logit) for logit in model.logits(rows)], width)


def read_linear(path: Path, n_numbers: int) -> LinearModel:
    """The regression in folder `path`, on rows of so many numbers. Raises ArtifactError as
    above."""
    try:
        model = LinearModel.model_validate_json((path / LINEAR).read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError(
            f"{path / LINEAR} is not a logistic regression; fit it again with "
            "`asllr baseline logistic`"
        ) from error
    if model.n_numbers != n_numbers:
        raise ArtifactError(
            f"{path / LINEAR} reads rows of {model.n_numbers} numbers, this artifact's features "
            f"and columns make {n_numbers}; fit and export it again"
        )
    return model


def linear_row_logit(path: Path, n_numbers: int) -> Callable[[NDArray[np.float32]], float]:
    """The logit of one row of so many numbers, by the regression in folder `path`. Raises
    ArtifactError as above."""
    model = read_linear(path, n_numbers)

    def row_logit(row: NDArray[np.float32]) -> float:
        (logit,) = model.logits(row[None, :])
        return finite(logit)

    return row_logit

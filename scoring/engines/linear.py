"""Scores with a logistic regression on features and columns, in numpy. The prompt is not read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scoring.artifact import ArtifactError
from scoring.calibration import Finite
from scoring.columns.encoding import Encoding
from scoring.engines.reading import finite
from scoring.engines.table import TableEngine, TableWidth
from scoring.floats import Floats

LINEAR = "linear.json"
MAX_WEIGHTS = 200_000


class LinearModel(BaseModel):
    """A fitted regression: logit = `intercept` + the sum of `weights` times the encoded row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: Encoding
    weights: Annotated[tuple[Finite, ...], Field(max_length=MAX_WEIGHTS)]
    intercept: Finite

    @model_validator(mode="after")
    def _fits(self) -> LinearModel:
        if len(self.weights) != self.encoding.n_encoded:
            raise ValueError(
                f"{len(self.weights)} weights for {self.encoding.n_encoded} encoded columns"
            )
        return self

    def logits(self, rows: Floats) -> list[float]:
        """One logit for each encoded row. Added exactly, so that no library's order of adding
        shows."""
        parts = rows * np.array(self.weights)
        return [math.fsum([*part, self.intercept]) for part in parts.tolist()]


def load_linear_engine(path: Path, width: TableWidth) -> TableEngine:
    """Loads the regression in folder `path`. Raises ArtifactError where it cannot be read or is one
    on other columns."""
    try:
        model = LinearModel.model_validate_json((path / LINEAR).read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError(
            f"{path / LINEAR} is not a logistic regression; fit it again with "
            "`asllr baseline logistic`"
        ) from error
    if len(model.encoding.kinds) != width.n_numbers:
        raise ArtifactError(
            f"{path / LINEAR} reads rows of {len(model.encoding.kinds)} numbers, this artifact's "
            f"features and columns make {width.n_numbers}; fit and export it again"
        )

    def row_logit(row: NDArray[np.float32]) -> float:
        (logit,) = model.logits(model.encoding.rows(row[None, :]))
        return finite(logit)

    return TableEngine(row_logit, width)

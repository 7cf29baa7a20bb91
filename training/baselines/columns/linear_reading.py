"""Logistic regressions over a bag of words: out-of-fold logits that trees can read as columns."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from scoring.floats import Floats

N_FOLDS = 4
MIN_OF_A_KIND = 5
"""With fewer rows of label 1 (or of label 0), nothing learned would hold in another fold."""

MAX_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class Target:
    """What one regression predicts: `values` are 0 or 1, NaN where unknown; `weights` of the rows.
    `c` is the inverse strength of its L2 penalty."""

    values: Floats
    weights: Floats
    c: float


@dataclass(frozen=True, slots=True)
class LinearReading:
    """A fitted regression. `model` is None where the target was constant: its logit is then 0."""

    model: LogisticRegression | None

    def logits(self, matrix: csr_matrix) -> Floats:
        if self.model is None:
            return np.zeros(matrix.shape[0])
        return np.asarray(self.model.decision_function(matrix), dtype=np.float64)

    def coefficients(self, n_terms: int) -> Floats:
        """(n_terms,): what each term adds to the logit."""
        if self.model is None:
            return np.zeros(n_terms)
        return np.asarray(self.model.coef_[0], dtype=np.float64)

    @property
    def intercept(self) -> float:
        return 0.0 if self.model is None else float(self.model.intercept_[0])


def fit_reading(matrix: csr_matrix, target: Target) -> LinearReading:
    labelled_rows = np.flatnonzero(~np.isnan(target.values))
    values = target.values[labelled_rows].astype(np.int8)
    if not matrix.shape[1] or min(values.sum(), len(values) - values.sum()) < MIN_OF_A_KIND:
        return LinearReading(None)
    weights = target.weights[labelled_rows] / target.weights[labelled_rows].mean()
    model = LogisticRegression(C=target.c, tol=1e-3, max_iter=MAX_STEPS)
    return LinearReading(model.fit(matrix[labelled_rows], values, weights))


def fit_out_of_fold(
    matrix: csr_matrix, target: Target, folds: NDArray[np.int64]
) -> tuple[Floats, LinearReading]:
    """Fits one target. Returns the logits of the rows themselves, each from a model that was fitted
    without its fold, and the model of all rows, for everything else."""
    logits = np.zeros(matrix.shape[0])
    for fold in range(N_FOLDS):
        inside = folds == fold
        if not inside.any():  # of few clusters a fold may get none
            continue
        hidden = Target(np.where(inside, np.nan, target.values), target.weights, target.c)
        logits[inside] = fit_reading(matrix, hidden).logits(matrix[np.flatnonzero(inside)])
    return logits, fit_reading(matrix, target)


def folds_of(clusters: NDArray[np.str_], purpose: bytes = b"") -> NDArray[np.int64]:
    """The fold of each row. A cluster (lead) is in one fold, the same one in every dataset and
    order. Folds within a fold need a `purpose` of their own, or one of them is empty."""
    digests = (
        blake2b(str(name).encode(), digest_size=8, person=purpose).digest() for name in clusters
    )
    return np.array([int.from_bytes(digest, "big") % N_FOLDS for digest in digests], dtype=np.int64)

"""The baseline logistic regression, on features and own fields: one-hot words, scaled numbers, and
a flag for unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from scoring.columns.encoding import Encoding, fit_encoding
from scoring.engines.linear import LinearModel
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import (
    TRAIN_AND_VALIDATION,
    Budget,
    check_classes,
    labels_of,
    log_loss,
)
from training.baselines.columns.table import TableColumns, fit_field_table
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.trees.trials import Trial, search

MAX_STEPS = 2_000
LOG10_C = (-4.0, 2.0)


@dataclass(frozen=True, slots=True)
class LogisticPredictor:
    """A fitted logistic regression. `c`: the inverse strength of its L2 penalty.
    `validation_loss`: of that strength in the search, NaN without one."""

    columns: TableColumns
    encoding: Encoding
    model: LogisticRegression
    c: float
    validation_loss: float = float("nan")

    @property
    def served(self) -> LinearModel:
        """The regression as it is served."""
        return LinearModel(
            encoding=self.encoding,
            weights=tuple(self.model.coef_[0].tolist()),
            intercept=float(self.model.intercept_[0]),
        )

    @property
    def described(self) -> dict[str, float | int | str]:
        return {"c": self.c}

    def logits(self, examples: Examples) -> Floats:
        rows = self.encoding.rows(self.columns.rows(examples))
        # Not `decision_function`: a matrix product may round two equal rows apart, which unties
        # leads that are tied when they are served.
        return np.array(self.served.logits(rows), dtype=np.float64)


def fit_logistic(examples: Examples, budget: Budget, log: WriteLine) -> LogisticPredictor:
    """Fits it; the penalty is chosen on the validation split. Raises DatasetError for a split with
    one class only."""
    check_classes(examples, *TRAIN_AND_VALIDATION)
    train, validation = examples.of(Split.FIT), examples.of(Split.JUDGE)
    rng = budget.rng()

    def run(number: int) -> Trial[float]:
        c = float(10 ** rng.uniform(*LOG10_C))
        logits = _fit(train, c).logits(validation)
        return Trial(log_loss(logits, labels_of(validation), validation.weight), c)

    best = search(run, budget.n_trials, log)
    fitted = _fit(examples.of(*TRAIN_AND_VALIDATION), best.settings)
    return replace(fitted, validation_loss=best.loss)


def _fit(examples: Examples, c: float) -> LogisticPredictor:
    """Fits one penalty. Weights undo the sampling of negatives but keep the effective number of
    rows, against which `c` is balanced."""
    columns = fit_field_table(examples)
    table = columns.rows(examples)
    encoding = fit_encoding(table, columns.kinds)
    rows, weights = encoding.rows(table), examples.weight / examples.weight.mean()
    model = LogisticRegression(C=c, max_iter=MAX_STEPS)
    return LogisticPredictor(columns, encoding, model.fit(rows, examples.label, weights), c)

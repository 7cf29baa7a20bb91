"""The baselines logistic and logistic_words: regressions on features and own fields (one-hot words,
scaled numbers, a flag for unknown), and on the words of calls, messages and notes, too.

Fields are few and words are many, so each has a penalty of its own. The regression that is kept
also learns from the rows that calibrate, as trees do (`training.baselines.tree`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from scoring.columns.columns import Columns
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
from training.baselines.choosing import choices
from training.baselines.columns.bag_of_words import BagOfWords, fit_words, no_words
from training.baselines.columns.linear_reading import folds_of
from training.baselines.columns.table import TableColumns, fit_field_table
from training.baselines.words_worth import words_worth
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.trees.trials import Trial, search

MAX_STEPS = 2_000
LOG10_C = (-4.0, 2.0)
LOG10_C_WORDS = (-2.0, 1.5)
"""The weights of a lead's words have length 1 together: beyond these a penalty is everything or
nothing."""


@dataclass(frozen=True, slots=True)
class Penalties:
    """Inverse strengths of the L2 penalties: `c` of fields, `c_words` of words; None: words are not
    read."""

    c: float
    c_words: float | None = None


@dataclass(frozen=True, slots=True)
class LogisticPredictor:
    """A fitted logistic regression, as it is served. `validation_loss`: of its penalties in the
    search, NaN without one. `held_out`: the logits of the calibration rows by a regression that did
    not learn from them."""

    columns: TableColumns
    served: LinearModel
    penalties: Penalties
    held_out: Floats
    validation_loss: float = float("nan")
    words: str = ""
    """What words were worth in the search; empty where none were on offer."""

    @property
    def described(self) -> dict[str, float | int | str]:
        c_words = self.penalties.c_words
        if c_words is None:
            return {"c": self.penalties.c}
        return {"c": self.penalties.c, "c_words": c_words, "words": self.words}

    def logits(self, examples: Examples) -> Floats:
        # Not `decision_function`: a matrix product may round two equal rows apart, which unties
        # leads that are tied when they are served.
        return np.array(self.served.logits(self.columns.rows(examples)), dtype=np.float64)


def fit_logistic(examples: Examples, budget: Budget, log: WriteLine) -> LogisticPredictor:
    """Fits it on fields; `choices` choose the penalty. Raises DatasetError for a
    split with one class only."""
    prepared = _prepared(examples, _read_fields)
    return _chosen(examples, _search(prepared, budget, log, _of_fields), _read_fields)


def fit_logistic_words(examples: Examples, budget: Budget, log: WriteLine) -> LogisticPredictor:
    """Fits it on fields and words: the penalty of fields is that which is best without words, then
    that of words is chosen. Says what words were worth. Raises DatasetError for a split with one
    class only."""
    prepared = _prepared(examples, _read_words)
    if not any(inputs.words.shape[1] for inputs, _ in prepared):
        return fit_logistic(examples, budget, log)
    without = _search(prepared, budget, lambda line: None, _of_fields)
    c = without.settings.c
    best = _search(prepared, budget, log, lambda share: Penalties(c, _within(LOG10_C_WORDS, share)))
    sentence = words_worth("fields", best.loss, without.loss)
    log(sentence)
    return replace(_chosen(examples, best, _read_words), words=sentence)


def logits_in_folds(examples: Examples, fitted: LogisticPredictor) -> Floats:
    """The logits of the train and validation rows, in their order: each by a regression of the same
    penalties that did not learn from its cluster."""
    rows = examples.of(*TRAIN_AND_VALIDATION)
    read = _read_fields if fitted.penalties.c_words is None else _read_words
    folds = folds_of(rows.cluster, b"logits in folds")
    logits = np.zeros(len(rows))
    for fold in np.unique(folds):
        inside = np.flatnonzero(folds == fold)
        reading, learned = read(rows.take(np.flatnonzero(folds != fold)))
        logits[inside] = _fit(learned, fitted.penalties).logits(_inputs(reading, rows.take(inside)))
    return logits


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a regression reads, fitted on some examples."""

    table: TableColumns
    encoding: Encoding
    bag: BagOfWords

    def fields(self, examples: Examples) -> Floats:
        return self.encoding.rows(self.table.rows(examples))


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Encoded fields and weighed words of some examples."""

    examples: Examples
    encoding: Encoding
    fields: Floats
    words: csr_matrix


@dataclass(frozen=True, slots=True)
class _Coefficients:
    fields: Floats
    words: Floats | None
    intercept: float

    def logits(self, inputs: _Inputs) -> Floats:
        said = 0.0 if self.words is None else inputs.words @ self.words
        logits: Floats = inputs.fields @ self.fields + said + self.intercept
        return logits


ReadInputs = Callable[[Examples], tuple[_Reading, _Inputs]]
Prepared = list[tuple[_Inputs, _Inputs]]
"""What to learn from and what chooses, of each of `choices`."""


def _prepared(examples: Examples, read: ReadInputs) -> Prepared:
    check_classes(examples, *TRAIN_AND_VALIDATION)
    prepared = []
    for learned, chooses in choices(examples):
        reading, inputs = read(learned)
        prepared.append((inputs, _inputs(reading, chooses)))
    return prepared


def _read_fields(examples: Examples) -> tuple[_Reading, _Inputs]:
    return _read(examples, no_words(examples))


def _read_words(examples: Examples) -> tuple[_Reading, _Inputs]:
    return _read(examples, fit_words(examples))


def _read(examples: Examples, bag: BagOfWords) -> tuple[_Reading, _Inputs]:
    table = fit_field_table(examples)
    rows = table.rows(examples)
    encoding = fit_encoding(rows, table.kinds)
    inputs = _Inputs(examples, encoding, encoding.rows(rows), bag.matrix)
    return _Reading(table, encoding, bag), inputs


def _inputs(reading: _Reading, examples: Examples) -> _Inputs:
    return _Inputs(
        examples, reading.encoding, reading.fields(examples), reading.bag.weighed(examples)
    )


def _of_fields(share: float) -> Penalties:
    return Penalties(_within(LOG10_C, share))


def _within(log10: tuple[float, float], share: float) -> float:
    return float(10 ** (log10[0] + share * (log10[1] - log10[0])))


def _search(
    prepared: Prepared, budget: Budget, log: WriteLine, penalties_at: Callable[[float], Penalties]
) -> Trial[Penalties]:
    """Tries one draw of each of as many equal parts of the range as there are trials: a few draws
    from all of it may all lie at one end."""
    rng = budget.rng()
    chooses = [rows.examples for _, rows in prepared]
    labels = np.concatenate([labels_of(rows) for rows in chooses])
    weights = np.concatenate([rows.weight for rows in chooses])

    def run(number: int) -> Trial[Penalties]:
        penalties = penalties_at((number + rng.random()) / budget.n_trials)
        logits = [_fit(learned, penalties).logits(rows) for learned, rows in prepared]
        return Trial(log_loss(np.concatenate(logits), labels, weights), penalties)

    return search(run, budget.n_trials, log)


def _chosen(examples: Examples, best: Trial[Penalties], read: ReadInputs) -> LogisticPredictor:
    """Fits the penalties of `best` twice: on train and validation, for the logits to calibrate, and
    on the calibration rows, too, to keep."""
    early, inputs = read(examples.of(*TRAIN_AND_VALIDATION))
    calibration = _inputs(early, examples.of(Split.CALIBRATE))
    held_out = _fit(inputs, best.settings).logits(calibration)
    reading, whole = read(examples.of(*BEFORE_TEST))
    kept = _fit(whole, best.settings)
    words = None if kept.words is None else reading.bag.projected(kept.words[None, :], [0.0])
    columns = replace(reading.table, columns=Columns(reading.table.columns.own, None, words))
    n_plain = 0 if words is None else 1
    served = LinearModel(
        encoding=reading.encoding,
        n_plain=n_plain,
        weights=(*kept.fields.tolist(), *(1.0,) * n_plain),
        intercept=kept.intercept,
    )
    return LogisticPredictor(columns, served, best.settings, held_out, best.loss)


def _average_where_unseen(coefficients: Floats, inputs: _Inputs) -> Floats:
    """Where no lead had a column unknown, unknown is worth what the column is worth on average. A
    regression leaves it 0, as far from what is known as the penalty likes; but it is what a reason
    compares a lead with."""
    weights = inputs.examples.weight
    worth = coefficients.copy()
    for place, unknown in inputs.encoding.places:
        if not inputs.fields[:, unknown].any():
            average = np.average(inputs.fields[:, place] @ coefficients[place], weights=weights)
            worth[unknown] = float(average)
    return worth


def _fit(inputs: _Inputs, penalties: Penalties) -> _Coefficients:
    """Fits one choice of penalties. Weights undo the sampling of negatives but keep the effective
    number of rows, against which the penalties are balanced."""
    labels, weights = inputs.examples.label, inputs.examples.weight / inputs.examples.weight.mean()
    if penalties.c_words is None:
        model = LogisticRegression(C=penalties.c, max_iter=MAX_STEPS)
        model.fit(inputs.fields, labels, weights)
        fields = _average_where_unseen(model.coef_[0], inputs)
        return _Coefficients(fields, None, float(model.intercept_[0]))
    # One penalty for all and fields on another scale are the same as a penalty for each.
    scale = math.sqrt(penalties.c / penalties.c_words)
    matrix = hstack([csr_matrix(inputs.fields * scale), inputs.words]).tocsr()
    model = LogisticRegression(C=penalties.c_words, max_iter=MAX_STEPS)
    model.fit(matrix, labels, weights)
    n = inputs.fields.shape[1]
    fields = _average_where_unseen(model.coef_[0, :n] * scale, inputs)
    return _Coefficients(fields, model.coef_[0, n:], float(model.intercept_[0]))

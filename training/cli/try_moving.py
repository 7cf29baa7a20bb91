"""Which parts of what a model reads move its scores: a column that no tree asks for, or whose
weight is nothing, is read and does not count. `asllr try` names them.
"""

from __future__ import annotations

import numpy as np

from scoring.columns.columns import WORDS
from scoring.columns.encoding import Rows
from scoring.floats import Floats
from scoring.lead.state import PROFILE
from scoring.prompt.declaration import Feature
from scoring.prompt.field_values import register_of
from training.baselines.baseline import Predictor
from training.baselines.columns.table import TableColumns
from training.baselines.logistic import LogisticPredictor
from training.baselines.tree import TreePredictor
from training.dataset.example import Examples

LEAST = 0.01
"""In logits, at most a quarter of a point of a percent: less is not seen on any list."""

N_ROWS = 1_000


def moving_parts(model: Predictor, examples: Examples) -> frozenset[str]:
    """The profile fields by name, the codes, COUNTS and WORDS that tell leads apart: the logit is
    changed by hiding one, for some of the examples by LEAST more than for others. Empty for a model
    that is not served by a table.
    Of a model of two columns and words, say `frozenset({"Trade", "words"})`."""
    match model:
        case TreePredictor(columns=TableColumns() as table):
            pass
        case LogisticPredictor(columns=table):
            pass
        case _:
            return frozenset()
    at = np.linspace(0, len(examples) - 1, min(N_ROWS, len(examples))).astype(np.intp)
    rows = table.rows(examples.take(np.unique(at)))
    names = np.array([*map(_field_of, table.features), *table.columns.part_names])
    seen = _logits(model, rows)
    return frozenset(
        name
        for name in sorted({*names.tolist()} - {""})
        if np.ptp(seen - _logits(model, _without(table, rows, names == name, name))) > LEAST
    )


def _field_of(feature: Feature) -> str:
    """The profile field that a feature is of; empty for one of something else."""
    register = register_of(feature) or ""
    return register.removeprefix(PROFILE) if register.startswith(PROFILE) else ""


def _without(table: TableColumns, rows: Rows, hidden: np.ndarray, name: str) -> Rows:
    without = rows.copy()
    words = table.columns.words
    without[:, hidden] = words.bias if name == WORDS and words is not None else np.nan
    return without


def _logits(model: TreePredictor | LogisticPredictor, rows: Rows) -> Floats:
    if isinstance(model, TreePredictor):
        return model.tree.logits(rows)
    return np.array(model.served.logits(rows), dtype=np.float64)

"""The columns of fields and counts of rows that were computed before: several models and their
folds read the same rows, mostly by the same columns."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

import numpy as np

from scoring.columns.aggregates import Aggregates
from scoring.columns.columns import Columns
from scoring.columns.encoding import Rows
from scoring.columns.own_fields import OwnFields
from training.dataset.example import Examples

MAX_BYTES = 256_000_000
"""Of the rows that are remembered, those of the columns that were asked for last."""

RowKey = tuple[bytes, int]
"""A digest of the state, and the moment."""

ColumnsKey = tuple[OwnFields, Aggregates | None, str]
"""What is read, and how: the id of the rendering."""

_rows_of: OrderedDict[ColumnsKey, dict[RowKey, Rows]] = OrderedDict()


def known_rows(columns: Columns, examples: Examples) -> Rows:
    """(n, len(columns)) of columns without words: `columns.row` of each row as it is served."""
    known = _of_columns(columns, examples.rendering.prompt_id)
    digests = {state: blake2b(state, digest_size=16).digest() for state in {*examples.state}}
    keys = [
        (digests[state], as_of_ms)
        for state, as_of_ms in zip(examples.state, examples.as_of_ms.tolist(), strict=True)
    ]
    missing = np.array([at for at, key in enumerate(keys) if key not in known], dtype=np.int64)
    for at, (history, as_of_ms) in zip(missing, examples.take(missing).as_served(), strict=True):
        known[keys[at]] = columns.row(history, as_of_ms)
    rows = np.array([known[key] for key in keys], dtype=np.float32)
    _forget_oldest()
    return rows.reshape(len(examples), len(columns))


def _of_columns(columns: Columns, prompt_id: str) -> dict[RowKey, Rows]:
    key = (columns.own, columns.aggregates, prompt_id)
    rows = _rows_of.pop(key, {})
    _rows_of[key] = rows
    return rows


def _forget_oldest() -> None:
    sizes = [sum(row.nbytes for row in rows.values()) for rows in _rows_of.values()]
    total = sum(sizes)
    for size in sizes:
        if total <= MAX_BYTES:
            return
        _rows_of.popitem(last=False)
        total -= size

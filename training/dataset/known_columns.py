"""Everything that was known of a lead at `as_of`, as columns by name.

The features, and the profile fields, stage, queue and wrap-up codes that the state holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoring.lead.state import PROFILE, LeadState, Value
from training.dataset.example import Examples

Column = list[Value]

MAX_COLUMNS = 2_000
"""Of profile fields and codes together."""


def known_columns(examples: Examples) -> dict[str, Column]:
    """Name -> one value for each row, None where unknown; a code is True where it was noted."""
    columns: dict[str, Column] = {
        feature.name: [None if value != value else value for value in values.tolist()]
        for feature, values in zip(examples.rendering.features, examples.features.T, strict=True)
    }
    columns["queue"] = examples.queue.tolist()
    return columns | profile_columns(examples.states)


def profile_columns(states: Sequence[LeadState]) -> dict[str, Column]:
    """The columns `profile.<field>` and `code <code>`, in the order of their names: the MAX_COLUMNS
    that most rows have, since a source that invents names would make a column of each."""
    n = len(states)
    cells = _cells(states)
    columns: dict[str, Column] = {}
    for name in sorted(_by_rows(cells)[:MAX_COLUMNS]):
        columns[name] = [None] * n
        for row, value in cells[name]:
            columns[name][row] = value
    return columns


def columns_left_out(states: Sequence[LeadState]) -> list[str]:
    """The names that are no column, those of most rows first."""
    return _by_rows(_cells(states))[MAX_COLUMNS:]


FieldCells = dict[str, list[tuple[int, Value]]]
"""Name -> (row, value)."""


def _cells(states: Sequence[LeadState]) -> FieldCells:
    cells: FieldCells = {}
    for row, state in enumerate(states):
        for patch in state.registers:
            for name, value in patch.values.items():
                if name.startswith(PROFILE):
                    cells.setdefault(name, []).append((row, value))
        for code in {code: None for fact in state.facts for code in fact.codes}:
            cells.setdefault(f"code {code}", []).append((row, True))
    return cells


def _by_rows(cells: FieldCells) -> list[str]:
    return sorted(cells, key=lambda name: (-len(cells[name]), name))

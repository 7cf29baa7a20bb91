"""Everything that was known of a lead at `as_of`, as columns by name.

The features, and the profile fields, stage, queue and wrap-up codes that the state holds.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoring.lead.state import PROFILE, LeadState, Value
from training.dataset.example import Examples

Column = list[Value]


def known_columns(examples: Examples) -> dict[str, Column]:
    """Name -> one value for each row, None where unknown; a code is True where it was noted."""
    columns: dict[str, Column] = {
        feature.name: [None if value != value else value for value in values.tolist()]
        for feature, values in zip(examples.rendering.features, examples.features.T, strict=True)
    }
    columns["queue"] = examples.queue.tolist()
    return columns | profile_columns(examples.states)


def profile_columns(states: Sequence[LeadState]) -> dict[str, Column]:
    """The columns `profile.<field>` and `code <code>`, in the order of their names."""
    n = len(states)
    columns: dict[str, Column] = {}
    for row, state in enumerate(states):
        for patch in state.registers:
            for name, value in patch.values.items():
                if name.startswith(PROFILE):
                    columns.setdefault(name, [None] * n)[row] = value
        for fact in state.facts:
            for code in fact.codes:
                columns.setdefault(f"code {code}", [None] * n)[row] = True
    return {name: columns[name] for name in sorted(columns)}

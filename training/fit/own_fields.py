"""Which own fields a language model reads, and in which order: what tells most of the outcome
first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.columns.own_fields import OwnField
from scoring.domain.model import MAX_OWN_FIELDS
from scoring.floats import Floats
from scoring.lead.state import PROFILE, Value
from scoring.prompt.rendering import Rendering, newest_rendering
from scoring.report.progress import WriteLine
from training.baselines.columns.own_fields import fit_field, own_values
from training.dataset.example import Examples
from training.dataset.manifest import Split

N_BINS = 8
"""Of numbers and ages; each has as many rows as the others."""

SURE = 2.0
"""Standard deviations of what chance gives that a field's information has to exceed."""

MAX_NAMED = 20


def with_own_fields(examples: Examples, rendering: Rendering, log: WriteLine) -> Rendering:
    """The rendering whose prompts read the own fields of the training rows: of `auto`, too, which
    only as it ships stays with the renderer that reads none."""
    order = own_field_order(examples.of(Split.FIT))
    if not order:
        return rendering
    named = ", ".join(order[:MAX_NAMED]) + (", …" if len(order) > MAX_NAMED else "")
    log(f"fit: own fields, what tells most first: {named}")
    return newest_rendering(rendering.domain.model_copy(update={"own_fields": order}))


def own_field_order(examples: Examples) -> tuple[str, ...]:
    """The own fields of `examples` by their information on the label, then by how many rows have
    one. A text of which every value is rare tells nothing as a value and may tell much in words, so
    it comes last and is not left out; a field that is the same in all rows is."""
    values = {
        name: counts for name, counts in own_values(examples).items() if name.startswith(PROFILE)
    }
    columns: dict[str, list[Value]] = {name: [] for name in values}
    for state in examples.states:
        registers = state.values()
        for name, column in columns.items():
            column.append(registers.get(name))
    keys = {}
    for name, counts in values.items():
        levels = _levels(fit_field(name, counts), columns[name], examples.as_of_ms)
        if len(counts) > 1 or counts.total() < len(examples):
            keys[name] = (-information(levels, examples), -counts.total(), name)
    ordered = sorted(keys, key=keys.__getitem__)[:MAX_OWN_FIELDS]
    return tuple(name.removeprefix(PROFILE) for name in ordered)


def information(levels: NDArray[np.int64], examples: Examples) -> float:
    """How much `levels` (a number for each row) tell of the label, in nats: their mutual
    information less what chance gives at most, and 0 where that is more. A lead of many rows counts
    once, since its rows repeat its fields.

    Chance: without any connection, twice the number of leads times the plug-in estimate is
    chi-square of (levels - 1) degrees of freedom: G. A. Miller, Note on the Bias of Information
    Estimates, in Information Theory in Psychology, 1955.
    """
    _, cluster, sizes = np.unique(examples.cluster, return_inverse=True, return_counts=True)
    weights: Floats = 1.0 / sizes[cluster]
    n = len(sizes)
    joint = np.zeros((int(levels.max(initial=0)) + 1, 2))
    np.add.at(joint, (levels, examples.label.astype(np.int64)), weights / n)
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    is_met = joint > 0
    found = float(np.sum(joint[is_met] * np.log(joint[is_met] / alone[is_met])))
    freedom = len(joint) - 1
    by_chance = (freedom + SURE * np.sqrt(2 * freedom)) / (2 * n)
    return max(0.0, found - float(by_chance))


def _levels(field: OwnField, column: list[Value], as_of_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each row, the same where the field is: in the same bin, of the same value, or
    unknown."""
    read = np.array(
        [[*field.numbers(value, int(at))] for value, at in zip(column, as_of_ms, strict=True)]
    ).reshape(len(column), -1)
    is_told = np.array([value is not None for value in column]).reshape(-1, 1)
    codes = np.hstack([is_told, *(_bins(one).reshape(-1, 1) for one in read.T)])
    _, levels = np.unique(codes, axis=0, return_inverse=True)
    return levels.reshape(-1).astype(np.int64)


def _bins(numbers: Floats) -> NDArray[np.int64]:
    """0 = unknown."""
    bins = np.zeros(len(numbers), dtype=np.int64)
    is_known = ~np.isnan(numbers)
    known = numbers[is_known]
    if len(known):
        cuts = np.unique(np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1]))
        bins[is_known] = 1 + np.searchsorted(cuts, known, side="left")
    return bins

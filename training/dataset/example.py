"""The examples of a dataset: one row is one lead at one moment, with what came after it.

A model may read `state`, `features`, `stage` and `queue`: they were known at `as_of`. The other
columns were not, or say nothing of the lead. `training.dataset.folder` reads and writes them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from scoring.columns.columns import NO_COLUMNS, Columns
from scoring.engine import EngineInput
from scoring.lead.history import LeadHistory, history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import from_bytes, hash_of
from scoring.prompt.edges import TimeEdges
from scoring.prompt.features import feature_vector
from scoring.prompt.prompt import PromptSpec, build_prompt
from scoring.prompt.rendering import Rendering
from scoring.score import prepare
from training.dataset.ladder import Ladder, ladder_of
from training.dataset.manifest import Split

WHOLE = 1_000_000
"""A budget of more characters than any lead has."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row. `state`: canonical bytes at `as_of_ms`. `reached`: marks of what came after, see
    `training.dataset.ladder`. `weight`: 1 / the rate at which rows of this
    label were kept. `true_probability` and `codes` (NaN = outside the quality sample) are known of
    simulated leads only. `cluster`: what a bootstrap draws as one unit."""

    tenant: str
    lead: str
    as_of_ms: int
    split: Split
    state: bytes
    features: NDArray[np.float32]
    label: int
    reached: frozenset[str]
    stage: str
    queue: str
    outcome_at_ms: int | None
    cluster: str
    weight: float = 1.0
    true_probability: float | None = None
    codes: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class States(Sequence[LeadState]):
    """States that are decoded one by one, when they are asked for."""

    encoded: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.encoded)

    @overload
    def __getitem__(self, index: int) -> LeadState: ...
    @overload
    def __getitem__(self, index: slice) -> States: ...
    def __getitem__(self, index: int | slice) -> LeadState | States:
        if isinstance(index, slice):
            return States(self.encoded[index])
        return from_bytes(self.encoded[index])


@dataclass(frozen=True, slots=True)
class Examples:
    """The rows as columns, in the order of (as_of, tenant, lead), as `rendering` reads them.
    Floats: NaN = unknown, as is a NaT of `outcome_at` (datetime64[ms], UTC). `features`
    (n, n_features), `codes` (n, number of codes, which is 0 without a quality sample). `reached`:
    sorted marks."""

    rendering: Rendering

    tenant: tuple[str, ...]
    lead: tuple[str, ...]
    as_of_ms: NDArray[np.int64]
    split: NDArray[np.str_]
    state: tuple[bytes, ...]
    features: NDArray[np.float32]
    label: NDArray[np.int8]
    reached: tuple[tuple[str, ...], ...]
    stage: NDArray[np.str_]
    queue: NDArray[np.str_]
    outcome_at: NDArray[np.datetime64]
    weight: NDArray[np.float64]
    true_probability: NDArray[np.float64]
    codes: NDArray[np.float32]
    cluster: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.as_of_ms)

    @property
    def ladder(self) -> Ladder:
        return ladder_of(self.rendering.domain)

    @property
    def grade(self) -> NDArray[np.int8]:
        """(n,) how far each lead went, from 0 to `ladder.top`."""
        ladder = self.ladder
        return np.array([ladder.grade(marks) for marks in self.reached], dtype=np.int8)

    @property
    def states(self) -> States:
        return States(self.state)

    @property
    def counted_states(self) -> Iterator[tuple[LeadState, int]]:
        """Each different state, and how many rows have it: between two events of a lead its rows
        have the same."""
        for encoded, n_rows in Counter(self.state).items():
            yield from_bytes(encoded), n_rows

    @property
    def n_who_ordered(self) -> int:
        """The number of clusters with a positive row: several rows of one lead tell of one
        order."""
        return len(np.unique(self.cluster[self.label > 0]))

    @property
    def has_truth(self) -> bool:
        return len(self) > 0 and not np.isnan(self.true_probability).any()

    def of(self, *splits: Split) -> Examples:
        """The rows of `splits`, in the order they have here."""
        return self.take(np.flatnonzero(np.isin(self.split, [split.value for split in splits])))

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """The rows with these numbers, in this order."""
        taken: dict[str, Any] = {}
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, Rendering):
                taken[field.name] = column
            elif isinstance(column, tuple):
                taken[field.name] = tuple(column[row] for row in rows)
            else:
                taken[field.name] = column[rows]
        return Examples(**taken)

    def prompt_of(self, row: int) -> str:
        """The whole prompt of a row, for people: not cut for any model's budget."""
        history, spec = history_of(self.states[row]), PromptSpec(self.rendering, WHOLE, len)
        return build_prompt(history, int(self.as_of_ms[row]), spec)

    def inputs(self, spec: PromptSpec, columns: Columns = NO_COLUMNS) -> Iterator[EngineInput]:
        """What an engine with this token budget and these columns reads of each row, by the
        function that serving calls."""
        for history, as_of_ms in self.as_served(spec.rendering):
            yield prepare(history, as_of_ms, spec, columns)

    def as_served(self, rendering: Rendering | None = None) -> Iterator[tuple[LeadHistory, int]]:
        """Each row's lead, and the moment at which serving would have read it: the last that
        changed anything by `rendering` (default: the rows' own). A list keeps a score until the
        next, so hours and days since something stand still until then."""
        by = rendering or self.rendering
        for state, as_of_ms in zip(self.states, self.as_of_ms, strict=True):
            history = history_of(state)
            yield history, _served_ms(history, int(as_of_ms), by)


MAX_REMEMBERED = 65_536
"""States whose edges are remembered, those that were asked for last: about a kilobyte each."""

_edges_of: OrderedDict[tuple[str, str], TimeEdges] = OrderedDict()


def _served_ms(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> int:
    """As `scoring.prompt.edges.as_of`: the rows of a lead between two events share their edges."""
    key = rendering.prompt_id, hash_of(history.state)
    found = _edges_of.pop(key, None) or TimeEdges.of(history, rendering)
    _edges_of[key] = found
    if len(_edges_of) > MAX_REMEMBERED:
        _edges_of.popitem(last=False)
    return found.as_of(as_of_ms)


def features_of_rows(
    states: Sequence[bytes], as_of_ms: Iterable[int], rendering: Rendering
) -> NDArray[np.float32]:
    """(n, n_features): the table, as serving computes it."""
    rows = [
        feature_vector(history_of(from_bytes(state)), int(at_ms), rendering)
        for state, at_ms in zip(states, as_of_ms, strict=True)
    ]
    return np.array(rows, dtype=np.float32).reshape(len(states), len(rendering.features))


def columns_of(rows: Iterable[Example], rendering: Rendering, n_codes: int = 0) -> Examples:
    """Puts rows in the order of a dataset, as columns. `rendering`: that of their features."""
    ordered = sorted(rows, key=lambda row: (row.as_of_ms, row.tenant, row.lead))
    unknown = np.full(n_codes, np.nan, dtype=np.float32)
    codes = [unknown if row.codes is None else row.codes for row in ordered]
    features = [row.features for row in ordered]
    truths = [np.nan if row.true_probability is None else row.true_probability for row in ordered]
    return Examples(
        rendering=rendering,
        tenant=tuple(row.tenant for row in ordered),
        lead=tuple(row.lead for row in ordered),
        as_of_ms=np.array([row.as_of_ms for row in ordered], dtype=np.int64),
        split=_texts(row.split.value for row in ordered),
        state=tuple(row.state for row in ordered),
        features=np.array(features, dtype=np.float32).reshape(
            len(ordered), len(rendering.features)
        ),
        label=np.array([row.label for row in ordered], dtype=np.int8),
        reached=tuple(tuple(sorted(row.reached)) for row in ordered),
        stage=_texts(row.stage for row in ordered),
        queue=_texts(row.queue for row in ordered),
        outcome_at=np.array([row.outcome_at_ms for row in ordered], dtype="datetime64[ms]"),
        weight=np.array([row.weight for row in ordered], dtype=np.float64),
        true_probability=np.array(truths, dtype=np.float64),
        codes=np.array(codes, dtype=np.float32).reshape(len(ordered), n_codes),
        cluster=_texts(row.cluster for row in ordered),
    )


def _texts(values: Iterable[str]) -> NDArray[np.str_]:
    return np.array(list(values), dtype=np.str_)

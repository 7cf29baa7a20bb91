"""The plan of a dataset: everything a user may choose, and the defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from schemas.ids import LeadKey
from schemas.timestamps import DAY_MS
from scoring.prompt.rendering import Rendering, first_rendering
from training.dataset.cluster import LEAD
from training.dataset.log import KnownAt
from training.dataset.manifest import Maturity, SplitBy
from training.dataset.policy import Every, MomentPolicy
from training.dataset.split import SHARES, Shares

MAX_SILENT_DAYS = 90.0
"""The longest that any feature looks back. After that a row repeats itself, and silent leads that
nobody closed would fill a dataset."""


@dataclass(frozen=True, slots=True)
class DatasetPlan:
    """How a log becomes examples. `embargo_days` None: as long as the horizon. `cluster`: what a
    bootstrap draws as one unit, and what stays in one split: the value of this field (see
    `training.dataset.cluster`), or of a function of the lead's key."""

    name: str
    policy: MomentPolicy = field(default_factory=lambda: Every(7))
    seed: int = 0
    silent_days: float = MAX_SILENT_DAYS
    """A lead that was silent for longer gets no row."""
    rendering: Rendering = field(default_factory=first_rendering)
    """How the table is computed; the rows themselves know no domain."""
    horizon_days: int = field(default_factory=lambda: first_rendering().domain.horizon_days)
    embargo_days: float | None = None
    shares: Shares = SHARES
    negative_rate: float = 1.0
    known_at: KnownAt = KnownAt.INGESTED
    maturity: Maturity = Maturity.HORIZON
    complete_until_ms: int | None = None
    """The log holds everything that happened before this time, though its last event is older; None
    where nothing is known beyond the last event."""
    split_by: SplitBy = SplitBy.TIME
    cluster: str | Callable[[LeadKey], str] = LEAD
    undated: Mapping[LeadKey, bool] | None = None
    """Who was won, where outcomes have no date (Maturity.UNDATED)."""
    max_rows: int = 5_000_000
    """A row takes some kilobytes of memory."""

    @property
    def horizon_ms(self) -> int:
        return self.horizon_days * DAY_MS

    @property
    def embargo_ms(self) -> int:
        days = self.horizon_days if self.embargo_days is None else self.embargo_days
        return int(days * DAY_MS)

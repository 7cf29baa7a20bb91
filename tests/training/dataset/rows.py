"""Rows of a dataset, small and whole, for the tests of everything that reads one."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from schemas.events import LeadUpserted
from schemas.timestamps import EPOCH, from_ms
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import first_rendering
from training.dataset.example import Example
from training.dataset.manifest import DatasetManifest, Split

AUTO = first_rendering()

DAY_MS = 86_400_000
START_MS = 1_767_600_000_000

REACHED: tuple[frozenset[str], ...] = (
    frozenset(),
    *(frozenset({f"stage:{word}"}) for word in ("contacted", "visit", "test_drive", "quote")),
    frozenset({"won"}),
)
"""What a lead of each grade of `auto` reached."""


def row(number: int, split: Split = Split.FIT, **fields: object) -> Example:
    """Lead `number`, asked about `number` days after START_MS."""
    as_of_ms = START_MS + number * DAY_MS
    event = LeadUpserted(
        id="e",
        source="crm",
        tenant="acme",
        lead=f"l-{number}",
        occurred_at=from_ms(as_of_ms),
        profile={"age_band": "forties"},
        queue="north",
    )
    state = fold([event])
    known: dict[str, object] = {
        "tenant": "acme",
        "lead": f"l-{number}",
        "as_of_ms": as_of_ms,
        "split": split,
        "state": to_bytes(state),
        "features": feature_vector(history_of(state), as_of_ms, AUTO),
        "label": number % 2,
        "reached": REACHED[5 * (number % 2)],
        "stage": "new",
        "queue": "north",
        "outcome_at_ms": as_of_ms + DAY_MS if number % 2 else None,
        "cluster": f"acme/l-{number}",
    }
    return Example(**(known | fields))


def manifest(**fields: object) -> DatasetManifest:
    border = EPOCH + timedelta(days=1)
    known: dict[str, object] = {
        "name": "rows",
        "sources": (),
        "label": "order within 14 days",
        "horizon_days": 14,
        "embargo_days": 14,
        "as_of_policy": "every-7d",
        "seed": 0,
        "borders": (border, border, border),
    }
    return DatasetManifest(**(known | fields))


def codes(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)

"""Drafts of examples: a lead at one moment of the past with its outcome, before it is a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.ids import LeadKey
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import from_bytes
from scoring.prompt.declaration import UNKNOWN
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import Rendering
from training.dataset.example import Example
from training.dataset.manifest import Split
from training.dataset.outcome import Label


@dataclass(frozen=True, slots=True)
class ExampleDraft:
    """A lead at one moment. `state`: its canonical bytes at `as_of_ms`; `queue`: where it is listed
    then. `stands_for`: how many rows it counts as."""

    key: LeadKey
    as_of_ms: int
    state: bytes
    queue: str
    outcome: Label
    cluster: str
    stands_for: float = 1.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a simulated lead only: the true probability of an order, and the codes."""

    probability: float
    codes: NDArray[np.float32]


def read_draft(
    draft: ExampleDraft,
    split: Split,
    weight: float,
    rendering: Rendering,
    truth: Truth | None = None,
) -> Example:
    """Turns a draft into a row: what serving reads of the state, and what became of the lead."""
    state = from_bytes(draft.state)
    return Example(
        tenant=draft.key.tenant,
        lead=draft.key.lead,
        as_of_ms=draft.as_of_ms,
        split=split,
        state=draft.state,
        features=feature_vector(history_of(state), draft.as_of_ms, rendering),
        label=draft.outcome.label,
        reached=draft.outcome.reached,
        stage=stage_of(state),
        queue=draft.queue,
        outcome_at_ms=draft.outcome.order_ms,
        cluster=draft.cluster,
        weight=weight,
        true_probability=truth.probability if truth else None,
        codes=truth.codes if truth else None,
    )


def stage_of(state: LeadState) -> str:
    """The lead's stage, where somebody reported one."""
    return str(state.value("stage") or UNKNOWN)

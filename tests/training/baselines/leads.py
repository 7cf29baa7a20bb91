"""A small dataset with enough orders to learn from: simulated leads, every label drawn anew from
the true probability raised to about a third."""

from __future__ import annotations

from functools import cache

import numpy as np

from schemas.timestamps import to_ms
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import first_rendering
from tests.training.dataset.rows import REACHED
from training.dataset.example import Example, Examples, columns_of
from training.dataset.manifest import Split
from training.simulator.emit import SimulatedLead, simulate_leads

AUTO = first_rendering()

RAISED_LOGIT = 3.5
SHARES = ((0.55, Split.FIT), (0.75, Split.JUDGE), (0.85, Split.CALIBRATE), (1.0, Split.TEST))
N_CODES = 2


@cache
def leads(n: int, seed: int = 5) -> Examples:
    """`true_probability` is the raised one; `codes` are two coins that the stances weigh, known of
    half the leads."""
    rng = np.random.default_rng(seed)
    ordered = sorted(simulate_leads(seed, n), key=lambda lead: lead.as_of)
    rows = [_row(lead, i / n, rng) for i, lead in enumerate(ordered)]
    return columns_of(rows, AUTO, N_CODES)


def _row(lead: SimulatedLead, share: float, rng: np.random.Generator) -> Example:
    state, as_of_ms = fold(lead.history), to_ms(lead.as_of)
    logit = np.log(lead.probability / (1 - lead.probability)) + RAISED_LOGIT
    probability = float(1 / (1 + np.exp(-logit)))
    label = int(rng.random() < probability)
    stances = sorted(stance.value for stance in lead.stances.values())
    coded = np.array(["pro" in stances, "contra" in stances], dtype=np.float32)
    is_known = rng.random() < 0.5
    return Example(
        tenant="acme",
        lead=lead.lead,
        as_of_ms=as_of_ms,
        split=next(split for border, split in SHARES if share < border),
        state=to_bytes(state),
        features=feature_vector(history_of(state), as_of_ms, AUTO),
        label=label,
        reached=REACHED[5] if label else REACHED[int(rng.integers(0, 4))],
        stage=str(state.value("stage") or ""),
        queue=str(state.value("queue") or ""),
        outcome_at_ms=as_of_ms + 1 if label else None,
        cluster=f"acme/{lead.lead}",
        true_probability=probability,
        codes=coded if is_known else None,
    )

"""Finds the leads that a model was most wrong about: where a person should look first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.metrics.metrics import log_losses
from training.dataset.example import Examples
from training.evaluation.judged import JudgedRows, Scored

N_WORST = 5


@dataclass(frozen=True, slots=True)
class WorstLead:
    """One of them. `truth`: NaN where unknown. `prompt` holds what customers said."""

    lead: str
    queue: str
    stage: str
    label: int
    probability: float
    truth: float
    prompt: str


def worst_leads(examples: Examples, judged: JudgedRows, model: Scored) -> list[WorstLead]:
    """The N_WORST orders that were missed, then the N_WORST leads that were called for nothing, by
    log loss."""
    losses = log_losses(model.probabilities, judged.labels)
    chosen: list[int] = []
    for label in (1.0, 0.0):
        rows = np.flatnonzero(judged.labels == label)
        chosen += rows[np.argsort(-losses[rows], kind="stable")][:N_WORST].tolist()
    return [
        WorstLead(
            lead=f"{examples.tenant[row]}/{examples.lead[row]}",
            queue=str(examples.queue[row]),
            stage=str(examples.stage[row]),
            label=int(examples.label[row]),
            probability=float(model.probabilities[row]),
            truth=float(judged.truth[row]),
            prompt=examples.prompt_of(row),
        )
        for row in chosen
    ]

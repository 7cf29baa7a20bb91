"""Batches of leads for the three heads: prompts only; the answer is a target.

No token after the marker is in the batch, so no state can have read the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from training.model.samples import Sample, width_of


@dataclass(frozen=True, slots=True)
class LeadBatch:
    """One batch. `input_ids` (batch, width), padded on the right, where a causal model never looks.
    Each of the others is (batch,): `markers` the index of the answer marker's last token, `answers`
    the token that should follow it, `labels` 0 or 1, `grades` of the funnel ladder, `counts` how
    much each counts for the probability, 0 for guests, which only take part in pairs. `spoken`
    (batch, width): each token's share in the mean over the customer's words; None where nobody
    asks."""

    input_ids: torch.Tensor
    markers: torch.Tensor
    answers: torch.Tensor
    labels: torch.Tensor
    grades: torch.Tensor
    counts: torch.Tensor
    spoken: torch.Tensor | None = None

    def to(self, device: torch.device) -> LeadBatch:
        return LeadBatch(
            self.input_ids.to(device),
            self.markers.to(device),
            self.answers.to(device),
            self.labels.to(device),
            self.grades.to(device),
            self.counts.to(device),
            None if self.spoken is None else self.spoken.to(device),
        )


def collate_leads(samples: Sequence[Sample], pad_id: int, n_guests: int = 0) -> LeadBatch:
    """Puts samples into a batch. Every sample has a label and an answer, of which the first token
    is the target. The last `n_guests` are guests."""
    width = width_of(max(len(sample.prompt) for sample in samples))
    input_ids = np.full((len(samples), width), pad_id, dtype=np.int64)
    for row, sample in enumerate(samples):
        input_ids[row, : len(sample.prompt)] = sample.prompt
    counts = np.array([sample.weight for sample in samples], dtype=np.float32)
    counts[len(samples) - n_guests :] = 0.0
    return LeadBatch(
        input_ids=torch.from_numpy(input_ids),
        markers=torch.tensor([len(sample.prompt) - 1 for sample in samples]),
        answers=torch.tensor([int(sample.answer[0]) for sample in samples]),
        labels=torch.tensor([float(sample.label or 0) for sample in samples]),
        grades=torch.tensor([sample.grade for sample in samples]),
        counts=torch.from_numpy(counts),
        spoken=_spoken(samples, width),
    )


def _spoken(samples: Sequence[Sample], width: int) -> torch.Tensor | None:
    if all(sample.spoken is None for sample in samples):
        return None
    shares = np.zeros((len(samples), width), dtype=np.float32)
    for row, sample in zip(shares, samples, strict=True):
        if sample.spoken is not None:
            row[: len(sample.spoken)] = sample.spoken
    return torch.from_numpy(shares)

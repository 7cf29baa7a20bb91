"""Reads a model without training it: marker states, its own Yes and No, its loss on text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch.nn import functional

from scoring.engines.readout import Readout
from scoring.floats import Floats
from training.model.batch import LeadBatch, collate_leads
from training.model.heads import autocast, causal_of, marked_states, vocabulary_of
from training.model.layers import read_states
from training.model.losses import final_states
from training.model.samples import Sample, width_of
from training.model.settings import Precision

EVAL_BATCH_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the reading this process does; the parts are put together afterwards."""

    rank: int = 0
    n_processes: int = 1


def marker_states(
    model: torch.nn.Module,
    samples: Sequence[Sample],
    pad_id: int,
    *,
    precision: Precision = Precision.BF16,
    share: Share = Share(),  # frozen
) -> NDArray[np.float32]:
    """(n, hidden): the final state of each sample's answer marker, in order."""

    def read(batch: LeadBatch) -> torch.Tensor:
        return marked_states(model, batch.input_ids, batch.markers)

    return _read_in_order(model, samples, pad_id, read, precision, share)


def readout_states(
    model: torch.nn.Module,
    samples: Sequence[Sample],
    pad_id: int,
    readout: Readout,
    *,
    precision: Precision = Precision.BF16,
    share: Share = Share(),  # frozen
) -> NDArray[np.float32]:
    """(n, n_read): what `readout` names of each sample's states, in order."""

    def read(batch: LeadBatch) -> torch.Tensor:
        return read_states(causal_of(model), batch, readout)[0]

    return _read_in_order(model, samples, pad_id, read, precision, share)


def _read_in_order(
    model: torch.nn.Module,
    samples: Sequence[Sample],
    pad_id: int,
    read: Callable[[LeadBatch], torch.Tensor],
    precision: Precision,
    share: Share,
) -> NDArray[np.float32]:
    if not samples:
        raise ValueError("no samples to read")
    model.eval()
    device = next(model.parameters()).device
    parts: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
    for index in _by_width(samples)[share.rank :: share.n_processes]:
        batch = collate_leads([samples[i] for i in index], pad_id).to(device)
        with torch.inference_mode(), autocast(device.type, precision):
            states_read = read(batch)
        parts.append((index, states_read.float().cpu().numpy()))
    if share.n_processes > 1:
        parts = gather_object(parts)
    states = np.empty((len(samples), parts[0][1].shape[1]), dtype=np.float32)
    for index, rows in parts:
        states[index] = rows
    return states


def _by_width(samples: Sequence[Sample]) -> list[NDArray[np.int64]]:
    """Batches of row numbers by padded width: the same for the same samples, in every process."""
    widths = np.array([width_of(len(sample.prompt)) for sample in samples])
    batches: list[NDArray[np.int64]] = []
    for width in np.unique(widths):
        members = np.flatnonzero(widths == width)
        size = max(1, EVAL_BATCH_TOKENS // int(width))
        batches += [members[at : at + size] for at in range(0, len(members), size)]
    return batches


@dataclass(frozen=True, slots=True)
class Answers:
    """The log probabilities, (n,) each, that the model's own vocabulary gives the two answers at
    the marker."""

    log_yes: Floats
    log_no: Floats

    @property
    def logits(self) -> Floats:
        """The logit of Yes against No."""
        return self.log_yes - self.log_no

    @property
    def mass(self) -> Floats:
        """The probability that the model says Yes or No, rather than anything else."""
        return np.exp(self.log_yes) + np.exp(self.log_no)

    def loss(self, labels: Floats) -> float:
        """The QA loss: mean cross-entropy of the right answer."""
        return float(-np.where(labels > 0, self.log_yes, self.log_no).mean())


def answers_at(model: torch.nn.Module, states: NDArray[np.float32], yes: int, no: int) -> Answers:
    """The answers at these marker states, through the LM head, in float32."""
    project = vocabulary_of(model)
    weight = project.weight
    rows: list[NDArray[np.float64]] = []
    size = max(1, EVAL_BATCH_TOKENS * 256 // weight.shape[0])
    with torch.inference_mode():
        for at in range(0, len(states), size):
            chunk = torch.from_numpy(states[at : at + size]).to(weight.device, weight.dtype)
            log_probabilities = torch.log_softmax(project(chunk).float(), dim=-1)
            rows.append(log_probabilities[:, [yes, no]].double().cpu().numpy())
    answer_rows = np.concatenate(rows)
    return Answers(answer_rows[:, 0], answer_rows[:, 1])


def text_loss(
    model: torch.nn.Module,
    texts: Sequence[NDArray[np.int32]],
    precision: Precision = Precision.BF16,
) -> float:
    """Mean next-token cross-entropy, in nats per token, of texts of at least two tokens."""
    model.eval()
    device = next(model.parameters()).device
    total, n = 0.0, 0
    for text in texts:
        ids = torch.from_numpy(text.astype(np.int64))[None, :].to(device)
        with torch.inference_mode(), autocast(device.type, precision):
            states = final_states(causal_of(model), ids)
            logits = vocabulary_of(model)(states[0, :-1])
        loss = functional.cross_entropy(logits.float(), ids[0, 1:], reduction="sum")
        total, n = total + float(loss), n + ids.shape[1] - 1
    if not n:
        raise ValueError("no text of two tokens or more")
    return total / n

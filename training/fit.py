"""The conversion stage: LoRA on a pre-trained base, CTR + QA loss at the answer marker.

The point-wise head starts at the frozen base's own logistic probe, so that the adapter refines a
working reader instead of first destroying it. The newest leads judge; the best check is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch.nn import functional
from transformers import Qwen2ForCausalLM

from training.objective import final_states, token_losses
from training.samples import Batch, Sample, batches_by_width, collate

Floats = NDArray[np.float64]
Log = Callable[[str], None]

LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
EVAL_BATCH_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class FitSettings:
    """Both rates fall in a line to zero at the last batch."""

    rank: int = 16
    dropout: float = 0.1
    n_epochs: int = 1
    checks_per_epoch: int = 4
    batch_tokens: int = 4_096
    adapter_rate: float = 2e-4
    head_rate: float = 5e-5
    qa_weight: float = 0.5
    weight_decay: float = 0.01
    probe_strength: float = 0.02


@dataclass(frozen=True, slots=True)
class Head:
    """The point-wise head: logit = state @ weight + bias."""

    weight: NDArray[np.float32]
    bias: float

    def logits(self, states: NDArray[np.float32]) -> Floats:
        return (states @ self.weight + self.bias).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Fitted:
    model: PeftModel
    head: Head
    losses: tuple[float, ...]
    """Log loss on the newest leads: the probe's, then one per check."""


def marker_states(
    model: torch.nn.Module, samples: Sequence[Sample], pad_id: int
) -> NDArray[np.float32]:
    """(n, hidden): the final state of each marker, in order."""
    lengths = [len(sample) for sample in samples]
    rng = np.random.default_rng(0)
    states: NDArray[np.float32] | None = None
    model.eval()
    for index in batches_by_width(lengths, EVAL_BATCH_TOKENS, rng):
        batch = collate([samples[i] for i in index], pad_id, 0, rng)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            found = final_states(model, batch.input_ids)
        rows = found[torch.arange(len(index)), batch.markers].float().numpy()
        if states is None:
            states = np.zeros((len(samples), rows.shape[1]), dtype=np.float32)
        states[index] = rows
    if states is None:
        raise ValueError("no samples to read")
    return states


def fit_probe(states: NDArray[np.float32], orders: Floats, strength: float) -> Head:
    """Logistic regression on standardised states, folded back into plain weights."""
    mean, std = states.mean(axis=0), states.std(axis=0) + 1e-6
    probe = LogisticRegression(C=strength, max_iter=500).fit((states - mean) / std, orders)
    weight = probe.coef_[0] / std
    return Head(weight.astype(np.float32), float(probe.intercept_[0] - mean @ weight))


def add_lora(base: Qwen2ForCausalLM, settings: FitSettings) -> PeftModel:
    """On every linear layer, the MLP's included."""
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=2 * settings.rank,
        lora_dropout=settings.dropout,
        target_modules=LORA_TARGETS,
        task_type="CAUSAL_LM",
    )
    wrapped = get_peft_model(base, config)
    if not isinstance(wrapped, PeftModel):
        raise TypeError("peft returned a mixed model for one LoRA config")
    return wrapped


def fit(
    base: Qwen2ForCausalLM,
    older: Sequence[Sample],
    newest: Sequence[Sample],
    settings: FitSettings,
    pad_id: int,
    log: Log,
) -> Fitted:
    """Every sample has an `order` and a Yes / No answer. `base` is wrapped in place; seed torch
    first. If no check beats the probe, the adapter stays at zero and the head is the probe."""
    orders = np.array([sample.order for sample in older], dtype=np.float64)
    probe = fit_probe(marker_states(base, older, pad_id), orders, settings.probe_strength)
    model = add_lora(base, settings)
    head = torch.nn.Linear(len(probe.weight), 1)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(probe.weight)[None, :])
        head.bias.fill_(probe.bias)
    parts = _parts(older, settings, n_parts=settings.n_epochs * settings.checks_per_epoch)
    run = _Run(model, head, pad_id, settings, n_steps=sum(map(len, parts)))
    losses = [run.newest_loss(newest)]
    best = losses[0], get_peft_model_state_dict(model, save_embedding_layers=False), probe
    log(f"fit: probe log loss {losses[0]:.5f} on the newest leads")
    for part in parts:
        run.train(part)
        losses.append(run.newest_loss(newest))
        log(f"fit: check {len(losses) - 1} log loss {losses[-1]:.5f}")
        if losses[-1] < best[0]:
            state = get_peft_model_state_dict(model, save_embedding_layers=False)
            best = losses[-1], {k: v.clone() for k, v in state.items()}, run.plain_head()
    set_peft_model_state_dict(model, best[1])
    return Fitted(model, best[2], tuple(losses))


def _parts(
    samples: Sequence[Sample], settings: FitSettings, n_parts: int
) -> list[list[list[Sample]]]:
    """The batches of all epochs, cut into equal parts, one check after each."""
    lengths = [len(sample) for sample in samples]
    batches = [
        [samples[i] for i in index]
        for epoch in range(settings.n_epochs)
        for index in batches_by_width(lengths, settings.batch_tokens, np.random.default_rng(epoch))
    ]
    cuts = np.linspace(0, len(batches), n_parts + 1).astype(int)
    return [batches[a:b] for a, b in pairwise(cuts)]


class _Run:
    """Model, head and optimizer between two checks."""

    def __init__(
        self,
        model: PeftModel,
        head: torch.nn.Linear,
        pad_id: int,
        settings: FitSettings,
        n_steps: int,
    ) -> None:
        self.model, self.head, self.pad_id, self.settings = model, head, pad_id, settings
        self.rng = np.random.default_rng(0)
        adapter = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": adapter, "lr": settings.adapter_rate},
                {"params": head.parameters(), "lr": settings.head_rate},
            ],
            weight_decay=settings.weight_decay,
        )
        self.schedule = torch.optim.lr_scheduler.LinearLR(
            self.optimizer, start_factor=1.0, end_factor=0.0, total_iters=n_steps
        )

    def train(self, batches: list[list[Sample]]) -> None:
        self.model.train()
        for samples in batches:
            batch = collate(samples, self.pad_id, 0, self.rng)
            with torch.autocast("cpu", torch.bfloat16):
                loss = ctr_qa_loss(self.model, self.head, batch, self.settings.qa_weight)
            torch.autograd.backward(loss)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad()

    def plain_head(self) -> Head:
        weight = self.head.weight.detach()[0].numpy().copy()
        return Head(weight, float(self.head.bias.detach()))

    def newest_loss(self, newest: Sequence[Sample]) -> float:
        states = marker_states(self.model.get_base_model(), newest, self.pad_id)
        probability = 1 / (1 + np.exp(-self.plain_head().logits(states)))
        orders = np.array([sample.order for sample in newest])
        return float(log_loss(orders, np.clip(probability, 1e-7, 1 - 1e-7)))


def ctr_qa_loss(
    model: PeftModel, head: torch.nn.Linear, batch: Batch, qa_weight: float
) -> torch.Tensor:
    """Binary cross-entropy of the head at the marker + weight x cross-entropy of the Yes / No."""
    causal = cast("Qwen2ForCausalLM", model.get_base_model())
    states = final_states(causal, batch.input_ids)
    marked = states[torch.arange(len(batch.markers)), batch.markers].float()
    with torch.autocast("cpu", enabled=False):
        ctr = functional.binary_cross_entropy_with_logits(head(marked)[:, 0], batch.orders)
    _, answer = token_losses(causal, states, batch)
    return ctr + qa_weight * answer

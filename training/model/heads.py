"""Three heads on what is read of a lead: point-wise, pair-wise and the model's own.

The model's own reads the state of the answer marker, and so do the others unless a readout names
middle layers. The marker is the last token of the prompt: it has seen the whole lead and nothing of
the answer.
The heads and their losses follow Y. Sun, Y. Liu, J. Song and others, asLLR: LLM based Leads Ranking
in Auto Sales, 2025, arXiv 2510.21713, and, for pairs, C. Zhang and others, Rethinking Sales Lead
Scoring with LLM-based Hierarchical Preference Ranking, 2026, arXiv 2606.04387. The adapter: E. J.
Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, 2021, arXiv 2106.09685.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from scoring.engines.readout import Readout
from scoring.floats import Floats
from training.model.batch import LeadBatch
from training.model.four_bit import is_four_bit, prepare
from training.model.layers import names_of_linear, read_states
from training.model.losses import final_states, pair_loss
from training.model.settings import FitSettings, Precision


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head outside of torch: logit = state @ weight + bias."""

    weight: NDArray[np.float32]
    bias: float

    @classmethod
    def of(cls, linear: nn.Linear) -> Head:
        weight = linear.weight.detach()[0].float().cpu().numpy().copy()
        return cls(weight, float(linear.bias.detach()))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Head:
        return cls(tensors["weight"].numpy(), float(tensors["bias"]))

    @property
    def tensors(self) -> dict[str, Tensor]:
        bias = torch.tensor(self.bias, dtype=torch.float32)
        return {"weight": torch.from_numpy(self.weight), "bias": bias}

    def write_to(self, linear: nn.Linear) -> None:
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(self.weight)[None, :])
            linear.bias.fill_(self.bias)

    def logits(self, states: NDArray[np.float32]) -> Floats:
        return (states @ self.weight + self.bias).astype(np.float64)


class ThreeHeads(nn.Module):
    """The language model `lm` with its adapter, and the two heads of asllr on what `readout` names
    of its states, None the marker's last one. Returns the losses, so that a process group wraps the
    whole computation."""

    def __init__(
        self, lm: PeftModel, settings: FitSettings, readout: Readout | None = None
    ) -> None:
        super().__init__()
        self.lm, self.settings, self.readout = lm, settings, readout
        hidden = causal_of(lm).config.hidden_size
        width = hidden if readout is None else readout.width(hidden)
        self.point, self.pair = nn.Linear(width, 1), nn.Linear(width, 1)
        self.heights = nn.Buffer(torch.tensor(settings.heights), persistent=False)

    def forward(self, batch: LeadBatch) -> dict[str, Tensor]:
        """The losses of a batch: `ctr`, `pair`, `qa`, and `total`, the weighted sum to minimise.
        With a readout `qa` is 0 unless it has a weight: then all layers have to be there."""
        kind, weights = batch.input_ids.device.type, self.settings
        with autocast(kind, weights.precision):
            if self.readout is None:
                read = marked = marked_states(self.lm, batch.input_ids, batch.markers)
            else:
                read, marked = read_states(causal_of(self.lm), batch, self.readout)
            is_asked = self.readout is None or weights.qa_weight > 0
            words = vocabulary_of(self.lm)(marked).float() if is_asked else None
        parts = self.losses(read.float(), words, batch)
        parts["total"] = (
            weights.ctr_weight * parts["ctr"]
            + weights.pair_weight * parts["pair"]
            + weights.qa_weight * parts["qa"]
        )
        return parts

    def losses(self, read: Tensor, words: Tensor | None, batch: LeadBatch) -> dict[str, Tensor]:
        """The three losses. `read` (batch, n_read), `words` (batch, vocabulary), both float32."""
        n = (batch.counts > 0).sum().clamp(min=1)
        ctr = functional.binary_cross_entropy_with_logits(
            self.point(read)[:, 0], batch.labels, reduction="none"
        )
        if words is None:
            qa = ctr.new_zeros(len(ctr))
        else:
            qa = functional.cross_entropy(words, batch.answers, reduction="none")
        return {
            "ctr": (ctr * batch.counts).sum() / n,
            "pair": pair_loss(self.pair(read)[:, 0], batch.grades, self.heights),
            "qa": (qa * batch.counts).sum() / n,
        }


def autocast(device_type: str, precision: Precision) -> torch.autocast:
    return torch.autocast(device_type, torch.bfloat16, enabled=precision is Precision.BF16)


def marked_states(lm: nn.Module, input_ids: Tensor, markers: Tensor) -> Tensor:
    """(batch, hidden): the final state of each marker, by its explicit index."""
    states = final_states(causal_of(lm), input_ids)
    return states[torch.arange(len(markers), device=markers.device), markers]


def causal_of(lm: nn.Module) -> PreTrainedModel:
    """The Hugging Face model, with or without an adapter around it."""
    causal = lm.get_base_model() if isinstance(lm, PeftModel) else lm
    if not isinstance(causal, PreTrainedModel):
        raise TypeError(f"{type(causal).__name__} is not a Hugging Face model")
    return causal


def vocabulary_of(lm: nn.Module) -> nn.Linear:
    """The LM head: hidden state -> logits of every token."""
    head = causal_of(lm).get_output_embeddings()  # type: ignore[no-untyped-call]
    if not isinstance(head, nn.Linear):
        raise TypeError(f"the LM head is {type(head).__name__}, expected a linear one")
    return head


def add_lora(
    base: PreTrainedModel, settings: FitSettings, n_layers: int | None = None
) -> PeftModel:
    """Puts LoRA adapters on every linear layer, the MLP's included, except the vocabulary
    projection, of the first `n_layers` or of all; the scaling is twice the rank. Wraps `base` in
    place."""
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=2 * settings.rank,
        lora_dropout=settings.dropout,
        target_modules="all-linear" if n_layers is None else names_of_linear(base, n_layers),
        task_type="CAUSAL_LM",
    )
    wrapped = get_peft_model(prepare(base) if is_four_bit(base) else base, config)
    if not isinstance(wrapped, PeftModel):
        raise TypeError("peft returned a mixed model for one LoRA config")
    if settings.gradient_checkpointing:
        base.gradient_checkpointing_enable({"use_reentrant": False})
    return wrapped

"""The first layers of a language model, and what a readout names of their states."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import assert_never

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from scoring.engines.readout import Pool, Readout
from training.model.batch import LeadBatch


def names_of_linear(base: PreTrainedModel, n_layers: int) -> list[str] | str:
    """The linear layers inside the first `n_layers`; all but the vocabulary, as peft writes that,
    where it cannot be told which layers these are."""
    layers = _layers(base)
    if layers is None:
        return "all-linear"
    inside = {
        id(module)
        for layer in list(layers)[:n_layers]
        for module in layer.modules()
        if isinstance(module, nn.Linear)
    }
    return [name for name, module in base.named_modules() if id(module) in inside]


@contextmanager
def first_layers(base: PreTrainedModel, n_layers: int) -> Iterator[None]:
    """`base` with its first `n_layers` alone inside the block: nothing above them is computed, and
    its last state is theirs, without the final norm. A model whose layers cannot be told stays
    whole, and so does one that has no more."""
    layers, backbone = _layers(base), _backbone(base)
    if layers is None or n_layers >= len(layers):
        yield
        return
    norm = backbone.norm
    backbone.layers, backbone.norm = nn.ModuleList(list(layers)[:n_layers]), nn.Identity()
    try:
        yield
    finally:
        backbone.layers, backbone.norm = layers, norm


def read_states(base: PreTrainedModel, batch: LeadBatch, readout: Readout) -> tuple[Tensor, Tensor]:
    """What `readout` names of the states of a batch, float32 (batch, n_read), and the last state of
    each marker (batch, hidden)."""
    output = _backbone(base)(input_ids=batch.input_ids, use_cache=False, output_hidden_states=True)
    with torch.autocast(batch.input_ids.device.type, enabled=False):  # a mean keeps its digits
        parts = [
            torch.einsum("bt,bth->bh", shares(batch, part.pool), states.float())
            for part in readout.parts
            for states in [output.hidden_states[part.layer]]
        ]
    rows = torch.arange(len(batch.markers), device=batch.markers.device)
    return torch.cat(parts, dim=1), output.last_hidden_state[rows, batch.markers]


def shares(batch: LeadBatch, pool: Pool) -> Tensor:
    """How much each token counts in what is read: float32 (batch, width)."""
    at = torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)[None, :]
    last = batch.markers[:, None]
    match pool:
        case Pool.MARKER:
            return (at == last).float()
        case Pool.MEAN:
            return (at <= last).float() / (last + 1)
        case Pool.SPOKEN:
            if batch.spoken is None:
                raise ValueError("the samples do not say which tokens are the customer's words")
            return batch.spoken
        case _:
            assert_never(pool)


def _backbone(base: PreTrainedModel) -> nn.Module:
    return base.base_model


def _layers(base: PreTrainedModel) -> nn.ModuleList | None:
    """The layers, where they and the norm behind them bear the names that most architectures give
    them."""
    backbone = _backbone(base)
    layers = getattr(backbone, "layers", None)
    is_known = isinstance(layers, nn.ModuleList) and isinstance(
        getattr(backbone, "norm", None), nn.Module
    )
    return layers if is_known else None

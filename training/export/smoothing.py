"""Makes a model easier to round to int8, without changing what it computes.

A few channels of what enters a linear layer are much larger than the others, and a token's scale is
that of its largest. So each channel is divided by a factor where it is made (the norm before it,
the values, the up projection) and the columns that read it are multiplied by the same one: the
difficulty moves to the weights, where every output has a scale of its own. G. Xiao and others,
SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models, 2022,
arXiv 2211.10438.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from training.export.graph_attention import AttentionShape
from training.export.graph_parts import Array

SHARE = 0.6
"""Of the difficulty that moves to the weights; decision 0092 has what others gave."""

MEASURED = ("self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj")


def channel_sizes(model: torch.nn.Module, prompts: Sequence[Sequence[int]]) -> dict[str, Array]:
    """How large each channel is that enters a layer's projections, float32 (width,), by the
    projection's name below the model (`model.layers.0.mlp.down_proj`): the root mean square of its
    share of a token's largest, since that is a token's scale. `model`: a causal language model;
    `prompts`: token ids."""
    sums: dict[str, torch.Tensor] = {}

    def measure(name: str, inputs: tuple[torch.Tensor, ...]) -> None:
        states = inputs[0][0]
        shares = states / states.abs().amax(dim=1, keepdim=True).clamp(min=1e-30)
        sums[name] = sums.get(name, 0) + shares.square().mean(dim=0)

    hooks = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: measure(name, inputs))
        for name, module in model.named_modules()
        if name.endswith(MEASURED)
    ]
    try:
        with torch.inference_mode():
            for ids in prompts:
                model(input_ids=torch.tensor([list(ids)]), use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: total.sqrt().numpy() for name, total in sums.items()}


def smoothed(
    weights: Mapping[str, Array], shape: AttentionShape, sizes: Mapping[str, Array]
) -> dict[str, Array]:
    """The same model, easier to round. `weights`: by the checkpoint's names; `sizes`: from
    `channel_sizes`; a layer that was not measured stays as it is."""
    changed = dict(weights)
    layers = {name.rsplit(".", 2)[0] for name in sizes}
    for layer in sorted(layers):
        attention, mlp = f"{layer}.self_attn", f"{layer}.mlp"
        _after_norm(
            changed,
            f"{layer}.input_layernorm.weight",
            [f"{attention}.{part}_proj.weight" for part in "qkv"],
            sizes[f"{attention}.q_proj"],
        )
        _after_norm(
            changed,
            f"{layer}.post_attention_layernorm.weight",
            [f"{mlp}.gate_proj.weight", f"{mlp}.up_proj.weight"],
            sizes[f"{mlp}.gate_proj"],
        )
        _between(changed, f"{mlp}.up_proj", f"{mlp}.down_proj.weight", sizes[f"{mlp}.down_proj"])
        _between(
            changed,
            f"{attention}.v_proj",
            f"{attention}.o_proj.weight",
            sizes[f"{attention}.o_proj"],
            shape,
        )
    return changed


def _factors(sizes: Array, columns: Array) -> Array:
    """How much smaller each channel becomes. `columns`: the largest weight that reads it."""
    raised = np.maximum(sizes, max(float(sizes.max()), 1e-9) * 1e-3)
    factors = raised**SHARE / np.maximum(columns, 1e-6) ** (1 - SHARE)
    even: Array = (factors / np.exp(np.log(factors).mean())).astype(np.float32)
    return even


def _after_norm(changed: dict[str, Array], norm: str, readers: list[str], sizes: Array) -> None:
    columns = np.max([np.abs(changed[name]).max(axis=0) for name in readers], axis=0)
    factors = _factors(sizes, columns)
    changed[norm] = changed[norm] / factors
    for name in readers:
        changed[name] = changed[name] * factors


def _between(
    changed: dict[str, Array],
    maker: str,
    reader: str,
    sizes: Array,
    heads: AttentionShape | None = None,
) -> None:
    """Between two projections. `heads`: of the values, each channel of which feeds several of the
    reader's."""
    columns = np.abs(changed[reader]).max(axis=0)
    if heads is not None:
        sizes, columns = _by_kv_head(sizes, heads), _by_kv_head(columns, heads)
    factors = _factors(sizes, columns)
    changed[f"{maker}.weight"] = changed[f"{maker}.weight"] / factors[:, None]
    if f"{maker}.bias" in changed:
        changed[f"{maker}.bias"] = changed[f"{maker}.bias"] / factors
    if heads is not None:
        by_head = factors.reshape(heads.n_kv_heads, 1, heads.head_dim)
        factors = np.repeat(by_head, heads.n_groups, axis=1).reshape(-1)
    changed[reader] = changed[reader] * factors


def _by_kv_head(channels: Array, shape: AttentionShape) -> Array:
    """The largest of the channels that one channel of the values feeds: (kv_width,)."""
    heads = channels.reshape(shape.n_kv_heads, shape.n_groups, shape.head_dim)
    largest: Array = heads.max(axis=1).reshape(-1)
    return largest

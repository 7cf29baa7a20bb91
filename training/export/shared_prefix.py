"""The first tokens of every prompt, computed once in float32 and kept in the graph.

They are the same in all prompts of an artifact, so their keys and values are too. In pre-trained
models the first token holds activations thousands of times the others', to which all later tokens
attend (M. Sun and others, Massive Activations in Large Language Models, 2024, arXiv 2402.17762):
rounded to int8, its error would be in every score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from training.export.graph_parts import Array


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """`ids`: the first tokens of every prompt. `keys` (rotated) and `values`: of each layer,
    float32 (n_kv_heads, n_prefix, head_dim). `sums`: of each layer's states over these tokens,
    float32 (n_layers + 1, hidden)."""

    ids: tuple[int, ...]
    keys: tuple[Array, ...]
    values: tuple[Array, ...]
    sums: Array


def shared_prefix(model: torch.nn.Module, ids: Sequence[int]) -> SharedPrefix | None:
    """Reads the first tokens `ids` with a causal language model in float32; None for no tokens."""
    if not ids:
        return None
    with torch.inference_mode():
        read = model(input_ids=torch.tensor([list(ids)]), use_cache=True, output_hidden_states=True)
    layers = read.past_key_values.layers
    return SharedPrefix(
        ids=tuple(ids),
        keys=tuple(layer.keys[0].float().numpy() for layer in layers),
        values=tuple(layer.values[0].float().numpy() for layer in layers),
        sums=np.stack([state[0].sum(dim=0).float().numpy() for state in read.hidden_states]),
    )

"""Which models the ONNX graph can express, and the numbers that it takes from their config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.export.graph_attention import AttentionShape

MODEL_TYPES = ("llama", "qwen2", "qwen3")
MAX_GRAPH_BYTES = 1_900_000_000
"""protobuf holds up to 2 GiB, into which int8 matrices and half-precision embeddings must fit."""
FULL_ATTENTION = "full_attention"


@dataclass(frozen=True, slots=True)
class GraphShape:
    """The numbers of a config that the graph needs."""

    n_layers: int
    hidden: int
    attention: AttentionShape
    max_tokens: int
    rope_theta: float


def graph_shape(config: Mapping[str, Any], max_tokens: int) -> GraphShape:
    """Reads a config of transformers as a plain mapping."""
    n_heads = config["num_attention_heads"]
    return GraphShape(
        n_layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        attention=AttentionShape(
            n_heads=n_heads,
            n_kv_heads=config["num_key_value_heads"],
            head_dim=config.get("head_dim") or config["hidden_size"] // n_heads,
            norm_eps=config["rms_norm_eps"],
        ),
        max_tokens=max_tokens,
        rope_theta=config["rope_parameters"]["rope_theta"],
    )


def why_no_graph(config: Mapping[str, Any], n_parameters: int) -> str | None:
    """Why no graph can be built, as one phrase; None where one can. `config`: of transformers, as
    a plain mapping; `n_parameters`: of the whole model, tied embeddings once.

    >>> why_no_graph({"model_type": "gpt2"}, 124_000_000)
    'layers of type gpt2 (there are graphs for llama, qwen2, qwen3)'
    """
    kind = config["model_type"]
    if kind not in MODEL_TYPES:
        return f"layers of type {kind} (there are graphs for {', '.join(MODEL_TYPES)})"
    if (activation := config.get("hidden_act")) != "silu":
        return f"the activation {activation} (there are graphs for silu)"
    rope = config.get("rope_parameters") or {}
    if (rope_type := rope.get("rope_type", "default")) != "default":
        return f"rotary positions of type {rope_type} (there are graphs for default)"
    if (part := rope.get("partial_rotary_factor", 1.0)) != 1.0:
        return f"positions that rotate {part} of a head (there are graphs for all of it)"
    if set(config.get("layer_types") or ()) - {FULL_ATTENTION} or config.get("use_sliding_window"):
        return "attention in a sliding window (there are graphs for full attention)"
    n_embedded = config["vocab_size"] * config["hidden_size"]
    n_heads = 1 if config.get("tie_word_embeddings") else 2
    n_bytes = 2 * n_embedded + n_parameters - n_heads * n_embedded
    if n_bytes >= MAX_GRAPH_BYTES:
        return f"a graph of {n_bytes / 1e9:.1f} GB (the format holds {MAX_GRAPH_BYTES / 1e9:.1f})"
    return None

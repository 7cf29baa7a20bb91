"""Attention in the graph: every row's, or the last row's alone.

Rotary positions: J. Su and others, RoFormer: Enhanced Transformer with Rotary Position Embedding,
2021, arXiv 2104.09864.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from training.export.graph_parts import Array, GraphParts, layer_linear


@dataclass(frozen=True, slots=True)
class AttentionShape:
    """Heads of queries, heads of keys and values that they share, and the width of each."""

    n_heads: int
    n_kv_heads: int
    head_dim: int
    norm_eps: float

    @property
    def q_width(self) -> int:
        return self.n_heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.n_kv_heads * self.head_dim


def rope_tables(
    graph: GraphParts, shape: AttentionShape, rope_theta: float, max_tokens: int
) -> None:
    """The angles of every position, and the numbers of tokens that the attention asks for."""
    half = shape.head_dim // 2
    frequency = rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    angle = np.arange(max_tokens, dtype=np.float64)[:, None] * frequency[None, :]
    graph.constant("cos", np.cos(angle).astype(np.float32))
    graph.constant("sin", np.sin(angle).astype(np.float32))
    n_tokens = graph.op("Shape", ["input_ids"], "n_tokens", start=1, end=2)
    total = graph.op("Cast", [n_tokens], "n_tokens32", to=TensorProto.INT32)
    one = graph.constant("one32", np.array([1], np.int32))
    graph.op("Sub", [total, one], "seqlens_k")
    graph.op("Squeeze", [total], "total_length")
    last = graph.op("Sub", [n_tokens, graph.ints(1)], "last_position")
    graph.op("Unsqueeze", [last, graph.ints(0)], "marker_position")
    zero = graph.constant("zero_scalar", np.array(0, np.int64))
    step = graph.constant("one_scalar", np.array(1, np.int64))
    end = graph.op("Squeeze", [n_tokens], "n_tokens_scalar")
    positions = graph.op("Range", [zero, end, step], "range")
    graph.op("Unsqueeze", [positions, graph.ints(0)], "positions")


def attend(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    normed: str,
) -> str:
    """What the attention of layer `i` adds to every row of `normed` (1, n_tokens, hidden)."""
    prefix, name = f"model.layers.{i}.self_attn", f"layer{i}"
    rows = graph.quantised(normed, f"{name}.attention_in")
    qkv = graph.linear(rows, *layer_linear(weights, prefix, ("q", "k", "v")), f"{name}.qkv")
    inputs = [qkv, "", ""]
    if f"{prefix}.q_norm.weight" in weights:
        widths = (shape.q_width, shape.kv_width, shape.kv_width)
        q, k, v = graph.split(qkv, widths, [f"{name}.q", f"{name}.k", f"{name}.v"])
        q = _head_norm(graph, shape, q, weights[f"{prefix}.q_norm.weight"], shape.n_heads)
        k = _head_norm(graph, shape, k, weights[f"{prefix}.k_norm.weight"], shape.n_kv_heads)
        inputs = [q, k, v]
    none = np.zeros((1, shape.n_kv_heads, 0, shape.head_dim), np.float32)
    past = graph.constant("past", none)
    attended = graph.microsoft(
        "GroupQueryAttention",
        [*inputs, past, past, "seqlens_k", "total_length", "cos", "sin"],
        [f"{name}.attended", f"{name}.present_k", f"{name}.present_v"],
        num_heads=shape.n_heads,
        kv_num_heads=shape.n_kv_heads,
        do_rotary=1,
    )
    return _projected(graph, weights, i, attended)


def attend_last(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    normed: str,
) -> str:
    """What the attention of layer `i` adds to the last row: keys and values of every row, the
    query of the last alone. (1, n_tokens, hidden) -> (1, 1, hidden)."""
    prefix, name = f"model.layers.{i}.self_attn", f"layer{i}"
    rows = graph.quantised(normed, f"{name}.attention_in")
    kv = graph.linear(rows, *layer_linear(weights, prefix, ("k", "v")), f"{name}.kv")
    k, v = graph.split(kv, (shape.kv_width, shape.kv_width), [f"{name}.k", f"{name}.v"])
    last = graph.quantised(graph.last_row(normed, f"{name}.last"), f"{name}.last_in")
    q = graph.linear(last, *layer_linear(weights, prefix, ("q",)), f"{name}.q")
    if f"{prefix}.q_norm.weight" in weights:
        q = _head_norm(graph, shape, q, weights[f"{prefix}.q_norm.weight"], shape.n_heads)
        k = _head_norm(graph, shape, k, weights[f"{prefix}.k_norm.weight"], shape.n_kv_heads)
    k = _rotated(graph, shape.n_kv_heads, k, "positions")
    q = _rotated(graph, shape.n_heads, q, "marker_position")
    groups = shape.n_heads // shape.n_kv_heads
    k = _heads(graph, shape, k, [1, 2, 0])
    v = _heads(graph, shape, v, [1, 0, 2])
    q = graph.op(
        "Reshape", [q, graph.ints(shape.n_kv_heads, groups, shape.head_dim)], f"{name}.q_heads"
    )
    scaled = graph.op("Mul", [q, graph.number(shape.head_dim**-0.5)], f"{name}.q_scaled")
    scores = graph.op("MatMul", [scaled, k], f"{name}.scores")
    shares = graph.op("Softmax", [scores], f"{name}.shares", axis=-1)
    mixed = graph.op("MatMul", [shares, v], f"{name}.mixed")
    attended = graph.op("Reshape", [mixed, graph.ints(1, 1, shape.q_width)], f"{name}.attended")
    return _projected(graph, weights, i, attended)


def _projected(graph: GraphParts, weights: Mapping[str, Array], i: int, attended: str) -> str:
    rows = graph.quantised(attended, f"layer{i}.o_in")
    return graph.linear(
        rows, *layer_linear(weights, f"model.layers.{i}.self_attn", ("o",)), f"layer{i}.o"
    )


def _head_norm(
    graph: GraphParts, shape: AttentionShape, x: str, weight: Array, n_heads: int
) -> str:
    """Norms each head of (1, n_tokens, n_heads * head_dim), as Qwen3 does before it rotates."""
    per_head = graph.ints(1, -1, n_heads, shape.head_dim)
    split = graph.op("Reshape", [x, per_head], f"{x}.per_head")
    normed = graph.norm(split, weight, f"{x}.normed", shape.norm_eps)
    return graph.op("Reshape", [normed, graph.ints(1, -1, n_heads * shape.head_dim)], f"{x}.flat")


def _rotated(graph: GraphParts, n_heads: int, x: str, positions: str) -> str:
    inputs = [x, positions, "cos", "sin"]
    return graph.microsoft("RotaryEmbedding", inputs, [f"{x}.rotated"], num_heads=n_heads)


def _heads(graph: GraphParts, shape: AttentionShape, x: str, order: list[int]) -> str:
    """(1, T, kv_width) -> (kv_heads, T, dim), or in another order of (T, kv_heads, dim)."""
    per_head = graph.ints(-1, shape.n_kv_heads, shape.head_dim)
    split = graph.op("Reshape", [x, per_head], f"{x}.split")
    return graph.op("Transpose", [split], f"{x}.heads", perm=order)

"""Attention in the graph: every row's, or the last row's alone.

Every row's is put together from products and a softmax, since the ready-made operators take twice
the time. Queries go in N_BLOCKS parts, each with the keys up to its end alone: most of what a mask
would hide is never computed. Within a part the future is pushed to e^-60 of the first token's
share, below anything that float32 adds; the usual minus infinity makes ONNX Runtime's softmax
compute with denormal numbers, at ten times the price.

Rotary positions: J. Su and others, RoFormer: Enhanced Transformer with Rotary Position Embedding,
2021, arXiv 2104.09864.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from training.export.graph_parts import Array, GraphParts, stacked_linear
from training.export.shared_prefix import SharedPrefix

N_BLOCKS = 4
FUTURE = -60.0
OPEN = 1e30


@dataclass(frozen=True, slots=True)
class AttentionShape:
    """Heads of queries, heads of keys and values that they share, and the width of each."""

    n_heads: int
    n_kv_heads: int
    head_dim: int
    norm_eps: float

    @property
    def n_groups(self) -> int:
        """Query heads that share the keys of one."""
        return self.n_heads // self.n_kv_heads

    @property
    def q_width(self) -> int:
        return self.n_heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.n_kv_heads * self.head_dim


def attention_tables(
    graph: GraphParts, shape: AttentionShape, rope_theta: float, max_tokens: int, n_prefix: int
) -> None:
    """What all layers share: the angles of every position, and each block's bounds and limits of
    its scores."""
    half = shape.head_dim // 2
    frequency = rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    angle = np.arange(max_tokens, dtype=np.float64)[:, None] * frequency[None, :]
    graph.constant("cos", np.cos(angle).astype(np.float32))
    graph.constant("sin", np.sin(angle).astype(np.float32))
    n_tokens = graph.op("Shape", ["input_ids"], "n_tokens", start=1, end=2)
    last = graph.op("Sub", [n_tokens, graph.ints(1)], "last_position")
    graph.op("Unsqueeze", [last, graph.ints(0)], "marker_position")
    end = graph.op("Squeeze", [n_tokens], "n_tokens_scalar")
    step = graph.constant("one_scalar", np.array(1, np.int64))
    start = graph.constant("zero_scalar", np.array(0, np.int64))
    keys = graph.op("Range", [start, end, step], "key_range")
    first = graph.constant("n_prefix", np.array(n_prefix, np.int64))
    rows = graph.op("Range", [first, end, step], "row_range")
    graph.op("Unsqueeze", [rows, graph.ints(0)], "positions")
    n_rows = graph.op("Sub", [n_tokens, graph.ints(n_prefix)], "n_rows")
    for block in range(N_BLOCKS + 1):
        times = graph.op("Mul", [n_rows, graph.ints(block)], f"times{block}")
        bound = graph.op("Div", [times, graph.ints(N_BLOCKS)], f"bound{block}")
        graph.op("Add", [bound, graph.ints(n_prefix)], f"key_bound{block}")
    for block in range(N_BLOCKS):
        begin, stop, key_stop = f"bound{block}", f"bound{block + 1}", f"key_bound{block + 1}"
        block_rows = graph.op("Slice", [rows, begin, stop], f"block{block}.rows")
        block_keys = graph.op("Slice", [keys, graph.ints(0), key_stop], f"block{block}.keys")
        column = graph.op("Unsqueeze", [block_rows, graph.ints(1)], f"block{block}.column")
        is_past = graph.op("LessOrEqual", [block_keys, column], f"block{block}.is_past")
        numbers = graph.op("Cast", [is_past], f"block{block}.numbers", to=TensorProto.FLOAT)
        graph.op("Mul", [numbers, graph.number(OPEN)], f"block{block}.open")


def attend(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    normed: str,
    prefix: SharedPrefix | None,
) -> str:
    """What the attention of layer `i` adds to every row of `normed` (1, n_tokens, hidden)."""
    module, name = f"model.layers.{i}.self_attn", f"layer{i}"
    rows = graph.quantised(normed, f"{name}.attention_in")
    qkv = graph.linear(rows, *stacked_linear(weights, module, ("q", "k", "v")), f"{name}.qkv")
    widths = (shape.q_width, shape.kv_width, shape.kv_width)
    q, k, v = graph.split(qkv, widths, [f"{name}.q", f"{name}.k", f"{name}.v"])
    q, k = _turned(graph, weights, shape, i, (q, "positions"), (k, "positions"))
    q = _heads(graph, q, (shape.n_kv_heads, shape.n_groups, shape.head_dim), [1, 2, 0, 3])
    k, v = _keys_and_values(graph, shape, i, (k, v), prefix)
    blocks = [_block(graph, block, name, (q, k, v)) for block in range(N_BLOCKS)]
    mixed = graph.op("Concat", blocks, f"{name}.mixed", axis=2)
    return _projected(graph, weights, shape, i, mixed)


def _block(graph: GraphParts, block: int, layer: str, qkv: tuple[str, str, str]) -> str:
    """Attention of the rows between two bounds: (kv_heads, groups, n_rows, head_dim)."""
    name = f"{layer}.block{block}"
    begin, stop, none = f"bound{block}", f"bound{block + 1}", graph.ints(0)
    key_stop = f"key_bound{block + 1}"
    q = graph.op("Slice", [qkv[0], begin, stop, graph.ints(2)], f"{name}.q")
    k = graph.op("Slice", [qkv[1], none, key_stop, graph.ints(3)], f"{name}.k")
    v = graph.op("Slice", [qkv[2], none, key_stop, graph.ints(2)], f"{name}.v")
    scores = graph.op("MatMul", [q, k], f"{name}.scores")
    first = graph.op("Slice", [scores, none, graph.ints(1), graph.ints(3)], f"{name}.first")
    future = graph.op("Add", [first, graph.number(FUTURE)], f"{name}.future")
    limit = graph.op("Add", [f"block{block}.open", future], f"{name}.limit")
    limited = graph.op("Min", [scores, limit], f"{name}.limited")
    shares = graph.op("Softmax", [limited], f"{name}.shares", axis=-1)
    return graph.op("MatMul", [shares, v], f"{name}.mixed")


def attend_last(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    normed: str,
    prefix: SharedPrefix | None,
) -> str:
    """What the attention of layer `i` adds to the last row: keys and values of every row, the
    query of the last alone. (1, n_tokens, hidden) -> (1, 1, hidden)."""
    module, name = f"model.layers.{i}.self_attn", f"layer{i}"
    rows = graph.quantised(normed, f"{name}.attention_in")
    kv = graph.linear(rows, *stacked_linear(weights, module, ("k", "v")), f"{name}.kv")
    k, v = graph.split(kv, (shape.kv_width, shape.kv_width), [f"{name}.k", f"{name}.v"])
    last = graph.quantised(graph.last_row(normed, f"{name}.last"), f"{name}.last_in")
    q = graph.linear(last, *stacked_linear(weights, module, ("q",)), f"{name}.q")
    q, k = _turned(graph, weights, shape, i, (q, "marker_position"), (k, "positions"))
    q = _heads(graph, q, (shape.n_kv_heads, shape.n_groups, shape.head_dim), [1, 2, 0, 3])
    k, v = _keys_and_values(graph, shape, i, (k, v), prefix)
    scores = graph.op("MatMul", [q, k], f"{name}.scores")
    shares = graph.op("Softmax", [scores], f"{name}.shares", axis=-1)
    mixed = graph.op("MatMul", [shares, v], f"{name}.mixed")
    return _projected(graph, weights, shape, i, mixed)


def _turned(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    q: tuple[str, str],
    k: tuple[str, str],
) -> tuple[str, str]:
    """Queries and keys (tensor, positions): normed where the model does so, rotated, and keys, of
    which there are fewer, divided by the root of the head's width."""
    module, names = f"model.layers.{i}.self_attn", []
    for (x, positions), which, n_heads in (
        (q, "q", shape.n_heads),
        (k, "k", shape.n_kv_heads),
    ):
        norm = weights.get(f"{module}.{which}_norm.weight")
        normed = x if norm is None else _head_norm(graph, shape, x, norm, n_heads)
        inputs = [normed, positions, "cos", "sin"]
        names.append(
            graph.microsoft("RotaryEmbedding", inputs, [f"{x}.rotated"], num_heads=n_heads)
        )
    scaled = graph.op("Mul", [names[1], graph.number(shape.head_dim**-0.5)], f"{k[0]}.scaled")
    return names[0], scaled


def _keys_and_values(
    graph: GraphParts,
    shape: AttentionShape,
    i: int,
    kv: tuple[str, str],
    prefix: SharedPrefix | None,
) -> tuple[str, str]:
    """(kv_heads, 1, head_dim, n_tokens) and (kv_heads, 1, n_tokens, head_dim), the prefix's
    first."""
    name, heads = f"layer{i}", (shape.n_kv_heads, 1, shape.head_dim)
    k = _heads(graph, kv[0], heads, [1, 2, 3, 0])
    v = _heads(graph, kv[1], heads, [1, 2, 0, 3])
    if prefix is None:
        return k, v
    first_k = (prefix.keys[i] * shape.head_dim**-0.5).transpose(0, 2, 1)[:, None]
    first_k_name = graph.constant(f"{name}.prefix_k", first_k.astype(np.float32))
    first_v_name = graph.constant(f"{name}.prefix_v", prefix.values[i][:, None])
    return (
        graph.op("Concat", [first_k_name, k], f"{name}.all_k", axis=3),
        graph.op("Concat", [first_v_name, v], f"{name}.all_v", axis=2),
    )


def _projected(
    graph: GraphParts, weights: Mapping[str, Array], shape: AttentionShape, i: int, mixed: str
) -> str:
    """The output projection of (kv_heads, groups, n_rows, head_dim)."""
    name = f"layer{i}"
    by_row = graph.op("Transpose", [mixed], f"{name}.by_row", perm=[2, 0, 1, 3])
    flat = graph.op("Reshape", [by_row, graph.ints(1, -1, shape.q_width)], f"{name}.attended")
    rows = graph.quantised(flat, f"{name}.o_in")
    output = stacked_linear(weights, f"model.layers.{i}.self_attn", ("o",))
    return graph.linear(rows, *output, f"{name}.o")


def _head_norm(
    graph: GraphParts, shape: AttentionShape, x: str, weight: Array, n_heads: int
) -> str:
    """Norms each head of (1, n_tokens, n_heads * head_dim), as Qwen3 does before it rotates."""
    per_head = graph.ints(1, -1, n_heads, shape.head_dim)
    split = graph.op("Reshape", [x, per_head], f"{x}.per_head")
    normed = graph.norm(split, weight, f"{x}.normed", shape.norm_eps)
    return graph.op("Reshape", [normed, graph.ints(1, -1, n_heads * shape.head_dim)], f"{x}.flat")


def _heads(graph: GraphParts, x: str, heads: tuple[int, int, int], order: list[int]) -> str:
    """(1, n_tokens, width) as (n_tokens, *heads), then in another order."""
    split = graph.op("Reshape", [x, graph.ints(-1, *heads)], f"{x}.split")
    return graph.op("Transpose", [split], f"{x}.heads", perm=order)

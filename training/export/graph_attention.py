"""Attention in the graph: every row's of a chunk, or its last row's alone.

Keys and values of the tokens before come in from outside, those of the chunk go out: both as
float16, so that they cost half the memory, and the chunk itself reads its own as they will be read
later. Attention is put together from products and a softmax, since the ready-made operators take
twice the time; query heads that share keys are the rows of one product. The future is pushed to
e^-60 of the first token's share, below anything that float32 adds; the usual minus infinity makes
ONNX Runtime's softmax compute with denormal numbers, at ten times the price. Only the chunk's own
keys need that.

Rotary positions: J. Su and others, RoFormer: Enhanced Transformer with Rotary Position Embedding,
2021, arXiv 2104.09864.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from scoring.engines.chunk_graph import KEYS_AND_VALUES, N_BEFORE, TOKENS, past_name
from training.export.graph_parts import Array, GraphParts, stacked_linear
from training.export.shared_prefix import SharedPrefix

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
    graph: GraphParts, shape: AttentionShape, rope_theta: float, max_tokens: int
) -> None:
    """What all layers share: the angles of every position, the positions of the chunk's rows, and
    which of its keys each row may see."""
    half = shape.head_dim // 2
    frequency = rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    angle = np.arange(max_tokens, dtype=np.float64)[:, None] * frequency[None, :]
    graph.constant("cos", np.cos(angle).astype(np.float32))
    graph.constant("sin", np.sin(angle).astype(np.float32))
    n_rows = graph.op("Shape", [TOKENS], "n_rows", start=1, end=2)
    n_tokens = graph.op("Add", [N_BEFORE, n_rows], "n_tokens")
    start = graph.op("Squeeze", [N_BEFORE], "n_before_scalar")
    stop = graph.op("Squeeze", [n_tokens], "n_tokens_scalar")
    step = graph.constant("one_scalar", np.array(1, np.int64))
    rows = graph.op("Range", [start, stop, step], "rows")
    positions = graph.op("Unsqueeze", [rows, graph.ints(0)], "positions")
    graph.last_of(positions, "marker_position", axis=1)
    column = graph.op("Unsqueeze", [rows, graph.ints(1)], "column")
    is_past = graph.op("LessOrEqual", [rows, column], "is_past")
    numbers = graph.op("Cast", [is_past], "is_past.numbers", to=TensorProto.FLOAT)
    graph.op("Mul", [numbers, graph.number(OPEN)], "open")


@dataclass(frozen=True, slots=True)
class KeysOrValues:
    """The names of a layer's keys or values by head, float32 (kv_heads, n, head_dim): the chunk's
    own, and those of the prefix and all chunks before."""

    own: str
    before: str


def attend(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    normed: str,
    prefix: SharedPrefix | None,
) -> str:
    """What the attention of layer `i` adds to every row of `normed` (1, n_rows, hidden)."""
    module, name = f"model.layers.{i}.self_attn", f"layer{i}"
    rows = graph.quantised(normed, f"{name}.attention_in")
    qkv = graph.linear(rows, *stacked_linear(weights, module, ("q", "k", "v")), f"{name}.qkv")
    widths = (shape.q_width, shape.kv_width, shape.kv_width)
    q, k, v = graph.split(qkv, widths, [f"{name}.q", f"{name}.k", f"{name}.v"])
    q, k = _turned(graph, weights, shape, i, (q, "positions"), (k, "positions"))
    q = _queries(graph, shape, q)
    keys, values = _memories(graph, shape, i, (k, v), prefix)
    before = _scores(graph, shape, q, keys.before, f"{name}.scores_before")
    own = _scores(graph, shape, q, keys.own, f"{name}.scores_own")
    first_of = own if prefix is None else before
    limited = _without_future(graph, shape, own, first_of, name)
    scores = graph.op("Concat", [before, limited], f"{name}.scores", axis=2)
    return _mixed(graph, weights, shape, i, scores, values)


def _without_future(
    graph: GraphParts, shape: AttentionShape, own: str, first_of: str, name: str
) -> str:
    """The chunk's scores (kv_heads, groups * n_rows, n_rows), each row's future pushed down."""
    by_group = graph.ints(shape.n_kv_heads, shape.n_groups, -1, 1)
    bounds = [graph.ints(0), graph.ints(1), graph.ints(2)]
    first = graph.op("Slice", [first_of, *bounds], f"{name}.first")
    future = graph.op("Add", [first, graph.number(FUTURE)], f"{name}.future")
    column = graph.op("Reshape", [future, by_group], f"{name}.future_by_row")
    limit = graph.op("Add", ["open", column], f"{name}.limit")
    shape_of = graph.op("Shape", [limit], f"{name}.limit_shape")
    split = graph.op("Reshape", [own, shape_of], f"{name}.own_by_group")
    limited = graph.op("Min", [split, limit], f"{name}.limited")
    flat = graph.op("Shape", [own], f"{name}.own_shape")
    return graph.op("Reshape", [limited, flat], f"{name}.limited_own")


def attend_last(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    normed: str,
    prefix: SharedPrefix | None,
) -> str:
    """What the attention of layer `i` adds to the last row: keys and values of every row, the
    query of the last alone. (1, n_rows, hidden) -> (1, 1, hidden)."""
    module, name = f"model.layers.{i}.self_attn", f"layer{i}"
    rows = graph.quantised(normed, f"{name}.attention_in")
    kv = graph.linear(rows, *stacked_linear(weights, module, ("k", "v")), f"{name}.kv")
    k, v = graph.split(kv, (shape.kv_width, shape.kv_width), [f"{name}.k", f"{name}.v"])
    last = graph.quantised(graph.last_row(normed, f"{name}.last"), f"{name}.last_in", "last_zeros")
    q = graph.linear(last, *stacked_linear(weights, module, ("q",)), f"{name}.q")
    q, k = _turned(graph, weights, shape, i, (q, "marker_position"), (k, "positions"))
    q = _queries(graph, shape, q)
    keys, values = _memories(graph, shape, i, (k, v), prefix)
    parts = [
        _scores(graph, shape, q, each, f"{name}.scores_{which}")
        for which, each in (("before", keys.before), ("own", keys.own))
    ]
    scores = graph.op("Concat", parts, f"{name}.scores", axis=2)
    return _mixed(graph, weights, shape, i, scores, values, "last_zeros")


def _scores(graph: GraphParts, shape: AttentionShape, q: str, k: str, name: str) -> str:
    """(kv_heads, n_queries, head_dim) and (kv_heads, n_keys, head_dim) -> (kv_heads, n_queries,
    n_keys)."""
    return graph.microsoft("FusedMatMul", [q, k], [name], transB=1, alpha=shape.head_dim**-0.5)


def _mixed(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    scores: str,
    values: KeysOrValues,
    zeros: str = "row_zeros",
) -> str:
    """Values by the shares of their scores, through the output projection."""
    name = f"layer{i}"
    shares = graph.op("Softmax", [scores], f"{name}.shares", axis=-1)
    all_values = graph.op("Concat", [values.before, values.own], f"{name}.all_v", axis=1)
    mixed = graph.op("MatMul", [shares, all_values], f"{name}.mixed")
    by_group = graph.ints(shape.n_kv_heads, shape.n_groups, -1, shape.head_dim)
    split = graph.op("Reshape", [mixed, by_group], f"{name}.by_group")
    by_row = graph.op("Transpose", [split], f"{name}.by_row", perm=[2, 0, 1, 3])
    flat = graph.op("Reshape", [by_row, graph.ints(1, -1, shape.q_width)], f"{name}.attended")
    rows = graph.quantised(flat, f"{name}.o_in", zeros)
    output = stacked_linear(weights, f"model.layers.{i}.self_attn", ("o",))
    return graph.linear(rows, *output, f"{name}.o")


def _turned(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: AttentionShape,
    i: int,
    q: tuple[str, str],
    k: tuple[str, str],
) -> tuple[str, str]:
    """Queries and keys (tensor, positions): normed where the model does so, and rotated."""
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
    return names[0], names[1]


def _queries(graph: GraphParts, shape: AttentionShape, q: str) -> str:
    """(1, n_rows, q_width) -> (kv_heads, groups * n_rows, head_dim)."""
    heads = graph.ints(-1, shape.n_kv_heads, shape.n_groups, shape.head_dim)
    split = graph.op("Reshape", [q, heads], f"{q}.split")
    by_head = graph.op("Transpose", [split], f"{q}.heads", perm=[1, 2, 0, 3])
    stacked = graph.ints(shape.n_kv_heads, -1, shape.head_dim)
    return graph.op("Reshape", [by_head, stacked], f"{q}.stacked")


def _memories(
    graph: GraphParts,
    shape: AttentionShape,
    i: int,
    kv: tuple[str, str],
    prefix: SharedPrefix | None,
) -> tuple[KeysOrValues, KeysOrValues]:
    """Keys and values of layer `i`: `kv` of the chunk (1, n_rows, kv_width), the prefix's, and
    what comes in from outside."""
    first = (None, None) if prefix is None else (prefix.keys[i], prefix.values[i])
    keys, values = (
        _memory(graph, shape, x, past_name(i, which), constant)
        for x, which, constant in zip(kv, KEYS_AND_VALUES, first, strict=True)
    )
    return keys, values


def _memory(
    graph: GraphParts, shape: AttentionShape, x: str, past: str, first: Array | None
) -> KeysOrValues:
    flat = graph.op("Reshape", [x, graph.ints(-1, shape.kv_width)], f"{past}.flat")
    new = graph.op("Cast", [flat], f"{past}.new", to=TensorProto.FLOAT16)
    own = graph.op("Cast", [new], f"{past}.own", to=TensorProto.FLOAT)
    before = graph.op("Cast", [past], f"{past}.float", to=TensorProto.FLOAT)
    if first is not None:
        rows = first.transpose(1, 0, 2).reshape(-1, shape.kv_width)
        constant = graph.constant(f"{past}.prefix", rows.astype(np.float32))
        before = graph.op("Concat", [constant, before], f"{past}.before", axis=0)
    return KeysOrValues(_by_head(graph, shape, own), _by_head(graph, shape, before))


def _by_head(graph: GraphParts, shape: AttentionShape, x: str) -> str:
    """(n, kv_width) -> (kv_heads, n, head_dim)."""
    split = graph.op("Reshape", [x, graph.ints(-1, shape.n_kv_heads, shape.head_dim)], f"{x}.split")
    return graph.op("Transpose", [split], f"{x}.heads", perm=[1, 0, 2])


def _head_norm(
    graph: GraphParts, shape: AttentionShape, x: str, weight: Array, n_heads: int
) -> str:
    """Norms each head of (1, n_tokens, n_heads * head_dim), as Qwen3 does before it rotates."""
    per_head = graph.ints(1, -1, n_heads, shape.head_dim)
    split = graph.op("Reshape", [x, per_head], f"{x}.per_head")
    normed = graph.norm(split, weight, f"{x}.normed", shape.norm_eps)
    return graph.op("Reshape", [normed, graph.ints(1, -1, n_heads * shape.head_dim)], f"{x}.flat")

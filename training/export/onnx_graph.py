"""Builds the int8 ONNX graph of a Qwen2-shaped model: the tokens of one prompt -> one logit.

Fused q, k and v; grouped-query attention with rotary positions inside; skip and norm in one op;
dynamically quantised matrix products. The prompt ends with the answer marker, and in the last layer
only that row goes through q, o and the MLP. One prompt in a run, no padding: nothing needs a mask.
Rotary positions: J. Su and others, RoFormer: Enhanced Transformer with Rotary Position Embedding,
2021, arXiv 2104.09864.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[np.float32]

MICROSOFT = "com.microsoft"
WEIGHT_MAX = 63
"""The largest weight, 7 bits: on x86 without VNNI an 8-bit weight saturates the 16-bit sums of two
products of u8 and s8."""


@dataclass(frozen=True, slots=True)
class GraphShape:
    """The numbers of a Qwen2 config that the graph needs."""

    n_layers: int
    hidden: int
    n_heads: int
    n_kv_heads: int
    max_tokens: int
    rope_theta: float
    norm_eps: float

    @property
    def head_dim(self) -> int:
        return self.hidden // self.n_heads

    @property
    def kv_width(self) -> int:
        return self.n_kv_heads * self.head_dim


@dataclass(slots=True)
class _Graph:
    """Nodes and initializers while the graph is built; `op` returns the name of a node's first
    output."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, op_type: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op_type, inputs, [name], name=name, **attributes))
        return name

    def microsoft(
        self, op_type: str, inputs: list[str], outputs: list[str], **attributes: Any
    ) -> str:
        self.nodes.append(
            helper.make_node(
                op_type, inputs, outputs, name=outputs[0], domain=MICROSOFT, **attributes
            )
        )
        return outputs[0]

    def linear(self, x: str, weight: Array, bias: Array | None, name: str) -> str:
        """`x @ weight.T + bias` with int8 weights per output channel, as in `nn.Linear`."""
        scale = np.maximum(np.abs(weight).max(axis=1), 1e-12) / WEIGHT_MAX
        quantised = np.rint(weight / scale[:, None]).astype(np.int8)
        inputs = [
            x,
            self.constant(f"{name}.weight", quantised.T),
            self.constant(f"{name}.scale", scale.astype(np.float32)),
            "",
        ]
        if bias is not None:
            inputs.append(self.constant(f"{name}.bias", bias))
        return self.microsoft("DynamicQuantizeMatMul", inputs, [name])


def build_graph(
    weights: Mapping[str, Array], shape: GraphShape, head_weight: Array, head_bias: float
) -> onnx.ModelProto:
    """Builds the graph. `weights` have the checkpoint's names (`model.layers.0...`), with the
    adapter already merged."""
    graph = _Graph()
    _rope_tables(graph, shape)
    hidden = _embed(graph, weights["model.embed_tokens.weight"])
    normed = graph.op(
        "SimplifiedLayerNormalization",
        [hidden, graph.constant("norm0", weights["model.layers.0.input_layernorm.weight"])],
        "layer0.in",
        epsilon=shape.norm_eps,
        axis=-1,
    )
    for i in range(shape.n_layers):
        is_last = i == shape.n_layers - 1
        attend = _attend_marker if is_last else _attend
        attended, hidden = attend(graph, weights, shape, i, normed, hidden)
        following = (
            "model.norm.weight" if is_last else f"model.layers.{i + 1}.input_layernorm.weight"
        )
        normed, hidden = _mlp(graph, weights, shape, i, attended, hidden, weights[following])
    flat = graph.op("Reshape", [normed, graph.constant("flat", _ints(1, shape.hidden))], "marker")
    graph.op(
        "Gemm",
        [
            flat,
            graph.constant("head.weight", head_weight.reshape(shape.hidden, 1).astype(np.float32)),
            graph.constant("head.bias", np.array([head_bias], dtype=np.float32)),
        ],
        "logit",
    )
    return _model(graph, shape)


def _ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _rope_tables(graph: _Graph, shape: GraphShape) -> None:
    half = shape.head_dim // 2
    frequency = shape.rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    angle = np.arange(shape.max_tokens, dtype=np.float64)[:, None] * frequency[None, :]
    graph.constant("cos", np.cos(angle).astype(np.float32))
    graph.constant("sin", np.sin(angle).astype(np.float32))
    n_tokens = graph.op("Shape", ["input_ids"], "n_tokens", start=1, end=2)
    total = graph.op("Cast", [n_tokens], "n_tokens32", to=TensorProto.INT32)
    graph.op("Sub", [total, graph.constant("one32", np.array([1], np.int32))], "seqlens_k")
    graph.op("Squeeze", [total], "total_length")
    graph.constant("zero", _ints(0))
    graph.constant("one", _ints(1))
    graph.constant("minus_one", _ints(-1))
    graph.constant("int_max", _ints(np.iinfo(np.int64).max))
    last = graph.op("Sub", [n_tokens, "one"], "last_position")
    graph.op("Unsqueeze", [last, "zero"], "marker_position")
    graph.constant("zero_scalar", np.array(0, np.int64))
    graph.constant("one_scalar", np.array(1, np.int64))
    end = graph.op("Squeeze", [n_tokens], "n_tokens_scalar")
    positions = graph.op("Range", ["zero_scalar", end, "one_scalar"], "range")
    graph.op("Unsqueeze", [positions, "zero"], "positions")


def _embed(graph: _Graph, table: Array) -> str:
    """The embedding table in half precision: a lookup costs nothing, and int8 rows were the largest
    single error."""
    half = graph.constant("embed", table.astype(np.float16))
    rows = graph.op("Gather", [half, "input_ids"], "embed.rows")
    return graph.op("Cast", [rows], "embedded", to=TensorProto.FLOAT)


def _stacked(
    weights: Mapping[str, Array], prefix: str, parts: tuple[str, ...]
) -> tuple[Array, Array]:
    weight = np.concatenate([weights[f"{prefix}.{p}_proj.weight"] for p in parts])
    bias = np.concatenate([weights[f"{prefix}.{p}_proj.bias"] for p in parts])
    return weight, bias


def _attend(
    graph: _Graph, weights: Mapping[str, Array], shape: GraphShape, i: int, normed: str, hidden: str
) -> tuple[str, str]:
    prefix = f"model.layers.{i}.self_attn"
    qkv = graph.linear(normed, *_stacked(weights, prefix, ("q", "k", "v")), f"layer{i}.qkv")
    empty = graph.constant(
        f"layer{i}.past", np.zeros((1, shape.n_kv_heads, 0, shape.head_dim), np.float32)
    )
    attended = graph.microsoft(
        "GroupQueryAttention",
        [qkv, "", "", empty, empty, "seqlens_k", "total_length", "cos", "sin"],
        [f"layer{i}.attended", f"layer{i}.present_k", f"layer{i}.present_v"],
        num_heads=shape.n_heads,
        kv_num_heads=shape.n_kv_heads,
        do_rotary=1,
    )
    out = graph.linear(attended, weights[f"{prefix}.o_proj.weight"], None, f"layer{i}.o")
    return out, hidden


def _attend_marker(
    graph: _Graph, weights: Mapping[str, Array], shape: GraphShape, i: int, normed: str, hidden: str
) -> tuple[str, str]:
    """The last layer: keys and values of every row, the query of the marker's row alone."""
    prefix, name = f"model.layers.{i}.self_attn", f"layer{i}"
    kv = graph.linear(normed, *_stacked(weights, prefix, ("k", "v")), f"{name}.kv")
    width = shape.kv_width
    split = graph.constant(f"{name}.split", _ints(width, width))
    graph.nodes.append(helper.make_node("Split", [kv, split], [f"{name}.k", f"{name}.v"], axis=-1))
    marker = _last_row(graph, normed, f"{name}.marker")
    query = graph.linear(marker, *_stacked(weights, prefix, ("q",)), f"{name}.q")
    rotated_k = _rotate(graph, shape.n_kv_heads, f"{name}.k", "positions", f"{name}.k_rot")
    rotated_q = _rotate(graph, shape.n_heads, query, "marker_position", f"{name}.q_rot")
    per_head = graph.constant(f"{name}.per_head", _ints(-1, shape.n_kv_heads, shape.head_dim))
    grouped = graph.constant(
        f"{name}.grouped",
        _ints(shape.n_kv_heads, shape.n_heads // shape.n_kv_heads, shape.head_dim),
    )
    k = _heads_first(graph, rotated_k, per_head, f"{name}.k_heads", last_two=True)
    v = _heads_first(graph, f"{name}.v", per_head, f"{name}.v_heads")
    q = graph.op("Reshape", [rotated_q, grouped], f"{name}.q_heads")
    scaled = graph.op(
        "Mul",
        [q, graph.constant(f"{name}.inv", np.array(shape.head_dim**-0.5, np.float32))],
        f"{name}.q_scaled",
    )
    scores = graph.op("MatMul", [scaled, k], f"{name}.scores")
    probabilities = graph.op("Softmax", [scores], f"{name}.probabilities", axis=-1)
    mixed = graph.op("MatMul", [probabilities, v], f"{name}.mixed")
    row = graph.constant(f"{name}.row", _ints(1, 1, shape.hidden))
    attended = graph.op("Reshape", [mixed, row], f"{name}.attended")
    out = graph.linear(attended, weights[f"{prefix}.o_proj.weight"], None, f"{name}.o")
    return out, _last_row(graph, hidden, f"{name}.marker_hidden")


def _last_row(graph: _Graph, x: str, name: str) -> str:
    return graph.op("Slice", [x, "minus_one", "int_max", "one"], name)


def _rotate(graph: _Graph, n_heads: int, x: str, positions: str, name: str) -> str:
    inputs = [x, positions, "cos", "sin"]
    return graph.microsoft("RotaryEmbedding", inputs, [name], num_heads=n_heads)


def _heads_first(graph: _Graph, x: str, per_head: str, name: str, *, last_two: bool = False) -> str:
    """(1, T, H) -> (heads, T, dim), or (heads, dim, T) with `last_two` swapped."""
    split = graph.op("Reshape", [x, per_head], f"{name}.split")
    order = [1, 2, 0] if last_two else [1, 0, 2]
    graph.nodes.append(helper.make_node("Transpose", [split], [name], name=name, perm=order))
    return name


def _mlp(
    graph: _Graph,
    weights: Mapping[str, Array],
    shape: GraphShape,
    i: int,
    attended: str,
    hidden: str,
    following_norm: Array,
) -> tuple[str, str]:
    """Residual + norm, the gated MLP, residual + the next norm: (normed, hidden)."""
    prefix, name = f"model.layers.{i}", f"layer{i}"
    normed, hidden = _skip_norm(
        graph,
        attended,
        hidden,
        weights[f"{prefix}.post_attention_layernorm.weight"],
        f"{name}.mid",
        shape.norm_eps,
    )
    gate = graph.linear(normed, weights[f"{prefix}.mlp.gate_proj.weight"], None, f"{name}.gate")
    up = graph.linear(normed, weights[f"{prefix}.mlp.up_proj.weight"], None, f"{name}.up")
    silu = graph.microsoft("QuickGelu", [gate], [f"{name}.silu"], alpha=1.0)
    product = graph.op("Mul", [silu, up], f"{name}.product")
    down = graph.linear(product, weights[f"{prefix}.mlp.down_proj.weight"], None, f"{name}.down")
    return _skip_norm(graph, down, hidden, following_norm, f"{name}.out", shape.norm_eps)


def _skip_norm(
    graph: _Graph, x: str, hidden: str, weight: Array, name: str, eps: float
) -> tuple[str, str]:
    graph.microsoft(
        "SkipSimplifiedLayerNormalization",
        [x, hidden, graph.constant(f"{name}.norm", weight)],
        [f"{name}.normed", "", "", f"{name}.sum"],
        epsilon=eps,
    )
    return f"{name}.normed", f"{name}.sum"


def _model(graph: _Graph, shape: GraphShape) -> onnx.ModelProto:
    body = helper.make_graph(
        graph.nodes,
        "asllr",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n_tokens"])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1, 1])],
        graph.initializers,
    )
    return helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)],
        ir_version=8,
        producer_name="asllr",
        doc_string=f"at most {shape.max_tokens} tokens, the last is the answer marker",
    )

"""Builds the int8 ONNX graph of a language model: the tokens of one prompt -> one logit.

Layers of the shape of Llama, Qwen2 and Qwen3: with or without biases, with or without norms of
queries and keys. The graph ends at the highest layer that the readout names, and if only the
marker's row is read there, only that row goes through the query, the output projection and the MLP.
One prompt in a run, no padding: nothing needs a mask.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from scoring.engines.onnx import PREFIX
from scoring.engines.readout import Pool, Readout, ReadoutPart, marker_of
from training.export.graph_attention import attend, attend_last, attention_tables
from training.export.graph_parts import MICROSOFT, Array, GraphParts, QuantisedRows, stacked_linear
from training.export.graph_shape import GraphShape
from training.export.shared_prefix import SharedPrefix


def build_graph(
    weights: Mapping[str, Array],
    shape: GraphShape,
    head_weight: Array,
    head_bias: Array,
    readout: Readout | None = None,
    prefix: SharedPrefix | None = None,
) -> onnx.ModelProto:
    """Builds the graph. `weights` have the checkpoint's names (`model.layers.0...`), with the
    adapter already merged. `head_weight`: float32 (n_outputs, n_read), `head_bias`: (n_outputs,);
    output 0 is the logit. `readout`: what the head reads; by default the marker's last state.
    `prefix`: the first tokens, which are not computed again and have to be those of every prompt.
    Raises ValueError for a layer that the model does not have, or a head of another width."""
    readout = readout or marker_of(shape.n_layers)
    if readout.top_layer > shape.n_layers:
        raise ValueError(
            f"the readout names layer {readout.top_layer}, the model has {shape.n_layers}"
        )
    if head_weight.shape[1] != readout.width(shape.hidden):
        raise ValueError(
            f"the head reads {head_weight.shape[1]} numbers, the readout gives "
            f"{readout.width(shape.hidden)}"
        )
    graph = GraphParts()
    graph.find_activation_steps()
    n_prefix = len(prefix.ids) if prefix else 0
    attention_tables(graph, shape.attention, shape.rope_theta, shape.max_tokens, n_prefix)
    states = _states(graph, weights, shape, readout, prefix)
    parts = [
        _pooled(graph, states[part.layer], part, f"part{i}", prefix)
        for i, part in enumerate(readout.parts)
    ]
    _head(graph, parts, head_weight, head_bias)
    return _model(graph, shape, readout, len(head_bias), prefix)


def _states(
    graph: GraphParts,
    weights: Mapping[str, Array],
    shape: GraphShape,
    readout: Readout,
    prefix: SharedPrefix | None,
) -> dict[int, str]:
    """The states of every layer up to the readout's highest, by their index. Of the highest, only
    the last row where nothing else is read of it."""
    top, eps = readout.top_layer, shape.attention.norm_eps
    hidden = _embedded(graph, weights["model.embed_tokens.weight"], prefix)
    states = {0: hidden}
    if top == 0:
        return states
    normed = graph.norm(hidden, weights[_norm_before(0)], "layer0.in", eps)
    for i in range(top):
        is_pruned = i == top - 1 and all(
            part.pool is Pool.MARKER for part in readout.parts if part.layer == top
        )
        attention = attend_last if is_pruned else attend
        attended = attention(graph, weights, shape.attention, i, normed, prefix)
        if is_pruned:
            hidden = graph.last_row(hidden, f"layer{i}.last_hidden")
        down, hidden = _mlp(graph, weights, i, attended, hidden, eps)
        name = f"layer{i}.out"
        if i == shape.n_layers - 1:
            states[i + 1], _ = graph.skip_norm(
                down, hidden, weights["model.norm.weight"], name, eps
            )
        elif i == top - 1:
            states[i + 1] = graph.op("Add", [down, hidden], name)
        else:
            following = weights[_norm_before(i + 1)]
            normed, hidden = graph.skip_norm(down, hidden, following, name, eps)
            states[i + 1] = hidden
    return states


def _norm_before(layer: int) -> str:
    return f"model.layers.{layer}.input_layernorm.weight"


def _embedded(graph: GraphParts, table: Array, prefix: SharedPrefix | None) -> str:
    """The embedding table in half precision: a lookup costs nothing, and int8 rows were the largest
    single error."""
    half = graph.constant("embed", table.astype(np.float16))
    ids = _after_prefix(graph, "input_ids", prefix, "embed.ids")
    rows = graph.op("Gather", [half, ids], "embed.rows")
    return graph.op("Cast", [rows], "embedded", to=TensorProto.FLOAT)


def _mlp(
    graph: GraphParts,
    weights: Mapping[str, Array],
    i: int,
    attended: str,
    hidden: str,
    eps: float,
) -> tuple[str, str]:
    """Residual and norm, then the gated MLP: (what it adds, the sums it is added to). What enters
    the down projection has the widest range of all: it is read in 16 bits, by two products."""
    prefix, name = f"model.layers.{i}", f"layer{i}"
    norm = weights[f"{prefix}.post_attention_layernorm.weight"]
    normed, hidden = graph.skip_norm(attended, hidden, norm, f"{name}.mid", eps)
    rows = graph.quantised(normed, f"{name}.mlp_in")
    gate, up, down = (
        stacked_linear(weights, f"{prefix}.mlp", (part,)) for part in ("gate", "up", "down")
    )
    gated = graph.microsoft(
        "QuickGelu", [graph.linear(rows, *gate, f"{name}.gate")], [f"{name}.silu"], alpha=1.0
    )
    if up[1] is None:
        # A row's scale passes through the product to the next rounding, which finds its own.
        raised, scale = graph.product(rows, up[0], f"{name}.up"), rows.scale
    else:
        raised, scale = graph.linear(rows, *up, f"{name}.up"), graph.number(1.0)
    product = graph.op("Mul", [gated, raised], f"{name}.product")
    inner = graph.quantised(product, f"{name}.down_in")
    rest = graph.rounded_off(product, inner, f"{name}.down_in")
    coarse = QuantisedRows(inner.rows, graph.op("Mul", [inner.scale, scale], f"{name}.down_scale"))
    fine_scale = graph.op("Mul", [rest.scale, scale], f"{name}.rest_scale")
    fine = graph.product(rest, down[0], f"{name}.down_rest", weight_of=f"{name}.down")
    added = graph.op("Mul", [fine, fine_scale], f"{name}.down_fine")
    largest = graph.linear(coarse, *down, f"{name}.down")
    return graph.op("Add", [largest, added], f"{name}.down_sum"), hidden


def _head(
    graph: GraphParts, parts: list[str], head_weight: Array, head_bias: NDArray[np.float32]
) -> None:
    vector = graph.op("Concat", parts, "vector", axis=-1)
    weight = graph.constant("head.weight", head_weight.T.astype(np.float32))
    bias = graph.constant("head.bias", head_bias.astype(np.float32))
    graph.op("Gemm", [vector, weight, bias], "logit")


def _after_prefix(graph: GraphParts, by_token: str, prefix: SharedPrefix | None, name: str) -> str:
    """(1, n_tokens) without the prefix's."""
    if prefix is None:
        return by_token
    top = graph.ints(np.iinfo(np.int64).max)
    inputs = [by_token, graph.ints(len(prefix.ids)), top, graph.ints(1)]
    return graph.op("Slice", inputs, name)


def _pooled(
    graph: GraphParts, states: str, part: ReadoutPart, name: str, prefix: SharedPrefix | None
) -> str:
    """(1, n_tokens, hidden) -> (1, hidden)."""
    if part.pool is Pool.MEAN:
        total = graph.op("ReduceSum", [states, graph.ints(1)], f"{name}.sum", keepdims=0)
        if prefix is not None:
            first = graph.constant(f"{name}.prefix", prefix.sums[part.layer])
            total = graph.op("Add", [total, first], f"{name}.total")
        n_tokens = graph.op("Cast", ["n_tokens"], f"{name}.n_tokens", to=TensorProto.FLOAT)
        return graph.op("Div", [total, n_tokens], name)
    if part.pool is Pool.MARKER:
        pooled = graph.last_row(states, f"{name}.row")
    else:
        weights = _after_prefix(graph, "weights", prefix, f"{name}.rest")
        by_row = graph.op("Unsqueeze", [weights, graph.ints(1)], f"{name}.weights")
        pooled = graph.op("MatMul", [by_row, states], f"{name}.mean")
    return graph.op("Squeeze", [pooled, graph.ints(1)], name)


def _model(
    graph: GraphParts,
    shape: GraphShape,
    readout: Readout,
    n_outputs: int,
    prefix: SharedPrefix | None,
) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n_tokens"])]
    if readout.needs_spoken:
        inputs.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [1, "n_tokens"]))
    body = helper.make_graph(
        graph.nodes,
        "asllr",
        inputs,
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1, n_outputs])],
        list(graph.initializers.values()),
    )
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)],
        ir_version=8,
        producer_name="asllr",
        doc_string=f"at most {shape.max_tokens} tokens, the last is the answer marker",
    )
    if prefix is not None:
        helper.set_model_props(model, {PREFIX: " ".join(map(str, prefix.ids))})
    return model

"""Builds the int8 ONNX graph of a language model: one chunk of a prompt -> one logit.

Layers of the shape of Llama, Qwen2 and Qwen3: with or without biases, with or without norms of
queries and keys. The graph reads a chunk of one prompt, given what `scoring.engines.chunked` keeps
of the chunks before: their keys and values, and the sums of their states. It ends at the highest
layer that the readout names, and if only the marker's row is read there, only that row goes through
the query, the output projection and the MLP. The logit is that of a prompt that ends with the
chunk.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from scoring.engines.chunk_graph import (
    CHUNKS,
    KEPT,
    KEYS_AND_VALUES,
    LOGIT,
    N_BEFORE,
    PREFIX,
    SPOKEN,
    SPOKEN_SHARE,
    SUMS,
    SUMS_BEFORE,
    TOKENS,
    ChunkSizes,
    past_name,
)
from scoring.engines.readout import Pool, Readout, ReadoutPart, marker_of
from training.export.graph_attention import attend, attend_last, attention_tables
from training.export.graph_parts import MICROSOFT, Array, GraphParts, stacked_linear
from training.export.graph_shape import GraphShape
from training.export.shared_prefix import SharedPrefix


def build_graph(
    weights: Mapping[str, Array],
    shape: GraphShape,
    head: tuple[Array, Array] | None,
    readout: Readout | None = None,
    prefix: SharedPrefix | None = None,
) -> onnx.ModelProto:
    """Builds the graph. `weights` have the checkpoint's names (`model.layers.0...`), with the
    adapter already merged. `head`: weight, float32 (n_outputs, n_read), and bias, (n_outputs,);
    output 0 is the logit; None gives what a head would read. `readout`: what the head reads; by
    default the marker's last state. `prefix`: the first tokens, which are not computed again and
    have to be those of every prompt.
    Raises ValueError for a layer that the model does not have, or a head of another width."""
    readout = readout or marker_of(shape.n_layers)
    if readout.top_layer > shape.n_layers:
        raise ValueError(
            f"the readout names layer {readout.top_layer}, the model has {shape.n_layers}"
        )
    if head is not None and head[0].shape[1] != readout.width(shape.hidden):
        raise ValueError(
            f"the head reads {head[0].shape[1]} numbers, the readout gives "
            f"{readout.width(shape.hidden)}"
        )
    graph = GraphParts()
    graph.find_activation_steps()
    attention_tables(graph, shape.attention, shape.rope_theta, shape.max_tokens)
    states = _states(graph, weights, shape, readout, prefix)
    if readout.top_layer > 0:
        kept = [past_name(i, which) for i in range(readout.top_layer) for which in KEYS_AND_VALUES]
        graph.op("Concat", [f"{name}.new" for name in kept], KEPT, axis=0)
    _head(graph, _read_parts(graph, readout, states, prefix), head)
    n_outputs = readout.width(shape.hidden) if head is None else len(head[1])
    return _model(graph, shape, readout, n_outputs, prefix)


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
    hidden = _embedded(graph, weights["model.embed_tokens.weight"])
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
        zeros = "last_zeros" if is_pruned else "row_zeros"
        down, hidden = _mlp(graph, weights, i, (attended, hidden), eps, zeros)
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


def _embedded(graph: GraphParts, table: Array) -> str:
    """The embedding table in half precision: a lookup costs nothing, and int8 rows were the largest
    single error."""
    half = graph.constant("embed", table.astype(np.float16))
    rows = graph.op("Gather", [half, TOKENS], "embed.rows")
    return graph.op("Cast", [rows], "embedded", to=TensorProto.FLOAT)


def _mlp(
    graph: GraphParts,
    weights: Mapping[str, Array],
    i: int,
    added_to: tuple[str, str],
    eps: float,
    zeros: str,
) -> tuple[str, str]:
    """Residual and norm, then the gated MLP: (what it adds, the sums it is added to). What enters
    the down projection has the widest range of all: it is read in 16 bits, by two products."""
    prefix, name = f"model.layers.{i}", f"layer{i}"
    norm = weights[f"{prefix}.post_attention_layernorm.weight"]
    normed, hidden = graph.skip_norm(*added_to, norm, f"{name}.mid", eps)
    rows = graph.quantised(normed, f"{name}.mlp_in", zeros)
    gate, up, down = (
        stacked_linear(weights, f"{prefix}.mlp", (part,)) for part in ("gate", "up", "down")
    )
    gated = graph.microsoft(
        "QuickGelu", [graph.linear(rows, *gate, f"{name}.gate")], [f"{name}.silu"], alpha=1.0
    )
    if up[1] is None:
        # A row's scale passes through the product to the next rounding, which finds its own.
        raised, scale = graph.product(rows.rows, up[0], f"{name}.up"), rows.scale
    else:
        raised, scale = graph.linear(rows, *up, f"{name}.up"), graph.number(1.0)
    product = graph.op("Mul", [gated, raised], f"{name}.product")
    inner = graph.quantised(product, f"{name}.down_in", zeros)
    rest = graph.rounded_off(product, inner, f"{name}.down_in")
    coarse = graph.product(inner.rows, down[0], f"{name}.down")
    fine = graph.product(rest, down[0], f"{name}.down_rest", weight_of=f"{name}.down")
    in_steps = graph.op("Mul", [fine, "rest_step"], f"{name}.down_fine")
    both = graph.op("Add", [coarse, in_steps], f"{name}.down_both")
    down_scale = graph.op("Mul", [inner.scale, scale], f"{name}.down_scale")
    return graph.scaled(both, down_scale, down[1], f"{name}.down"), hidden


def _head(graph: GraphParts, parts: list[str], head: tuple[Array, Array] | None) -> None:
    if head is None:
        graph.op("Concat", parts, LOGIT, axis=-1)
        return
    vector = graph.op("Concat", parts, "vector", axis=-1)
    weight = graph.constant("head.weight", head[0].T.astype(np.float32))
    bias = graph.constant("head.bias", head[1].astype(np.float32))
    graph.op("Gemm", [vector, weight, bias], LOGIT)


def _read_parts(
    graph: GraphParts, readout: Readout, states: Mapping[int, str], prefix: SharedPrefix | None
) -> list[str]:
    """What the head reads, each (1, hidden): of the chunk's last row, or of the sums over this
    chunk, those before it and the prefix."""
    named = dict.fromkeys(readout.parts)  # each once, in an order that is always the same
    summed = [part for part in readout.parts if part.pool is not Pool.MARKER]
    if summed:
        new = [_summed(graph, states[part.layer], part, i) for i, part in enumerate(summed)]
        graph.op("Add", [SUMS_BEFORE, graph.op("Concat", new, "sums.new", axis=0)], SUMS)
    read = {part: _mean(graph, part, i, prefix) for i, part in enumerate(summed)}
    for part in (part for part in named if part.pool is Pool.MARKER):
        name = f"layer{part.layer}.marker"
        row = graph.last_row(states[part.layer], f"{name}.row")
        read[part] = graph.op("Squeeze", [row, graph.ints(1)], name)
    return [read[part] for part in readout.parts]


def _summed(graph: GraphParts, states: str, part: ReadoutPart, i: int) -> str:
    """(1, n_rows, hidden) -> (1, hidden)."""
    name = f"sums.{i}"
    if part.pool is Pool.MEAN:
        return graph.op("ReduceSum", [states, graph.ints(1)], name, keepdims=0)
    by_row = graph.op("Unsqueeze", [SPOKEN, graph.ints(1)], f"{name}.weights")
    total = graph.op("MatMul", [by_row, states], f"{name}.total")
    return graph.op("Squeeze", [total, graph.ints(1)], name)


def _mean(graph: GraphParts, part: ReadoutPart, i: int, prefix: SharedPrefix | None) -> str:
    """Row `i` of the sums (n_sums, hidden) as a mean: (1, hidden)."""
    name = f"mean.{i}"
    total = graph.op("Gather", [SUMS, graph.ints(i)], f"{name}.sum", axis=0)
    if part.pool is Pool.SPOKEN:
        return graph.op("Mul", [total, SPOKEN_SHARE], name)
    if prefix is not None:
        first = graph.constant(f"{name}.prefix", prefix.sums[part.layer])
        total = graph.op("Add", [total, first], f"{name}.total")
    n_tokens = graph.op("Cast", ["n_tokens"], f"{name}.n_tokens", to=TensorProto.FLOAT)
    return graph.op("Div", [total, n_tokens], name)


def _model(
    graph: GraphParts,
    shape: GraphShape,
    readout: Readout,
    n_outputs: int,
    prefix: SharedPrefix | None,
) -> onnx.ModelProto:
    info, n_layers = helper.make_tensor_value_info, readout.top_layer
    width = shape.attention.kv_width
    n_sums = sum(part.pool is not Pool.MARKER for part in readout.parts)
    inputs = [
        info(TOKENS, TensorProto.INT64, [1, "n_rows"]),
        info(N_BEFORE, TensorProto.INT64, [1]),
    ]
    inputs += [
        info(past_name(i, which), TensorProto.FLOAT16, ["n_past", width])
        for i in range(n_layers)
        for which in KEYS_AND_VALUES
    ]
    outputs = [info(LOGIT, TensorProto.FLOAT, [1, n_outputs])]
    if n_layers > 0:
        outputs.append(info(KEPT, TensorProto.FLOAT16, ["n_kept", width]))
    if n_sums > 0:
        inputs.append(info(SUMS_BEFORE, TensorProto.FLOAT, [n_sums, shape.hidden]))
        outputs.append(info(SUMS, TensorProto.FLOAT, [n_sums, shape.hidden]))
    if readout.needs_spoken:
        inputs.append(info(SPOKEN, TensorProto.FLOAT, [1, "n_rows"]))
        inputs.append(info(SPOKEN_SHARE, TensorProto.FLOAT, [1]))
    body = helper.make_graph(
        graph.nodes, "asllr", inputs, outputs, list(graph.initializers.values())
    )
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)],
        ir_version=8,
        producer_name="asllr",
        doc_string=f"at most {shape.max_tokens} tokens, the last is the answer marker",
    )
    ids = prefix.ids if prefix is not None else ()
    sizes = ChunkSizes()
    props = {PREFIX: " ".join(map(str, ids)), CHUNKS: f"{sizes.chunk} {sizes.rest}"}
    helper.set_model_props(model, props)
    return model

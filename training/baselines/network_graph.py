"""Writes a fitted DeepFM or DCN-v2 as an ONNX graph that encodes a row and runs the network.

The graph computes in float32 what torch computes: words by comparing a value with the edges of its
column, numbers scaled by their logarithm, batch normalisation folded into the layer before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from scoring.floats import Floats
from scoring.prompt.declaration import Kind
from training.baselines.columns.fields import Fields

CERTAIN = 1e-7
"""The models return probabilities; nearer to 0 or 1 the logit is not finite."""

LARGEST_LOGIT = float(np.log((1 - CERTAIN) / CERTAIN))

Weights = dict[str, NDArray[Any]]


def build_network_graph(model: torch.nn.Module, fields: Fields) -> onnx.ModelProto:
    """Builds the graph. Input `row` (n, columns) float32, NaN = unknown; output `logit` (n, 1)."""
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    graph = _Graph()
    numbers = [at for at, (kind, _) in enumerate(fields.encoding.kinds) if kind is Kind.NUMBER]
    graph.encode(fields, numbers, weights)
    flat = graph.add("Flatten", ["embedded"], axis=1)
    joined = graph.add("Concat", [flat, "scaled"], axis=1) if numbers else flat
    if any(name.startswith("crossnet.") for name in weights):
        crossed = graph.cross(joined, weights)
        deep = graph.layers(joined, weights, "parallel_dnn.mlp")
        both = graph.add("Concat", [crossed, deep], axis=1)
        graph.linear(both, weights, "linear.fc", "sure")
    else:
        linear = graph.linear(flat, weights, "linear.fc")
        deep = graph.layers(joined, weights, "mlp.mlp")
        graph.add("Sum", [linear, graph.pairs(), deep], "sure")
    limits = [graph.constant(np.array(limit)) for limit in (-LARGEST_LOGIT, LARGEST_LOGIT)]
    graph.add("Clip", ["sure", *limits], "logit")
    return graph.model(len(fields.edges))


class _Graph:
    """Nodes and constants, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        name = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        kind = np.int64 if value.dtype.kind == "i" else np.float32
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def encode(self, fields: Fields, numbers: list[int], weights: Weights) -> None:
        """`embedded` (n, columns, size) and, where a column is a number, `scaled` (n, numbers)."""
        widest = max(len(edges) for edges in fields.edges) or 1
        edges = np.full((1, len(fields.edges), widest), np.inf, dtype=np.float32)
        for at, of_column in enumerate(fields.edges):
            edges[0, at, : len(of_column)] = _at_least(of_column)
        tables = [
            weights[f"embedding.embed_dict.word_{at}.weight"] for at in range(len(fields.edges))
        ]
        offsets = np.cumsum([0, *(len(table) for table in tables[:-1])])
        axis = self.constant(np.array([2], dtype=np.int64))
        values = self.add("Unsqueeze", ["row", axis])
        passed = self.add("GreaterOrEqual", [values, self.constant(edges)])
        n_passed = self.add(
            "ReduceSum", [self.add("Cast", [passed], to=TensorProto.FLOAT), axis], keepdims=0
        )
        known = self.add("Add", [n_passed, self.constant(np.ones(1))])
        is_unknown = self.add("IsNaN", ["row"])
        words = self.add("Where", [is_unknown, self.constant(np.zeros(1)), known])
        codes = self.add("Cast", [words], to=TensorProto.INT64)
        places = self.add("Add", [codes, self.constant(offsets.astype(np.int64))])
        self.add("Gather", [self.constant(np.concatenate(tables)), places], "embedded", axis=0)
        if numbers:
            self._scale(fields, np.array(numbers, dtype=np.int64))

    def _scale(self, fields: Fields, numbers: NDArray[np.int64]) -> None:
        centres = np.array(fields.encoding.centres)[numbers]
        spreads = np.array(fields.encoding.spreads)[numbers]
        values = self.add("Gather", ["row", self.constant(numbers)], axis=1)
        size = self.add("Add", [self.add("Abs", [values]), self.constant(np.ones(1))])
        logs = self.add("Mul", [self.add("Sign", [values]), self.add("Log", [size])])
        moved = self.add("Sub", [logs, self.constant(centres)])
        scaled = self.add("Div", [moved, self.constant(spreads)])
        is_unknown = self.add("IsNaN", [values])
        self.add("Where", [is_unknown, self.constant(np.zeros(1)), scaled], "scaled")

    def pairs(self) -> str:
        """The interactions of all pairs of columns: half of the squared sum less the sum of
        squares."""
        axis = self.constant(np.array([1], dtype=np.int64))
        total = self.add("ReduceSum", ["embedded", axis], keepdims=0)
        squares = self.add(
            "ReduceSum", [self.add("Mul", ["embedded", "embedded"]), axis], keepdims=0
        )
        difference = self.add("Sub", [self.add("Mul", [total, total]), squares])
        return self.add(
            "Mul", [self.add("ReduceSum", [difference, axis]), self.constant(np.full(1, 0.5))]
        )

    def cross(self, first: str, weights: Weights) -> str:
        """Cross layers: x ← x₀ ⊙ (W x) + b + x."""
        crossed, at = first, 0
        while f"crossnet.w.{at}.weight" in weights:
            matrix = self.constant(weights[f"crossnet.w.{at}.weight"].T)
            product = self.add("Mul", [first, self.add("MatMul", [crossed, matrix])])
            bias = self.constant(weights[f"crossnet.b.{at}"])
            crossed = self.add("Sum", [product, bias, crossed])
            at += 1
        return crossed

    def layers(self, entering: str, weights: Weights, name: str) -> str:
        """Linear layers, each with batch normalisation and ReLU; the last one has neither where it
        is the output."""
        at = 0
        while f"{name}.{at}.weight" in weights:
            matrix, bias = weights[f"{name}.{at}.weight"], weights[f"{name}.{at}.bias"]
            normal = f"{name}.{at + 1}"
            is_normalised = f"{normal}.running_mean" in weights
            if is_normalised:
                spread = np.sqrt(weights[f"{normal}.running_var"] + torch.nn.BatchNorm1d(1).eps)
                scale = weights[f"{normal}.weight"] / spread
                matrix = matrix * scale[:, None]
                bias = (bias - weights[f"{normal}.running_mean"]) * scale + weights[
                    f"{normal}.bias"
                ]
            entering = self.add("Gemm", [entering, self.constant(matrix.T), self.constant(bias)])
            entering = self.add("Relu", [entering]) if is_normalised else entering
            at += LAYER_MODULES
        return entering

    def linear(self, entering: str, weights: Weights, name: str, output: str = "") -> str:
        matrix, bias = weights[f"{name}.weight"].T, weights[f"{name}.bias"]
        return self.add("Gemm", [entering, self.constant(matrix), self.constant(bias)], output)

    def model(self, n_columns: int) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["n", n_columns])],
            [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n", 1])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="asllr")


LAYER_MODULES = 4
"""Linear, batch normalisation, ReLU and dropout."""


def _at_least(edges: Floats) -> NDArray[np.float32]:
    """The smallest float32 that are >= the doubles: then `x >= edge` holds for the same float32
    x."""
    nearest = edges.astype(np.float32)
    higher = np.nextafter(nearest, np.float32(np.inf))
    return np.where(nearest.astype(np.float64) < edges, higher, nearest).astype(np.float32)

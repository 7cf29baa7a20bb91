"""What an ONNX graph is put together from: nodes, constants, int8 products.

Activations are quantised with one scale per token, not per tensor: pre-trained models have a few
activations that are a thousand times the others, and one token that holds them must not decide how
finely all others are read. It also makes a token's row the same whatever the others are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[np.float32]

MICROSOFT = "com.microsoft"
WEIGHT_MAX = 127
FINE, COARSE = 127, 63
"""The largest quantised activation. They are unsigned, FINE about 128 or COARSE about 64: kernels
for signed ones are slow or missing. x86 without VNNI adds two products of u8 and s8 in 16 bits,
which 8-bit weights overflow unless activations have 7 bits: the graph finds out where it runs."""


@dataclass(frozen=True, slots=True)
class QuantisedRows:
    """The names of int8 rows (1, n_tokens, width) and of their scales (1, n_tokens, 1)."""

    rows: str
    scale: str


@dataclass(slots=True)
class GraphParts:
    """Nodes and initializers while the graph is built; `op` returns the name of a node's first
    output."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: dict[str, onnx.TensorProto] = field(default_factory=dict)

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Adds a constant; a name that is there already is not added again."""
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, *values: int) -> str:
        """A constant vector of whole numbers."""
        return self.constant("ints." + ".".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A constant float32 scalar."""
        return self.constant(f"number.{value!r}", np.array(value, np.float32))

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

    def split(self, x: str, widths: tuple[int, ...], names: list[str]) -> list[str]:
        """Cuts the last axis."""
        self.nodes.append(
            helper.make_node("Split", [x, self.ints(*widths)], names, name=names[0], axis=-1)
        )
        return names

    def last_row(self, x: str, name: str) -> str:
        """(1, n_tokens, width) -> (1, 1, width)."""
        top = self.ints(np.iinfo(np.int64).max)
        return self.op("Slice", [x, self.ints(-1), top, self.ints(1)], name)

    def norm(self, x: str, weight: Array, name: str, eps: float) -> str:
        """Root mean square norm over the last axis. B. Zhang, R. Sennrich, Root Mean Square Layer
        Normalization, 2019, arXiv 1910.07467."""
        inputs = [x, self.constant(f"{name}.weight", weight)]
        return self.op("SimplifiedLayerNormalization", inputs, name, epsilon=eps, axis=-1)

    def skip_norm(
        self, x: str, hidden: str, weight: Array, name: str, eps: float
    ) -> tuple[str, str]:
        """The norm of `x + hidden`, and the sum itself."""
        self.microsoft(
            "SkipSimplifiedLayerNormalization",
            [x, hidden, self.constant(f"{name}.norm", weight)],
            [f"{name}.normed", "", "", f"{name}.sum"],
            epsilon=eps,
        )
        return f"{name}.normed", f"{name}.sum"

    def find_activation_steps(self) -> None:
        """Names `activation_max` and `activation_zero`: FINE where this product of the largest
        numbers is exact, COARSE where it overflows."""
        rows, width = 8, 64
        ones = self.constant("try.rows", np.full((rows, width), 255, np.uint8))
        weight = self.constant("try.weight", np.full((width, width), WEIGHT_MAX, np.int8))
        product = self.op("MatMulInteger", [ones, weight], "try.product")
        most = self.op("ReduceMin", [product], "try.least", keepdims=0)
        exact = self.constant("try.exact", np.array(width * 255 * WEIGHT_MAX, np.int32))
        is_exact = self.op("Equal", [most, exact], "try.is_exact")
        for name, fine, coarse in (
            ("activation_max", np.float32(FINE), np.float32(COARSE)),
            ("activation_zero", np.uint8(FINE + 1), np.uint8(COARSE + 1)),
        ):
            choices = [
                self.constant(f"{name}.{value}", np.array(value)) for value in (fine, coarse)
            ]
            self.op("Where", [is_exact, *choices], name)

    def quantised(self, x: str, name: str) -> QuantisedRows:
        """Quantises each row of `x` (1, n_tokens, width) by its own largest absolute value."""
        most = self.op("ReduceMax", [x], f"{name}.most", axes=[-1])
        least = self.op("ReduceMin", [x], f"{name}.least", axes=[-1])
        largest = self.op("Max", [most, self.op("Neg", [least], f"{name}.neg")], f"{name}.largest")
        raised = self.op("Max", [largest, self.number(1e-30)], f"{name}.raised")
        scale = self.op("Div", [raised, "activation_max"], f"{name}.scale")
        flat = self.op("Reshape", [scale, self.ints(-1)], f"{name}.scales")
        shape = self.op("Shape", [flat], f"{name}.n")
        zeros = self.op("Expand", ["activation_zero", shape], f"{name}.zeros")
        return QuantisedRows(
            self.op("QuantizeLinear", [x, flat, zeros], f"{name}.rows", axis=1), scale
        )

    def rounded_off(self, x: str, rows: QuantisedRows, name: str) -> QuantisedRows:
        """What `quantised(x, name)` lost, quantised in its turn: both together hold 16 bits."""
        inputs = [rows.rows, f"{name}.scales", f"{name}.zeros"]
        held = self.op("DequantizeLinear", inputs, f"{name}.held", axis=1)
        return self.quantised(self.op("Sub", [x, held], f"{name}.lost"), f"{name}.rest")

    def linear(self, x: QuantisedRows, weight: Array, bias: Array | None, name: str) -> str:
        """`x @ weight.T + bias` with int8 weights per output channel, as in `nn.Linear`."""
        scaled = self.op("Mul", [self.product(x, weight, name), x.scale], f"{name}.scaled")
        if bias is None:
            return scaled
        return self.op("Add", [scaled, self.constant(f"{name}.bias", bias)], f"{name}.biased")

    def product(
        self, x: QuantisedRows, weight: Array, name: str, weight_of: str | None = None
    ) -> str:
        """`x @ weight.T`, each row divided by its scale. `weight_of`: the product that has added
        this weight to the graph already."""
        kept = weight_of or name
        scale = np.maximum(np.abs(weight).max(axis=1), 1e-12) / WEIGHT_MAX
        quantised = np.rint(weight / scale[:, None]).astype(np.int8)
        return self.microsoft(
            "MatMulIntegerToFloat",
            [
                x.rows,
                self.constant(f"{kept}.weight", quantised.T),
                self.constant("one", np.array(1, np.float32)),
                self.constant(f"{kept}.scale", scale.astype(np.float32)),
                "activation_zero",
            ],
            [name],
        )


def stacked_linear(
    weights: Mapping[str, Array], prefix: str, parts: tuple[str, ...]
) -> tuple[Array, Array | None]:
    """Weight and bias of several projections stacked to one; no bias where no part has one."""
    stacked = [weights[f"{prefix}.{part}_proj.weight"] for part in parts]
    names = [f"{prefix}.{part}_proj.bias" for part in parts]
    if not any(name in weights for name in names):
        return np.concatenate(stacked), None
    biases = [
        weights.get(name, np.zeros(len(weight), np.float32))
        for name, weight in zip(names, stacked, strict=True)
    ]
    return np.concatenate(stacked), np.concatenate(biases)

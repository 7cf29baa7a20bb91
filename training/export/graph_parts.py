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

from scoring.engines.chunk_graph import TOKENS

Array = NDArray[np.float32]

MICROSOFT = "com.microsoft"
WEIGHT_MAX = 127
FINE, COARSE = 127, 63
"""The largest quantised activation. They are unsigned, FINE about 128 or COARSE about 64: kernels
for signed ones are slow or missing. x86 without VNNI adds two products of u8 and s8 in 16 bits,
which 8-bit weights overflow unless activations have 7 bits: the graph finds out where it runs."""


@dataclass(frozen=True, slots=True)
class QuantisedRows:
    """The names of int8 rows (1, n_rows, width), of their scales (1, n_rows, 1), and of scales and
    zero points as vectors (n_rows,)."""

    rows: str
    scale: str
    scales: str
    zeros: str


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

    def last_of(self, x: str, name: str, axis: int) -> str:
        """The last of an axis, which is kept."""
        top = self.ints(np.iinfo(np.int64).max)
        return self.op("Slice", [x, self.ints(-1), top, self.ints(axis)], name)

    def last_row(self, x: str, name: str) -> str:
        """(1, n_rows, width) -> (1, 1, width)."""
        return self.last_of(x, name, axis=1)

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
            ("rest_step", np.float32(0.5 / FINE), np.float32(0.5 / COARSE)),
        ):
            choices = [
                self.constant(f"{name}.{value}", np.array(value)) for value in (fine, coarse)
            ]
            self.op("Where", [is_exact, *choices], name)
        n_rows = self.op("Shape", [TOKENS], "zeros.n", start=1, end=2)
        self.op("Expand", ["activation_zero", n_rows], "row_zeros")
        self.op("Expand", ["activation_zero", self.ints(1)], "last_zeros")

    def quantised(self, x: str, name: str, zeros: str = "row_zeros") -> QuantisedRows:
        """Quantises each row of `x` (1, n_rows, width) by its own largest absolute value. `zeros`:
        "row_zeros" for as many rows as the chunk has, "last_zeros" for one."""
        most = self.op("ReduceMax", [x], f"{name}.most", axes=[-1])
        least = self.op("ReduceMin", [x], f"{name}.least", axes=[-1])
        opposite = self.op("Neg", [least], f"{name}.neg")
        largest = self.op("Max", [most, opposite, self.number(1e-30)], f"{name}.largest")
        scale = self.op("Div", [largest, "activation_max"], f"{name}.scale")
        flat = self.op("Reshape", [scale, self.ints(-1)], f"{name}.scales")
        rows = self.op("QuantizeLinear", [x, flat, zeros], f"{name}.rows", axis=1)
        return QuantisedRows(rows, scale, flat, zeros)

    def rounded_off(self, x: str, rows: QuantisedRows, name: str) -> str:
        """What `quantised(x, name)` lost, quantised in its turn in steps of `rest_step` of the
        first's: both together hold 16 bits. A row loses half a step at most, so its scale is known
        and no largest has to be found."""
        inputs = [rows.rows, rows.scales, rows.zeros]
        held = self.op("DequantizeLinear", inputs, f"{name}.held", axis=1)
        lost = self.op("Sub", [x, held], f"{name}.lost")
        steps = self.op("Mul", [rows.scales, "rest_step"], f"{name}.rest_scales")
        return self.op("QuantizeLinear", [lost, steps, rows.zeros], f"{name}.rest", axis=1)

    def linear(self, x: QuantisedRows, weight: Array, bias: Array | None, name: str) -> str:
        """`x @ weight.T + bias` with int8 weights per output channel, as in `nn.Linear`."""
        return self.scaled(self.product(x.rows, weight, name), x.scale, bias, name)

    def scaled(self, product: str, scale: str, bias: Array | None, name: str) -> str:
        """`product * scale + bias`."""
        scaled = self.op("Mul", [product, scale], f"{name}.scaled")
        if bias is None:
            return scaled
        return self.op("Add", [scaled, self.constant(f"{name}.bias", bias)], f"{name}.biased")

    def product(self, rows: str, weight: Array, name: str, weight_of: str | None = None) -> str:
        """`rows @ weight.T`, each row divided by its scale. `weight_of`: the product that has added
        this weight to the graph already."""
        kept = weight_of or name
        scale = np.maximum(np.abs(weight).max(axis=1), 1e-12) / WEIGHT_MAX
        quantised = np.rint(weight / scale[:, None]).astype(np.int8)
        return self.microsoft(
            "MatMulIntegerToFloat",
            [
                rows,
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

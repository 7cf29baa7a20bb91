"""Converts a fitted LightGBM model into an ONNX tree ensemble that decides exactly as LightGBM
does."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import onnx
from onnx import TensorProto, helper

ML = "ai.onnx.ml"


def build_tree_graph(
    booster: lightgbm.Booster, init_logit: float = 0.0, *, scale: float = 1.0
) -> onnx.ModelProto:
    """Builds the graph. Input `row` (n, features) float32, NaN = unknown; output `logit` (n, 1) =
    `scale` · raw score + `init_logit`. Numeric splits only. Exact for rows of float32: see
    `_float_at_most`."""
    dumped = booster.dump_model()
    table = _NodeTable(scale)
    for tree_id, tree in enumerate(dumped["tree_info"]):
        table.add_tree(tree_id, tree["tree_structure"])
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["row"],
        ["logit"],
        domain=ML,
        n_targets=1,
        base_values=[init_logit],
        aggregate_function="SUM",
        post_transform="NONE",
        **table.columns,  # type: ignore[arg-type]  # the stub wants str
    )
    width = booster.num_feature()
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n", 1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="asllr")


class _NodeTable:
    """The parallel columns in which ONNX keeps all nodes of all trees."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        nodes = "treeids nodeids featureids modes values truenodeids falsenodeids"
        names = [f"nodes_{name}" for name in nodes.split()]
        names += ["nodes_missing_value_tracks_true"]
        names += [f"target_{name}" for name in ("treeids", "nodeids", "ids", "weights")]
        self.columns: dict[str, list[Any]] = {name: [] for name in names}

    def add_tree(self, tree_id: int, root: dict[str, Any]) -> None:
        pending, numbered = [root], {id(root): 0}
        while pending:
            node = pending.pop()
            if "leaf_value" in node:
                self._leaf(tree_id, numbered[id(node)], self.scale * node["leaf_value"])
                continue
            for side in ("left_child", "right_child"):
                numbered[id(node[side])] = len(numbered)
                pending.append(node[side])
            self._split(tree_id, node, numbered)

    def _split(self, tree_id: int, node: dict[str, Any], numbered: dict[int, int]) -> None:
        if node["decision_type"] != "<=":
            raise ValueError(f"split {node['decision_type']!r}: only numeric splits are exported")
        self._node(
            treeids=tree_id,
            nodeids=numbered[id(node)],
            featureids=node["split_feature"],
            modes="BRANCH_LEQ",
            values=_float_at_most(node["threshold"]),
            truenodeids=numbered[id(node["left_child"])],
            falsenodeids=numbered[id(node["right_child"])],
            missing_value_tracks_true=int(_unknown_goes_left(node)),
        )

    def _leaf(self, tree_id: int, node_id: int, value: float) -> None:
        self._node(
            treeids=tree_id,
            nodeids=node_id,
            featureids=0,
            modes="LEAF",
            values=0.0,
            truenodeids=0,
            falsenodeids=0,
            missing_value_tracks_true=0,
        )
        for name, cell in zip(
            ("treeids", "nodeids", "ids", "weights"), (tree_id, node_id, 0, value), strict=True
        ):
            self.columns[f"target_{name}"].append(cell)

    def _node(self, **cells: Any) -> None:
        for name, cell in cells.items():
            self.columns[f"nodes_{name}"].append(cell)


def _unknown_goes_left(node: dict[str, Any]) -> bool:
    """Where an unknown value goes: LightGBM reads NaN as 0 at a split that met none in training."""
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    return float(node["threshold"]) >= 0.0


def _float_at_most(threshold: float) -> float:
    """The largest float32 that is <= the double: then `x <= t` holds for the same float32 x."""
    limits = np.finfo(np.float32)
    nearest = np.float32(np.clip(threshold, limits.min, limits.max))
    if float(nearest) > threshold:
        nearest = np.nextafter(nearest, np.float32(-np.inf))
    return float(nearest)

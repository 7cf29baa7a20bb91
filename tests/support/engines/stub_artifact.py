"""A small artifact that loads and scores like a trained one, made in a moment: its logit is the
mean token id. For tests of what is around a model, not of one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import onnx
from onnx import TensorProto, helper
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from scoring.artifact import (
    DOMAIN,
    BaseModelName,
    DataWindow,
    EngineKind,
    Manifest,
    save_domain,
    save_manifest,
)
from scoring.calibration import Calibration
from scoring.prompt.rendering import Rendering, first_rendering

AUTO = first_rendering()

TOKEN_BUDGET = 4_096


def build_stub_artifact(
    path: Path, *, prompt_id: str | None = None, rendering: Rendering = AUTO
) -> Path:
    """Writes it into the folder `path`, which it makes; returns `path`. `prompt_id`: another than
    `rendering` has."""
    path.mkdir(parents=True)
    save_domain(path, rendering)
    _byte_tokenizer().save(str(path / "tokenizer.json"))
    onnx.save(_mean_of_ids(), str(path / "model.onnx"))
    save_manifest(
        path,
        _manifest(prompt_id or rendering.prompt_id, rendering),
        [DOMAIN, "tokenizer.json", "model.onnx"],
    )
    return path


def _byte_tokenizer() -> Tokenizer:
    """One token per byte, whatever the text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _mean_of_ids() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["mean", "centre"], ["logit"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean-of-ids",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, None])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1, 1])],
        [helper.make_tensor("centre", TensorProto.FLOAT, [], [72.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def _manifest(prompt_id: str, rendering: Rendering) -> Manifest:
    return Manifest(
        name="stub",
        engine=EngineKind.ONNX,
        prompt_id=prompt_id,
        features_id=rendering.features_id,
        token_budget=TOKEN_BUDGET,
        horizon_days=rendering.domain.horizon_days,
        calibration=Calibration(a=0.2, b=-2.0),
        agreement=None,
        label="none: a stub",
        base=BaseModelName(name="none", revision="none"),
        data_window=DataWindow(
            start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 2, 1, tzinfo=UTC)
        ),
        metrics={},
        files={},
    )

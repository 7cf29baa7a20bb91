"""Graphs of before, which read a prompt in one go, run as they always did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the train extra")

import onnx
from onnx import TensorProto, helper

from scoring.artifact import demo_artifact_path, load_manifest
from scoring.engine import EngineInput, Unscorable
from scoring.engines.onnx import GRAPH, load_onnx_engine
from scoring.engines.reading import load_reader, spoken_weights
from scoring.engines.readout import Pool, Readout, ReadoutPart, save_readout

DEMO = demo_artifact_path()
TALK = "<|im_start|>user\nJudge.\n# calls\ncustomer: yes please\nagent: fine\n# end\nWill they?"
PROMPT = f"{TALK}<|im_end|>\n<|im_start|>assistant\n"
pytestmark = pytest.mark.train
NOTHING = np.zeros(0, dtype=np.float32)


def test_words_and_first_tokens_reach_them(tmp_path: Path) -> None:
    """A graph that weighs token ids by the shares of the customer's words, with a prefix."""
    reader, _ = load_reader(DEMO, load_manifest(DEMO).token_budget)
    tokens = reader.tokens(PROMPT)
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["ids", "weights"], ["weighed"]),
            helper.make_node("ReduceSum", ["weighed"], ["logit"], keepdims=1),
        ],
        "whole",
        [
            info("input_ids", TensorProto.INT64, [1, "n_tokens"]),
            info("weights", TensorProto.FLOAT, [1, "n_tokens"]),
        ],
        [info("logit", TensorProto.FLOAT, [1, 1])],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"prefix": " ".join(map(str, tokens.ids[:2]))})
    onnx.save(model, str(tmp_path / GRAPH))
    save_readout(tmp_path, Readout(parts=(ReadoutPart(layer=0, pool=Pool.SPOKEN),)))
    engine = load_onnx_engine(tmp_path, reader)
    assert engine.chunks is None
    expected = float(spoken_weights(PROMPT, tokens.offsets) @ np.array(tokens.ids, np.float32))
    assert engine.logits([EngineInput(NOTHING, PROMPT)]) == pytest.approx([expected])
    with pytest.raises(Unscorable, match="first 2 tokens are not those"):
        engine.logits([EngineInput(NOTHING, "x" + PROMPT)])


def test_the_demo_is_one_of_them() -> None:
    reader, _ = load_reader(DEMO, load_manifest(DEMO).token_budget)
    engine = load_onnx_engine(DEMO, reader)
    assert engine.chunks is None
    (weights,) = engine.session.run(None, {"input_ids": np.array([reader.token_ids(PROMPT)])})
    assert engine.logits([EngineInput(NOTHING, PROMPT)]) == [float(np.asarray(weights)[0, 0])]

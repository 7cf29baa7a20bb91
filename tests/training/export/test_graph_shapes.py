"""The graph against transformers, on small random models of each shape that it can express."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import onnx
import torch
from numpy.typing import NDArray
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from scoring.engines.onnx import open_session
from scoring.engines.readout import Pool, Readout, ReadoutPart, marker_of
from training.export.graph_parts import WEIGHT_MAX
from training.export.graph_shape import graph_shape, why_no_graph
from training.export.onnx_graph import build_graph

pytestmark = pytest.mark.train

N_LAYERS, HIDDEN, N_TOKENS = 3, 64, 40
COMMON: dict[str, Any] = {
    "vocab_size": 211,
    "hidden_size": HIDDEN,
    "intermediate_size": 96,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.15,
    "rms_norm_eps": 1e-5,
}

SHAPES: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**COMMON, tie_word_embeddings=True),
    "llama_biased": LlamaConfig(**COMMON, attention_bias=True, mlp_bias=True),
    "llama_wide_heads": LlamaConfig(**COMMON, head_dim=32),
    "qwen2": Qwen2Config(**COMMON, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**COMMON, head_dim=32, tie_word_embeddings=False),
    "qwen3_biased": Qwen3Config(**COMMON, head_dim=16, attention_bias=True),
}

ALL_POOLS = Readout(
    parts=(
        ReadoutPart(layer=2, pool=Pool.MARKER),
        ReadoutPart(layer=0, pool=Pool.MEAN),
        ReadoutPart(layer=1, pool=Pool.SPOKEN),
        ReadoutPart(layer=2, pool=Pool.MEAN),
    )
)
READOUTS = {
    "marker": marker_of(N_LAYERS),
    "middle_marker": Readout(parts=(ReadoutPart(layer=2, pool=Pool.MARKER),)),
    "final_mean": Readout(parts=(ReadoutPart(layer=N_LAYERS, pool=Pool.MEAN),)),
    "all_pools": ALL_POOLS,
}


@dataclass(frozen=True, slots=True)
class Model:
    """A small model and the prompt it reads; every third token is the customer's."""

    config: dict[str, Any]
    weights: dict[str, NDArray[np.float32]]
    states: list[NDArray[np.float64]]
    ids: NDArray[np.int64]
    spoken: NDArray[np.float32]


def _model(config: PreTrainedConfig, *, is_massive: bool = False) -> Model:
    torch.manual_seed(5)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.3)
            elif "norm" in name:
                parameter.uniform_(0.5, 1.5)
        if is_massive:
            _make_first_token_massive(model)
        _round_as_the_graph(model)
    rng = np.random.default_rng(3)
    ids = rng.integers(8, 211, (1, N_TOKENS))
    ids[0, 0] = 7
    with torch.inference_mode():
        states = model.model(torch.from_numpy(ids), output_hidden_states=True).hidden_states
    spoken = np.zeros((1, N_TOKENS), np.float32)
    spoken[0, ::3] = 1 / len(spoken[0, ::3])
    return Model(
        config=config.to_dict(),
        weights={name: tensor.detach().numpy() for name, tensor in model.state_dict().items()},
        states=[state[0].double().numpy() for state in states],
        ids=ids,
        spoken=spoken,
    )


def _make_first_token_massive(model: PreTrainedModel) -> None:
    """As in pre-trained models: one dimension, which the first token alone holds, opens the first
    MLP wide."""
    table, layer = model.get_input_embeddings().weight, model.model.layers[0]
    table[:, 0] = 0
    table[7] = 0
    table[7, 0] = 5
    layer.self_attn.o_proj.weight[0] = 0
    layer.mlp.gate_proj.weight[:, 0] *= 30
    layer.mlp.up_proj.weight[:, 0] *= 30


def _round_as_the_graph(model: PreTrainedModel) -> None:
    """So that only the rounding of activations is left between the two."""
    table = model.get_input_embeddings().weight
    table.copy_(table.half().float())
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            scale = module.weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / WEIGHT_MAX
            module.weight.copy_((module.weight / scale).round() * scale)


def _expected(model: Model, readout: Readout) -> NDArray[np.float64]:
    pools = {
        Pool.MARKER: lambda states: states[-1],
        Pool.MEAN: lambda states: states.mean(axis=0),
        Pool.SPOKEN: lambda states: model.spoken[0].astype(np.float64) @ states,
    }
    return np.concatenate([pools[part.pool](model.states[part.layer]) for part in readout.parts])


def _served(
    model: Model, readout: Readout, folder: Path, ids: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """The vector itself: the head is the identity."""
    width = readout.width(HIDDEN)
    graph = build_graph(
        model.weights,
        graph_shape(model.config, max_tokens=64),
        np.eye(width, dtype=np.float32),
        np.zeros(width, np.float32),
        readout,
    )
    onnx.save(graph, str(folder / "model.onnx"))
    feed: dict[str, NDArray[Any]] = {"input_ids": model.ids if ids is None else ids}
    if readout.needs_spoken:
        feed["weights"] = model.spoken
    (vector,) = open_session(folder / "model.onnx", 1).run(None, feed)
    row: NDArray[np.float32] = np.asarray(vector)[0]
    return row


def _error(served: NDArray[np.float32], expected: NDArray[np.float64]) -> float:
    """Relative to the size of what is read."""
    return float(np.linalg.norm(served - expected) / np.linalg.norm(expected))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("read", READOUTS)
def test_the_graph_computes_what_transformers_does(shape: str, read: str, tmp_path: Path) -> None:
    """To within the rounding of activations: a forgotten bias, norm or rotation is an error ten
    times that."""
    model = _model(SHAPES[shape])
    readout = READOUTS[read]
    assert _error(_served(model, readout, tmp_path), _expected(model, readout)) < 0.06


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_has_a_graph(shape: str) -> None:
    assert why_no_graph(SHAPES[shape].to_dict(), 1_000_000) is None


def test_one_massive_token_does_not_blur_the_others(tmp_path: Path) -> None:
    """One scale for all tokens would round every other to a few steps."""
    model = _model(SHAPES["llama"], is_massive=True)
    assert np.abs(model.states[1][0]).max() > 100 * np.abs(model.states[1][1:]).max()
    readout = READOUTS["middle_marker"]
    assert _error(_served(model, readout, tmp_path), _expected(model, readout)) < 0.06


def test_only_what_is_read_is_computed() -> None:
    """The last layer's weights are in no graph that ends below it."""
    model = _model(SHAPES["llama"])
    graph = build_graph(
        model.weights,
        graph_shape(model.config, max_tokens=64),
        np.ones((1, ALL_POOLS.width(HIDDEN)), np.float32),
        np.zeros(1, np.float32),
        ALL_POOLS,
    )
    names = {each.name for each in graph.graph.initializer}
    assert "layer1.down.weight" in names
    assert not [name for name in names if name.startswith("layer2")]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"model_type": "gpt2"}, "type gpt2"),
        ({"hidden_act": "gelu"}, "activation gelu"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "type yarn"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, r"rotate 0\.5 of a head"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding window"),
        ({"vocab_size": 10**7, "hidden_size": 1024}, r"a graph of 20\.5 GB"),
    ],
)
def test_what_has_no_graph_is_said_in_a_phrase(changed: dict[str, Any], says: str) -> None:
    config = SHAPES["llama"].to_dict() | changed
    n_parameters = config["vocab_size"] * config["hidden_size"] + 1_000_000
    phrase = why_no_graph(config, n_parameters)
    assert phrase is not None
    assert says.replace("\\", "") in phrase


def test_a_readout_of_a_layer_that_is_not_there_is_refused() -> None:
    model = _model(SHAPES["llama"])
    shape = graph_shape(model.config, max_tokens=64)
    one, none = np.ones((1, HIDDEN), np.float32), np.zeros(1, np.float32)
    with pytest.raises(ValueError, match="names layer 4, the model has 3"):
        build_graph(model.weights, shape, one, none, marker_of(4))
    with pytest.raises(ValueError, match="reads 64 numbers, the readout gives 256"):
        build_graph(model.weights, shape, one, none, ALL_POOLS)

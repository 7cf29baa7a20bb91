"""The graph against transformers, on small random models of each shape that it can express."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from scoring.engines.readout import marker_of
from tests.training.export.small_models import (
    ALL_POOLS,
    HIDDEN,
    READOUTS,
    SHAPES,
    error,
    expected,
    served,
    small_model,
)
from training.export.graph_shape import graph_shape, why_no_graph
from training.export.onnx_graph import build_graph
from training.export.shared_prefix import shared_prefix
from training.export.smoothing import channel_sizes, smoothed

pytestmark = pytest.mark.train


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("read", READOUTS)
def test_the_graph_computes_what_transformers_does(shape: str, read: str, tmp_path: Path) -> None:
    """To within the rounding of activations: a forgotten bias, norm or rotation is an error ten
    times that."""
    model = small_model(SHAPES[shape])
    readout = READOUTS[read]
    assert error(served(model, readout, tmp_path), expected(model, readout)) < 0.06


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_has_a_graph(shape: str) -> None:
    assert why_no_graph(SHAPES[shape].to_dict(), 1_000_000) is None


def test_one_massive_token_does_not_blur_the_others(tmp_path: Path) -> None:
    """One scale for all tokens would round every other to a few steps."""
    model = small_model(SHAPES["llama"], is_massive=True)
    assert np.abs(model.states[1][0]).max() > 100 * np.abs(model.states[1][1:]).max()
    readout = READOUTS["middle_marker"]
    assert error(served(model, readout, tmp_path), expected(model, readout)) < 0.06


def test_only_what_is_read_is_computed() -> None:
    """The last layer's weights are in no graph that ends below it."""
    model = small_model(SHAPES["llama"])
    graph = build_graph(
        model.weights,
        graph_shape(model.config, max_tokens=64),
        (np.ones((1, ALL_POOLS.width(HIDDEN)), np.float32), np.zeros(1, np.float32)),
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
    model = small_model(SHAPES["llama"])
    shape = graph_shape(model.config, max_tokens=64)
    head = np.ones((1, HIDDEN), np.float32), np.zeros(1, np.float32)
    with pytest.raises(ValueError, match="names layer 4, the model has 3"):
        build_graph(model.weights, shape, head, marker_of(4))
    with pytest.raises(ValueError, match="reads 64 numbers, the readout gives 256"):
        build_graph(model.weights, shape, head, ALL_POOLS)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_prefix_that_is_kept_is_as_good_as_one_that_is_computed(
    shape: str, tmp_path: Path
) -> None:
    model = small_model(SHAPES[shape])
    prefix = shared_prefix(model.torch, model.ids[0, :5].tolist())
    assert error(served(model, ALL_POOLS, tmp_path, prefix), expected(model, ALL_POOLS)) < 0.06


@pytest.mark.parametrize("shape", SHAPES)
def test_a_smoothed_model_computes_the_same_of_evener_channels(shape: str) -> None:
    model = small_model(SHAPES[shape])
    with torch.no_grad():
        model.torch.model.layers[1].input_layernorm.weight[3] *= 40
        ids = torch.from_numpy(model.ids)
        before = model.torch.model(ids).last_hidden_state
        sizes = channel_sizes(model.torch, model.ids.tolist())
        weights = {name: tensor.numpy() for name, tensor in model.torch.state_dict().items()}
        attention = graph_shape(model.config, max_tokens=64).attention
        easier = smoothed(weights, attention, sizes)
        model.torch.load_state_dict({name: torch.from_numpy(w) for name, w in easier.items()})
        after = model.torch.model(ids).last_hidden_state
    assert torch.allclose(before, after, rtol=1e-3, atol=1e-3)
    name = "model.layers.1.self_attn.q_proj"
    evener = channel_sizes(model.torch, model.ids.tolist())[name]
    assert evener.max() / np.median(evener) < 0.5 * sizes[name].max() / np.median(sizes[name])

"""Small random models of each shape that a graph can express, and what they and their graphs
compute of one prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
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

from scoring.engines.chunk_graph import ChunkSizes, chunk_graph
from scoring.engines.chunked import ChunkReader
from scoring.engines.kept_chunks import KeptChunks
from scoring.engines.onnx import open_session
from scoring.engines.readout import Pool, Readout, ReadoutPart, marker_of
from scoring.floats import Floats
from training.export.graph_parts import WEIGHT_MAX
from training.export.graph_shape import graph_shape
from training.export.onnx_graph import build_graph
from training.export.shared_prefix import SharedPrefix

N_LAYERS, HIDDEN, N_TOKENS = 3, 64, 40
SMALL_CHUNKS = ChunkSizes(chunk=8, rest=5)
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
    "all_pools_twice": Readout(parts=ALL_POOLS.parts * 2),
}


@dataclass(frozen=True, slots=True)
class SmallModel:
    """A small model and the prompt it reads; every third token from the sixth on is spoken."""

    torch: PreTrainedModel
    config: dict[str, Any]
    weights: dict[str, NDArray[np.float32]]
    states: list[NDArray[np.float64]]
    ids: NDArray[np.int64]
    spoken: NDArray[np.float32]


def small_model(config: PreTrainedConfig, *, is_massive: bool = False) -> SmallModel:
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
    spoken[0, 6::3] = 1 / len(spoken[0, 6::3])
    return SmallModel(
        torch=model,
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


def expected(model: SmallModel, readout: Readout) -> NDArray[np.float64]:
    pools = {
        Pool.MARKER: lambda states: states[-1],
        Pool.MEAN: lambda states: states.mean(axis=0),
        Pool.SPOKEN: lambda states: model.spoken[0].astype(np.float64) @ states,
    }
    return np.concatenate([pools[part.pool](model.states[part.layer]) for part in readout.parts])


def served(
    model: SmallModel,
    readout: Readout,
    folder: Path,
    prefix: SharedPrefix | None = None,
    sizes: ChunkSizes = SMALL_CHUNKS,
) -> Floats:
    """The vector itself, read in chunks of these sizes."""
    return chunk_reader(model, readout, folder, prefix, sizes).row(
        model.ids[0].tolist(), model.spoken[0] > 0
    )


def chunk_reader(
    model: SmallModel,
    readout: Readout,
    folder: Path,
    prefix: SharedPrefix | None = None,
    sizes: ChunkSizes = SMALL_CHUNKS,
) -> ChunkReader:
    """Of the graph without a head. It keeps nothing."""
    shape = graph_shape(model.config, max_tokens=64)
    onnx.save(build_graph(model.weights, shape, None, readout, prefix), str(folder / "model.onnx"))
    graph = chunk_graph(open_session(folder / "model.onnx", 1))
    assert graph is not None
    return ChunkReader(replace(graph, sizes=sizes), 64, KeptChunks(0))


def error(served: Floats, expected: NDArray[np.float64]) -> float:
    """Relative to the size of what is read."""
    return float(np.linalg.norm(served - expected) / np.linalg.norm(expected))

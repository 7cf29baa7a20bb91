"""From a model in memory to its int8 graph: measured, made easier to round, its opening kept."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import torch
from transformers import PreTrainedModel

from scoring.engines.reading import PromptReader
from scoring.engines.readout import Readout
from scoring.prompt.turns import CHATML, Turns
from training.export.graph_parts import Array
from training.export.graph_shape import graph_shape
from training.export.onnx_graph import build_graph
from training.export.shared_prefix import shared_prefix
from training.export.smoothing import channel_sizes, smoothed

N_MEASURED_PROMPTS = 8
"""More change nothing: it is a few channels that are large, and they are large in every prompt."""


def int8_graph(
    model: PreTrainedModel,
    reader: PromptReader,
    prompts: Sequence[str],
    head: tuple[Array, Array] | None,
    readout: Readout | None = None,
    turns: Turns = CHATML,
) -> onnx.ModelProto:
    """Builds the graph of `model`, a causal language model in float32 with its adapter merged,
    whose weights are changed in place to others that compute the same. `prompts`: on the first few
    it is measured which channels are large. `head`: weight (n_outputs, n_read) and bias
    (n_outputs,); None gives what a head would read. `turns`: the base's, of which every prompt has
    the opening."""
    shape = graph_shape(model.config.to_dict(), reader.max_tokens)
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    measured = [reader.token_ids(prompt) for prompt in prompts[:N_MEASURED_PROMPTS]]
    easier = smoothed(weights, shape.attention, channel_sizes(model, measured))
    model.load_state_dict({name: torch.from_numpy(array) for name, array in easier.items()})
    opening: list[int] = reader.tokenizer.encode(turns.opening, add_special_tokens=False).ids
    prefix = shared_prefix(model, _shared(opening, measured))
    return build_graph(easier, shape, head, readout, prefix)


def _shared(opening: Sequence[int], prompts: Sequence[Sequence[int]]) -> Sequence[int]:
    """As much of the opening's tokens as all these prompts begin with: words after it may change
    how its last characters are cut into tokens."""
    n_shared = len(opening)
    while any(list(ids[:n_shared]) != list(opening[:n_shared]) for ids in prompts):
        n_shared -= 1
    return opening[:n_shared]

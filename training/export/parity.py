"""Saves a fitted model and its graph, and checks that both give the same scores.

Without parity there is not an artifact: `AgreementBroken` names the number of prompts and the gap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from peft import PeftModel
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from scoring.artifact import HeadKind
from scoring.engine import EngineInput
from scoring.engines.onnx import GRAPH, load_onnx_engine
from scoring.engines.reading import load_reader
from scoring.engines.readout import load_readout
from scoring.engines.torch import BASE, HEADS, load_torch_engine
from scoring.engines.trees import TREES
from scoring.prompt.turns import CHATML, Turns
from training.export.graph_shape import why_no_graph
from training.export.int8_graph import int8_graph
from training.model.checkpoint import under
from training.model.heads import Head, causal_of
from training.trees.boosted_trees import TunedTree
from training.trees.tree_graph import build_tree_graph

TOKENIZER = "tokenizer.json"
ADAPTER_CONFIG = "adapter_config.json"


class AgreementBroken(Exception):
    """The exported graph gives other scores than the model."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Differences between the torch reference and the int8 graph on held-out prompts."""

    n_prompts: int
    max_logit: float
    mean_logit: float
    max_probability: float


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """What an artifact keeps of a fitted model. The head `serves` gives the score. `dtype` must
    hold the base's weights exactly: what was fitted on top was fitted on these numbers."""

    model: PeftModel
    heads: Mapping[HeadKind, Head]
    tokenizer: Tokenizer
    reading: PreTrainedTokenizerBase
    token_budget: int
    dtype: torch.dtype
    serves: HeadKind = HeadKind.POINT


def save_language_model(path: Path, lm: LanguageModel) -> None:
    """Saves adapter, heads and tokenizer in PEFT's layout, with the base beside them. Leaves the
    model as it was."""
    path.mkdir(parents=True, exist_ok=True)
    lm.tokenizer.save(str(path / TOKENIZER))
    save_adapter(path, lm.model)
    save_base(path / BASE, causal_of(lm.model), lm.reading, lm.dtype)
    heads = [under(name, head.tensors) for name, head in lm.heads.items()]
    save_file({name: tensor for each in heads for name, tensor in each.items()}, path / HEADS)


def save_adapter(path: Path, model: PeftModel) -> None:
    """Saves the adapter of `model` in PEFT's layout."""
    model.save_pretrained(str(path), save_embedding_layers=False)
    _sort_targets(path / ADAPTER_CONFIG)
    (path / "README.md").unlink(missing_ok=True)


def save_graph(
    path: Path, lm: LanguageModel, prompts: Sequence[str], turns: Turns = CHATML
) -> Path:
    """Builds the int8 graph of the files in `path` with the scoring head; returns its path.
    `prompts`: on the first few of them it is measured which channels are large."""
    graph = graph_of(path, lm.token_budget, prompts, lm.serves, turns)
    onnx.save(graph, str(path / GRAPH))
    return path / GRAPH


def graph_of(
    path: Path,
    token_budget: int,
    prompts: Sequence[str],
    head: HeadKind = HeadKind.POINT,
    turns: Turns = CHATML,
) -> onnx.ModelProto:
    """Builds the int8 graph of base, adapter, readout and head from the files in `path`, as a
    loader will find them: the graph is made from the saved numbers. `prompts` as in
    `save_graph`."""
    reader, _ = load_reader(path, token_budget, turns)
    base = AutoModelForCausalLM.from_pretrained(path / BASE, dtype=torch.float32)
    merged = PeftModel.from_pretrained(base, str(path)).merge_and_unload()
    heads = load_file(path / HEADS)
    weight, bias = heads[f"{head}.weight"], heads[f"{head}.bias"]
    weight = weight.reshape(-1, weight.shape[-1])
    by_output = weight.numpy(), bias.reshape(-1).numpy()
    return int8_graph(merged, reader, prompts, by_output, load_readout(path), turns)


def why_no_graph_of(model: torch.nn.Module) -> str | None:
    """Why this model, with or without an adapter, has no graph, as one phrase; None where it can
    have one."""
    base = causal_of(model)
    return why_no_graph(base.config.to_dict(), sum(p.numel() for p in base.parameters()))


def has_graph(model: PeftModel) -> bool:
    """Whether `save_graph` can build this model's graph."""
    return why_no_graph_of(model) is None


def save_trees(path: Path, trees: TunedTree) -> None:
    onnx.save(build_tree_graph(trees.booster, trees.init_logit), str(path / TREES))


def check_parity(
    path: Path,
    prompts: Sequence[str],
    token_budget: int,
    max_probability_difference: float,
    head: HeadKind = HeadKind.POINT,
    turns: Turns = CHATML,
) -> Parity:
    """Compares both engines as they are loaded from disk, before any calibration. Raises
    AgreementBroken."""
    reader, _ = load_reader(path, token_budget, turns)
    inputs = [EngineInput(np.zeros(0, dtype=np.float32), prompt) for prompt in prompts]
    reference = np.array(load_torch_engine(path, reader, head).logits(inputs))
    served = np.array(load_onnx_engine(path, reader).logits(inputs))
    gap = np.abs(reference - served)
    probability_gap = np.abs(_sigmoid(reference) - _sigmoid(served))
    parity = Parity(len(prompts), float(gap.max()), float(gap.mean()), float(probability_gap.max()))
    if not parity.max_probability <= max_probability_difference:
        raise AgreementBroken(
            f"{GRAPH} and the reference differ by {parity.max_probability:.4f} in probability on "
            f"{parity.n_prompts} prompts; the limit is {max_probability_difference}"
        )
    return parity


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))


def save_base(
    path: Path, base: PreTrainedModel, reading: PreTrainedTokenizerBase, dtype: torch.dtype
) -> None:
    """Saves the base under the checkpoint's own names, without the adapter that peft has put
    between them. `dtype` must hold its weights exactly."""
    config: dict[str, Any] = base.config.to_dict()
    left_out = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    plain = {
        name.replace(".base_layer", ""): tensor.to(dtype).contiguous()
        for name, tensor in base.state_dict().items()
        if ".lora_" not in name and name not in left_out
    }
    path.mkdir(parents=True, exist_ok=True)
    save_file(plain, path / "model.safetensors", metadata={"format": "pt"})
    named = {**config, "dtype": str(dtype).removeprefix("torch.")}
    base.config.__class__.from_dict(named).save_pretrained(str(path))
    reading.save_pretrained(str(path))


def _sort_targets(path: Path) -> None:
    """Sorts the target modules: peft writes a set in the order of this process's hashes, and an
    artifact's digest must not depend on that."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")

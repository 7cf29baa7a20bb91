"""A fitted model -> an artifact that serves: merge, graph, parity check, manifest, card.

No parity, no artifact: `AgreementBroken` names the prompt count and the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from peft import PeftModel
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

from scoring.engine import EngineInput
from scoring.engines.onnx import GRAPH, load_onnx_engine
from scoring.engines.reading import load_reader
from scoring.engines.torch import BASE, HEADS, load_torch_engine
from scoring.engines.trees import TREES
from training.model.heads import Head
from training.onnx_graph import Shape, build_graph
from training.tabular import TunedTree
from training.tokenizer import EOS, PAD
from training.tree_graph import build_tree_graph

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER = "adapter_model.safetensors"
TOKENIZER = "tokenizer.json"
BASE_REVISION = "recipe"


class AgreementBroken(Exception):
    """The exported graph does not say what the model says."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Differences between the torch reference and the int8 graph on held-out prompts."""

    n_prompts: int
    max_logit: float
    mean_logit: float
    max_probability: float


def save_language_model(
    path: Path, model: PeftModel, head: Head, tokenizer: Tokenizer, token_budget: int
) -> None:
    """PEFT layout with the base beside it, and the graph made of the two merged. Leaves `model`
    as it was. The base's weights must fit float16 exactly (`training.base.round_to_half`)."""
    path.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path / TOKENIZER))
    model.save_pretrained(str(path), save_embedding_layers=False)
    (path / "README.md").unlink(missing_ok=True)
    _save_base(path / BASE, model, tokenizer)
    weight, bias = torch.from_numpy(head.weight), torch.tensor(head.bias, dtype=torch.float32)
    save_file({"point.weight": weight, "point.bias": bias}, path / HEADS)
    graph = build_graph(_merged(path), _shape(model, token_budget), head.weight, head.bias)
    onnx.save(graph, str(path / GRAPH))


def save_trees(path: Path, trees: TunedTree) -> None:
    onnx.save(build_tree_graph(trees.booster, trees.init_logit), str(path / TREES))


def check_parity(
    path: Path, prompts: Sequence[str], token_budget: int, max_probability_difference: float
) -> Parity:
    """Both engines as they are loaded from disk, before any calibration. Raises AgreementBroken."""
    reader, _ = load_reader(path, token_budget)
    inputs = [EngineInput(np.zeros(0, dtype=np.float32), prompt) for prompt in prompts]
    reference = np.array(load_torch_engine(path, reader).logits(inputs))
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


def _save_base(path: Path, model: PeftModel, tokenizer: Tokenizer) -> None:
    """Under the checkpoint's own names, without the adapter that peft has put between them."""
    base = cast("Qwen2ForCausalLM", model.get_base_model())
    plain = {
        name.replace(".base_layer", ""): tensor.half()
        for name, tensor in base.state_dict().items()
        if ".lora_" not in name and name != "lm_head.weight"
    }
    path.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in plain.items()}, path / "model.safetensors")
    config: dict[str, Any] = base.config.to_dict()
    base.config.__class__.from_dict({**config, "dtype": "float16"}).save_pretrained(str(path))
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=EOS
    )
    fast.save_pretrained(str(path))


def _merged(path: Path) -> dict[str, NDArray[np.float32]]:
    """What a loader will find, merged: the graph is made of the saved numbers."""
    base = Qwen2ForCausalLM.from_pretrained(path / BASE, dtype=torch.float32)
    merged = PeftModel.from_pretrained(base, str(path)).merge_and_unload()
    return {name: tensor.numpy() for name, tensor in merged.state_dict().items()}


def _shape(model: PeftModel, token_budget: int) -> Shape:
    # As a plain dict: the typed config declares every one of these as possibly absent.
    config: dict[str, Any] = cast("Qwen2ForCausalLM", model.get_base_model()).config.to_dict()
    return Shape(
        n_layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        n_heads=config["num_attention_heads"],
        n_kv_heads=config["num_key_value_heads"],
        max_tokens=token_budget,
        rope_theta=config["rope_parameters"]["rope_theta"],
        norm_eps=config["rms_norm_eps"],
    )

"""How fast a fitted base is served, beside the naive way, vLLM, and what the device can do."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel

from scoring.artifact import HeadKind
from scoring.engine import EngineInput
from scoring.engines.reading import PromptTokens
from scoring.engines.torch import BASE, TorchEngine, load_torch_engine
from tests.bench.gpu.bases import Prompts
from tests.bench.gpu.fitting import synchronize
from training.export.parity import LanguageModel, save_language_model
from training.model.heads import Head, add_lora
from training.model.hub import load_base
from training.model.settings import FitSettings

NO_FEATURES = np.zeros(0, dtype=np.float32)
NOT_INSTALLED = "not installed"
ROOT = Path(__file__).parents[3]


def peak_flops(device: torch.device, size: int) -> float:
    """Operations in a second of the best of ten square matrix products of random numbers, in bf16
    on a GPU, float32 on a CPU."""
    dtype = torch.bfloat16 if device.type != "cpu" else torch.float32
    torch.manual_seed(0)
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    for _ in range(3):
        left @ right
    taken = []
    for _ in range(10):
        synchronize(device)
        began_s = time.perf_counter()
        left @ right
        synchronize(device)
        taken.append(time.perf_counter() - began_s)
    return float(2 * size**3 / min(taken))


def lead_flops(backbone: nn.Module, n_tokens: int) -> float:
    """Useful operations of one prompt: its linear layers, and the attention that a causal model
    needs, which is half of the square."""
    linear = sum(each.weight.numel() for each in backbone.modules() if isinstance(each, nn.Linear))
    config: Any = backbone.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = config.num_hidden_layers * config.num_attention_heads * head
    return float(2 * linear * n_tokens + 2 * attention * n_tokens**2)


@dataclass(frozen=True, slots=True)
class Speed:
    """Leads in a second and the share of the measured peak that their useful operations are."""

    leads_per_s: float
    share_of_peak: float | None = None


def save_served(place: Path, prompts: Prompts, settings: FitSettings) -> Path:
    """An artifact's language model: the base with an adapter and a head of random weights."""
    base = load_base(prompts.opened, torch.float32)
    torch.manual_seed(3)
    adapted = add_lora(base.model, replace(settings, base_bits=None))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.01)
    hidden = int(base.model.config.hidden_size)
    weight = np.random.default_rng(3).normal(0, hidden**-0.5, hidden).astype(np.float32)
    heads = {HeadKind.POINT: Head(weight, 0.0)}
    budget = prompts.reader.max_tokens
    lm = LanguageModel(adapted, heads, base.tokenizer, base.reading, budget, torch.float32)
    save_language_model(place / "lm", lm)
    return place / "lm"


def open_served(folder: Path, prompts: Prompts) -> TorchEngine:
    return load_torch_engine(folder, prompts.reader)


@dataclass(frozen=True, slots=True)
class MateDifference:
    """How far batch mates move a logit, in units of the spread that the logits of the prompts have
    alone: the farthest, and the mean."""

    max: float
    mean: float


def batch_mate_difference(
    engine: TorchEngine, prompts: Sequence[str], batch_size: int
) -> MateDifference:
    """Reads each of the prompts alone and among others."""
    inputs = [EngineInput(NO_FEATURES, prompt) for prompt in prompts]
    alone = np.array(replace(engine, batch_size=1).logits(inputs))
    among = np.array(replace(engine, batch_size=batch_size).logits(inputs))
    moved = np.abs(alone - among) / alone.std()
    return MateDifference(float(moved.max()), float(moved.mean()))


@dataclass(frozen=True, slots=True)
class ReadBefore:
    """In place of a PromptReader: the tokens of prompts that were read before."""

    known: Mapping[str, PromptTokens]

    def tokens(self, prompt: str) -> PromptTokens:
        return self.known[prompt]


def without_tokenizer(engine: TorchEngine, prompts: Prompts) -> TorchEngine:
    """The engine, given the long prompts' tokens: what is left is the device's work."""
    known = {prompt: prompts.reader.tokens(prompt) for prompt in prompts.long}
    return replace(engine, reader=ReadBefore(known))


def serve_speed(
    engine: TorchEngine, prompts: Prompts, peak: float, batch_size: int, seconds: float
) -> Speed:
    """The engine on long prompts, from text to logits."""
    inputs = [EngineInput(NO_FEATURES, prompt) for prompt in prompts.long]
    batched = replace(engine, batch_size=batch_size)
    per_s = _per_s(lambda: batched.logits(inputs), len(inputs), engine.device, seconds)
    n_tokens = np.mean([len(ids) for ids in prompts.ids(prompts.long)])
    flops = lead_flops(engine.backbone, int(n_tokens))
    return Speed(per_s, per_s * flops / peak)


def naive_speed(folder: Path, prompts: Prompts, device: torch.device, seconds: float) -> Speed:
    """What one writes first: the whole model of transformers in the type that serves, one lead at a
    time, the logits of every token."""
    dtype = torch.bfloat16 if device.type != "cpu" else torch.float32
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder / BASE, dtype=dtype)
    model.to(device)
    model.eval()

    @torch.inference_mode()
    def read() -> None:
        for ids in prompts.ids(prompts.long):
            logits = model(input_ids=torch.tensor([ids], device=device)).logits
            float(logits[0, -1, 0])

    return Speed(_per_s(read, len(prompts.long), device, seconds))


def _per_s(work: Callable[[], object], n: int, device: torch.device, seconds: float) -> float:
    work()  # the first time kernels are chosen
    synchronize(device)
    n_done, began_s = 0, time.perf_counter()
    while True:
        work()
        n_done += n
        synchronize(device)
        if (took_s := time.perf_counter() - began_s) >= seconds:
            return n_done / took_s


def vllm_speed(folder: Path, prompts: Prompts, left_s: float) -> dict[str, Any] | str:
    """vLLM's pooling of the last token on the same token ids, in a process of its own: its leads in
    a second, or a word why there are none."""
    if find_spec("vllm") is None:
        return NOT_INSTALLED
    command = [sys.executable, "-m", "tests.bench.gpu.vllm_pooling", str(folder / BASE)]
    ids = json.dumps(prompts.ids(prompts.long))
    try:
        done = subprocess.run(
            command, input=ids, cwd=ROOT, capture_output=True, text=True, timeout=left_s, check=True
        )
    except subprocess.TimeoutExpired:
        return f"not done in {left_s:.0f} s"
    except subprocess.CalledProcessError as error:
        last = (error.stderr or "").strip().splitlines()[-1:] or ["no word"]
        return f"failed: {last[0][:300]}"
    return {"leads_per_s_512": float(done.stdout.splitlines()[-1])}

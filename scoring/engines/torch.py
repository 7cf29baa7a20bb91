"""The reference engine: transformers and peft, in fp32 on the CPU, in bf16 batches on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from scoring.artifact import HeadKind
from scoring.engine import EngineInput
from scoring.engines.reading import PromptReader, finite

BASE = "base"
HEADS = "heads.safetensors"
GPU_BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class TorchEngine:
    """The language model in PyTorch. `backbone` maps token ids to final hidden states; the head
    turns the state at the answer marker into the logit."""

    backbone: torch.nn.Module
    head_weight: torch.Tensor
    head_bias: torch.Tensor
    reader: PromptReader
    device: torch.device
    batch_size: int
    """1 on the CPU: a matrix product of another height may round another way, and batch mates must
    not change a score."""

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        rows = [self.reader.token_ids(engine_input.prompt) for engine_input in inputs]
        chunks = [rows[at : at + self.batch_size] for at in range(0, len(rows), self.batch_size)]
        return [finite(logit) for chunk in chunks for logit in self._run(chunk)]

    @torch.inference_mode()
    def _run(self, rows: list[list[int]]) -> list[float]:
        """Scores one batch. Rows are padded on the right, which a causal model cannot see; the
        marker's state is picked by its index."""
        width = max(len(row) for row in rows)
        padded = [row + [0] * (width - len(row)) for row in rows]
        input_ids = torch.tensor(padded, device=self.device)
        markers = torch.tensor([len(row) - 1 for row in rows], device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            states = self.backbone(input_ids=input_ids, use_cache=False).last_hidden_state
        marked = states[torch.arange(len(rows), device=self.device), markers].float()
        logits: list[float] = (marked @ self.head_weight + self.head_bias).tolist()
        return logits


def load_torch_engine(
    path: Path, reader: PromptReader, head: HeadKind = HeadKind.POINT
) -> TorchEngine:
    """Loads an artifact in PEFT layout: `base/`, the adapter, and our heads beside it. The adapter
    is LoRA (E. J. Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, 2021, arXiv
    2106.09685), merged into the base."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = AutoModelForCausalLM.from_pretrained(path / BASE, dtype=torch.float32)
    merged = PeftModel.from_pretrained(base, str(path)).merge_and_unload()
    heads = load_file(path / HEADS)
    return TorchEngine(
        backbone=merged.model.eval().to(device),
        head_weight=heads[f"{head}.weight"].to(device),
        head_bias=heads[f"{head}.bias"].to(device),
        reader=reader,
        device=device,
        batch_size=GPU_BATCH_SIZE if device.type == "cuda" else 1,
    )

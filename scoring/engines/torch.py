"""The reference engine: transformers and peft, in fp32 on the CPU, in bf16 batches on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from scoring.artifact import HeadKind
from scoring.engine import EngineInput
from scoring.engines.reading import PromptReader, PromptTokens, finite_row, spoken_weights
from scoring.engines.readout import Pool, Readout, ReadoutPart, load_readout, marker_of
from scoring.floats import Floats

BASE = "base"
ADAPTER = "adapter_model.safetensors"
HEADS = "heads.safetensors"
GPU_BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class TorchEngine:
    """The language model in PyTorch. `backbone` maps token ids to hidden states; the head turns
    what `readout` names of them into the logit. `head_weight`: float32 (n_outputs, n_read),
    `head_bias` (n_outputs,); output 0 is the logit."""

    backbone: torch.nn.Module
    head_weight: torch.Tensor
    head_bias: torch.Tensor
    reader: PromptReader
    device: torch.device
    batch_size: int
    """1 on the CPU: a matrix product of another height may round another way, and batch mates must
    not change a score."""
    n_layers: int
    readout: Readout

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [float(row[0]) for row in self.rows(inputs)]

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        """All that the head gives, float64 (n_inputs, n_outputs): the logit, then components of
        the state if the artifact has them. Raises Unscorable."""
        prompts = [engine_input.prompt for engine_input in inputs]
        read = [(prompt, self.reader.tokens(prompt)) for prompt in prompts]
        chunks = [read[at : at + self.batch_size] for at in range(0, len(read), self.batch_size)]
        return np.array([finite_row(row) for chunk in chunks for row in self._run(chunk)])

    @torch.inference_mode()
    def _run(self, prompts: list[tuple[str, PromptTokens]]) -> Floats:
        """Scores one batch. Rows are padded on the right, which a causal model cannot see; what is
        read is picked by its index."""
        rows = [tokens.ids for _, tokens in prompts]
        width = max(len(row) for row in rows)
        padded = [row + [0] * (width - len(row)) for row in rows]
        input_ids = torch.tensor(padded, device=self.device)
        reads_middle = self.readout != marker_of(self.n_layers)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            output = self.backbone(
                input_ids=input_ids, use_cache=False, output_hidden_states=reads_middle
            )
        states = output.hidden_states if reads_middle else {self.n_layers: output.last_hidden_state}
        parts = [self._pooled(states[part.layer], part, prompts) for part in self.readout.parts]
        outputs = torch.cat(parts, dim=1) @ self.head_weight.T + self.head_bias
        return outputs.double().cpu().numpy()

    def _pooled(
        self, states: torch.Tensor, part: ReadoutPart, prompts: list[tuple[str, PromptTokens]]
    ) -> torch.Tensor:
        """What one part reads of its layer's states (batch, n_tokens, hidden): (batch, hidden)."""
        weights = np.zeros(states.shape[:2], dtype=np.float32)
        for row, (prompt, tokens) in zip(weights, prompts, strict=True):
            n_tokens = len(tokens.ids)
            match part.pool:
                case Pool.MARKER:
                    row[n_tokens - 1] = 1
                case Pool.MEAN:
                    row[:n_tokens] = 1 / n_tokens
                case Pool.SPOKEN:
                    row[:n_tokens] = spoken_weights(prompt, tokens.offsets)
                case _:
                    assert_never(part.pool)
        on_device = torch.from_numpy(weights).to(self.device)
        return torch.einsum("bt,bth->bh", on_device, states.float())


def load_torch_engine(
    path: Path, reader: PromptReader, head: HeadKind = HeadKind.POINT
) -> TorchEngine:
    """Loads an artifact in PEFT layout: `base/`, the adapter unless the base is frozen, and our
    heads beside it. The adapter is LoRA (E. J. Hu and others, LoRA: Low-Rank Adaptation of Large
    Language Models, 2021, arXiv 2106.09685), merged into the base. The head's weight is (n_read,),
    or (n_outputs, n_read) where it also gives components."""
    disable_progress_bar()  # type: ignore[no-untyped-call]  # a worker has no terminal to draw on
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = AutoModelForCausalLM.from_pretrained(path / BASE, dtype=torch.float32)
    has_adapter = (path / ADAPTER).exists()
    merged = PeftModel.from_pretrained(base, str(path)).merge_and_unload() if has_adapter else base
    heads = load_file(path / HEADS)
    weight, bias = heads[f"{head}.weight"], heads[f"{head}.bias"]
    n_layers = int(merged.config.num_hidden_layers)
    return TorchEngine(
        backbone=merged.model.eval().to(device),
        head_weight=weight.reshape(-1, weight.shape[-1]).to(device),
        head_bias=bias.reshape(-1).to(device),
        reader=reader,
        device=device,
        batch_size=GPU_BATCH_SIZE if device.type == "cuda" else 1,
        n_layers=n_layers,
        readout=load_readout(path) or marker_of(n_layers),
    )

"""The files of an artifact that reads a base as it is: base, tokenizer, readout, head and graph."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from safetensors.torch import save_file

from scoring.artifact import BaseModelName, EngineAgreement, EngineKind, HeadKind
from scoring.engine import EngineInput
from scoring.engines.onnx import GRAPH, load_onnx_engine
from scoring.engines.reading import load_reader
from scoring.engines.readout import Readout, save_readout
from scoring.engines.torch import BASE, HEADS, load_torch_engine
from scoring.report.progress import WriteLine
from training.export.artifact_writer import AGREEMENT_SLACK
from training.export.int8_graph import int8_graph
from training.export.parity import TOKENIZER, save_adapter, save_base, why_no_graph_of
from training.model.adapter import Adapter
from training.model.checkpoint import under
from training.model.heads import Head
from training.model.hub import LoadedBase

N_COMPARED = 40
"""Prompts on which graph and torch are compared: torch takes a second for each."""


@dataclass(frozen=True, slots=True)
class FrozenReading:
    """A base as it is, or under an `adapter`, and a head on what `readout` names of its states;
    None: on the marker's last state."""

    base: LoadedBase
    head: Head
    readout: Readout | None
    token_budget: int
    adapter: Adapter | None = None


def save_reading(
    folder: Path, reading: FrozenReading, prompts: Sequence[str], log: WriteLine
) -> EngineAgreement | None:
    """Saves all of it, and says how far the graph's logits of the last `prompts` are from those of
    torch in float32; None where there is no graph and torch serves. By the first of them the graph
    is made, as that of `open_state_reader` from the same."""
    base, budget = reading.base, reading.token_budget
    base.tokenizer.save(str(folder / TOKENIZER))
    save_base(folder / BASE, base.model, base.reading, base.dtype)
    if reading.adapter is not None:
        save_adapter(folder, reading.adapter.on_copy_of(base.model))
    if reading.readout is not None:
        save_readout(folder, reading.readout)
    save_file(under(HeadKind.POINT, reading.head.tensors), folder / HEADS)
    reason = why_no_graph_of(base.model)
    if reason is not None:
        log(f"no int8 graph: {reason}; torch serves")
        return None
    reader, _ = load_reader(folder, budget, base.turns)
    head = reading.head.weight[None], np.array([reading.head.bias], dtype=np.float32)
    if reading.adapter is None:
        copy = deepcopy(base.model)  # whose weights are changed
    else:
        copy = reading.adapter.merged_into_copy_of(base.model)
    graph = int8_graph(copy, reader, prompts, head, reading.readout, base.turns)
    onnx.save(graph, str(folder / GRAPH))
    compared = prompts[-N_COMPARED:]
    inputs = [EngineInput(np.zeros(0, dtype=np.float32), prompt) for prompt in compared]
    reference = np.array(load_torch_engine(folder, reader).logits(inputs))
    gap = np.abs(reference - np.array(load_onnx_engine(folder, reader).logits(inputs)))
    log(f"the graph's logit differs from float32 by {gap.mean():.3f}, at most {gap.max():.3f}")
    return EngineAgreement(
        reference=EngineKind.TORCH,
        served=EngineKind.ONNX,
        max_logit_difference=AGREEMENT_SLACK * max(float(gap.max()), 1e-6),
        n_prompts=len(compared),
    )


def read_by(reading: FrozenReading, agreement: EngineAgreement | None) -> dict[str, Any]:
    """What the manifest says of it."""
    base = reading.base
    return {
        "agreement": agreement,
        "base": BaseModelName(name=base.name, revision=base.revision),
        "token_budget": reading.token_budget,
        "turns": base.turns,
    }

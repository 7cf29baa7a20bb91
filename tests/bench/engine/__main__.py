"""Language models on this CPU: ours beside the naive way and the machine's ceilings, in one run.

    make bench-engine ARGS="--quick --json"

One thread each. The base is the folder that ASLLR_BASE names (SmolLM2-135M as a plain fp32 folder);
without it only the demo's artifact is measured. Real dialogues where ASLLR_DATA names their folder.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from peft import PeftModel
from sklearn.linear_model import LogisticRegression
from transformers import AutoModelForCausalLM, PreTrainedModel

from scoring.artifact import demo_artifact_path, load_manifest
from scoring.engine import EngineInput
from scoring.engines.onnx import GRAPH, OnnxEngine, load_onnx_engine
from scoring.engines.reading import PromptReader, load_reader
from scoring.engines.readout import Pool, Readout, ReadoutPart, save_readout
from scoring.engines.remembered import RememberingEngine
from scoring.engines.torch import TorchEngine
from scoring.floats import Floats
from scoring.metrics.metrics import expected_auc
from tests.bench.engine.prompts import of_length, stream_mix
from tests.bench.engine.ways import (
    Score,
    backbone_only,
    ceilings,
    leads_per_s,
    naive_padded,
    naive_single,
    others,
)
from tests.support.command_line import parser_of, say
from tests.support.machine import this_machine
from training.export.int8_graph import int8_graph

LENGTHS = (128, 512, 1_024)
KEY_LENGTH = 512
SLACK_TOKENS = 8
"""Prompts of a length are that long to within a few."""
NOTHING = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    n_timed: int
    n_judged: int
    n_rounds: int
    n_stream_leads: int


QUICK = Size(n_timed=2, n_judged=32, n_rounds=3, n_stream_leads=3)
FULL = Size(n_timed=8, n_judged=200, n_rounds=5, n_stream_leads=12)


def main() -> None:
    parser = parser_of("bench.engine", __doc__)
    parser.add_argument("--quick", action="store_true", help="fewer prompts and rounds")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    asked = parser.parse_args()
    base = os.environ.get("ASLLR_BASE")
    found = measure(Path(base) if base else None, QUICK if asked.quick else FULL)
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")


def measure(base: Path | None, size: Size, lengths: tuple[int, ...] = LENGTHS) -> dict[str, Any]:
    """All figures; those of the base are None without one."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {
        "smollm2_512_ratio_to_naive": None,
        "realistic_ratio_to_naive": None,
        "realistic_ratio_without_chunks": None,
        "share_of_int8_ceiling": None,
        "max_abs_dp": None,
        "delta_auc": None,
        "leads_per_s": None,
    }
    limits = ceilings()
    say(f"ceilings: {limits}")
    found |= {"ceilings": asdict(limits), "others": others(), "cpu_flags": _flags()}
    if base is not None:
        found |= _measure_base(base, size, lengths, limits.int8_gops)
    found["demo"] = _measure_demo(size)
    found["machine"] = this_machine().described()
    return found


def _measure_base(
    base: Path, size: Size, lengths: tuple[int, ...], int8_gops: float
) -> dict[str, Any]:
    reader, _ = load_reader(base, max(lengths) + SLACK_TOKENS)
    model = _fp32(base)
    key_length = KEY_LENGTH if KEY_LENGTH in lengths else max(lengths)
    judged = of_length(reader, key_length, size.n_judged)
    with tempfile.TemporaryDirectory(prefix="asllr-bench-") as folder:
        ours, agreement = _ours(Path(folder), base, model, reader, judged)
    say(f"agreement: {agreement}")
    ways = _ways(model, reader) | {"ours": _scoring(ours)}
    speeds = {}
    for length in lengths:
        prompts = of_length(reader, length, size.n_timed)
        speeds[length] = leads_per_s(ways, prompts, size.n_rounds)
        say(f"{length} tokens, leads/s: {speeds[length]}")
    key = speeds[key_length]
    mix = stream_mix(reader, size.n_stream_leads)
    as_served = {
        "naive_padded": ways["naive_padded"],
        "ours": _remembering(ours),
        "ours_without_chunks": _remembering(ours, keeps_chunks=False),
    }
    mixed = leads_per_s(as_served, mix.prompts, 1)
    say(f"stream, leads/s: {mixed}")
    n_operations = 2 * _n_in_layers(model) * key_length
    return {
        "smollm2_512_ratio_to_naive": key["ours"] / key["naive_padded"],
        "realistic_ratio_to_naive": mixed["ours"] / mixed["naive_padded"],
        "realistic_ratio_without_chunks": mixed["ours_without_chunks"] / mixed["naive_padded"],
        "share_of_int8_ceiling": key["ours"] * n_operations / 1e9 / int8_gops,
        "leads_per_s": {str(length): found for length, found in speeds.items()} | {"stream": mixed},
        "stream": {
            name: getattr(mix, f"n_{name}") for name in ("first", "grown", "clock", "unchanged")
        },
        **agreement,
    }


def _ours(
    folder: Path, base: Path, model: PreTrainedModel, reader: PromptReader, prompts: list[str]
) -> tuple[OnnxEngine, dict[str, float]]:
    """The engine of the base with a head fitted on fp32 states, and how far it is from fp32: AUC by
    the labels that the fp32 head itself would draw, on the half of the prompts it was not fitted
    on."""
    inputs = [EngineInput(NOTHING, prompt) for prompt in prompts]
    n_layers, hidden = model.config.num_hidden_layers, model.config.hidden_size
    readout = _probe(n_layers)
    width = readout.width(hidden)
    states = _torch_engine(model, reader, readout, np.eye(width), np.zeros(width)).rows(inputs)
    half = len(prompts) // 2
    weight, bias = _head(states[:half], prompts[:half])
    save_readout(folder, readout)
    head = weight[None].astype(np.float32), np.array([bias], np.float32)
    onnx.save(int8_graph(_fp32(base), reader, prompts[:half], head, readout), folder / GRAPH)
    engine = load_onnx_engine(folder, reader)
    reference, served = states[half:] @ weight + bias, np.array(engine.logits(inputs[half:]))
    true, ours = _sigmoid(reference), _sigmoid(served)
    return engine, {
        "max_abs_dp": float(np.abs(true - ours).max()),
        "mean_abs_dp": float(np.abs(true - ours).mean()),
        "delta_auc": expected_auc(served, true) - expected_auc(reference, true),
        "n_judged": len(prompts) - half,
    }


def _probe(n_layers: int) -> Readout:
    """What was best on real dialogues: markers of two thirds and five sixths, a mean at half."""
    marked = (max(2 * n_layers // 3, 1), max(5 * n_layers // 6, 1))
    parts = [ReadoutPart(layer=layer, pool=Pool.MARKER) for layer in marked]
    return Readout(parts=(*parts, ReadoutPart(layer=n_layers // 2, pool=Pool.MEAN)))


def _head(states: Floats, prompts: list[str]) -> tuple[Floats, float]:
    """A regularised regression on standardised states, for a question that has an answer in the
    prompt: whether the customer said more than the median of words."""
    said = [
        sum(len(line) for line in prompt.splitlines() if line.startswith("customer: "))
        for prompt in prompts
    ]
    labels = np.array(said) > np.median(said)
    centre, spread = states.mean(axis=0), states.std(axis=0) + 1e-6
    fitted = LogisticRegression(C=0.003).fit((states - centre) / spread, labels)
    weight: Floats = fitted.coef_[0] / spread
    return weight, float(fitted.intercept_[0] - weight @ centre)


def _measure_demo(size: Size) -> dict[str, Any]:
    """The shipped artifact's language model on the stream's prompts."""
    path = demo_artifact_path()
    reader, _ = load_reader(path, load_manifest(path).token_budget)
    base = AutoModelForCausalLM.from_pretrained(path / "base", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, str(path)).merge_and_unload().eval()
    mix = stream_mix(reader, size.n_stream_leads)
    ways = _ways(model, reader) | {"ours": _scoring(load_onnx_engine(path, reader))}
    return {"leads_per_s": leads_per_s(ways, mix.prompts, size.n_rounds)}


def _ways(model: PreTrainedModel, reader: PromptReader) -> dict[str, Score]:
    return {
        "naive_padded": naive_padded(model, reader),
        "naive_single": naive_single(model, reader),
        "backbone_only": backbone_only(model, reader),
    }


def _scoring(engine: OnnxEngine) -> Score:
    """Every prompt as if it were the first."""

    def score(prompts: Sequence[str]) -> None:
        for prompt in prompts:
            engine.forget()
            engine.logits([EngineInput(NOTHING, prompt)])

    return score


def _remembering(engine: OnnxEngine, *, keeps_chunks: bool = True) -> Score:
    """As it is served, without a memory at the start of each round; for comparison, nothing but
    whole prompts is remembered."""

    def score(prompts: Sequence[str]) -> None:
        engine.forget()
        served = RememberingEngine(engine)
        for prompt in prompts:
            if not keeps_chunks:
                engine.forget()
            served.logits([EngineInput(NOTHING, prompt)])

    return score


def _torch_engine(
    model: PreTrainedModel, reader: PromptReader, readout: Readout, weight: Floats, bias: Floats
) -> TorchEngine:
    return TorchEngine(
        backbone=model.model,
        head_weight=torch.tensor(weight, dtype=torch.float32),
        head_bias=torch.tensor(bias, dtype=torch.float32),
        reader=reader,
        device=torch.device("cpu"),
        batch_size=1,
        n_layers=model.config.num_hidden_layers,
        readout=readout,
    )


def _fp32(base: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    return model.eval()


def _n_in_layers(model: PreTrainedModel) -> int:
    return sum(p.numel() for name, p in model.named_parameters() if ".layers." in name)


def _sigmoid(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-logits))


def _flags() -> list[str]:
    """What decides how fast int8 is; empty where the system does not say."""
    facts = Path("/proc/cpuinfo")
    if not facts.exists():
        return []
    known = {"avx2", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16"}
    return sorted(known & set(facts.read_text(encoding="utf-8").split()))


if __name__ == "__main__":
    main()

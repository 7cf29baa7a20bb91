"""Writes the demo's stack as an artifact: files, card, metrics and, last, the manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scoring.artifact import (
    BaseModelName,
    DataWindow,
    EngineAgreement,
    EngineKind,
    Manifest,
    save_domain,
)
from scoring.calibration import Calibration
from scoring.prompt.rendering import first_rendering
from training.artifact_folder import CARD, METRICS, seal
from training.dataset.manifest import label_of
from training.export.parity import Parity

AGREEMENT_SLACK = 2.0
"""The bound that is stated, over the largest difference seen: for other prompts and machines."""

BASE_NAME = "training.demo_model"
"""The name of the demo's base since the first artifact; it was the name of a module then."""


@dataclass(frozen=True, slots=True)
class Built:
    """What card and manifest say beside the files. `leads_sha256` and `source`: of the leads that
    were read."""

    name: str
    token_budget: int
    calibration: Calibration
    parity: Parity
    window: tuple[datetime, datetime]
    metrics: Mapping[str, float]
    recipe: Mapping[str, object]
    leads_sha256: str
    source: str


def write_artifact(path: Path, built: Built) -> Manifest:
    """Writes card, metrics and manifest. Every file that is already in `path` becomes part of the
    artifact."""
    (path / METRICS).write_text(json.dumps(dict(built.metrics), indent=2) + "\n", encoding="utf-8")
    (path / CARD).write_text(_card(built), encoding="utf-8")
    rendering = first_rendering()
    save_domain(path, rendering)
    manifest = Manifest(
        name=built.name,
        engine=EngineKind.STACK,
        renderer=rendering.version,
        prompt_id=rendering.prompt_id,
        features_id=rendering.features_id,
        token_budget=built.token_budget,
        horizon_days=rendering.domain.horizon_days,
        calibration=built.calibration,
        agreement=EngineAgreement(
            reference=EngineKind.TORCH,
            served=EngineKind.ONNX,
            max_logit_difference=AGREEMENT_SLACK * built.parity.max_logit,
            n_prompts=built.parity.n_prompts,
        ),
        label=label_of(rendering.domain.horizon_days),
        base=BaseModelName(name=BASE_NAME, revision=f"seed-{built.recipe['seed']}"),
        sources=(built.source,),
        data_window=DataWindow(start=built.window[0], end=built.window[1]),
        metrics=dict(built.metrics),
        files={},
    )
    return seal(path, manifest)


def _card(built: Built) -> str:
    label = label_of(first_rendering().domain.horizon_days)
    metrics = "\n".join(f"| {name} | {value:.5g} |" for name, value in built.metrics.items())
    recipe = "\n".join(f"| {name} | {value} |" for name, value in built.recipe.items())
    parity = built.parity
    return f"""---
library_name: peft
license: apache-2.0
tags: [lead-scoring, simulated-data]
---

# {built.name}

A lead scorer made from simulated leads alone: a language model of about a million weights
(Qwen2 architecture, pre-trained from scratch, LoRA adapter merged into an int8 ONNX graph) reads
the prompt; boosted trees read the 31 features and the language model's logit.

**Use:** asllr's demo and tests. **Not for real customers:** it has met only the simulator's
people, words and prices, and knows no language beyond them.

Label: {label}. Data: {built.window[0]:%Y-%m-%d} to {built.window[1]:%Y-%m-%d}, simulated:
{built.source}; sha256 of all that was read of the leads: `{built.leads_sha256}`.
Remake it with `make demo-model`.

Agreement with the torch reference on {parity.n_prompts} held-out prompts: largest logit difference
{parity.max_logit:.4f}, mean {parity.mean_logit:.4f}, largest probability difference
{parity.max_probability:.4f} (before calibration).

| metric | value |
|---|---|
{metrics}

| recipe | value |
|---|---|
{recipe}

`adapter_config.json` and `adapter_model.safetensors` are the adapter in PEFT layout over `base/`;
`heads.safetensors` is the point-wise head; `model.onnx` is all three merged; `trees.onnx` turns
features and logit into the final logit.
"""

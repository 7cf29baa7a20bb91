"""How fast an adapter is fitted, and whether an artifact made here is what was fitted."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from scoring.artifact import EngineKind, load_manifest
from scoring.domain.reading import pack
from scoring.engines.loading import load_language_model
from scoring.engines.reading import load_reader
from scoring.prompt.rendering import newest_rendering
from scoring.report.progress import WriteLine
from tests.bench.gpu.bases import Prompts
from tests.training.model.tiny import (
    SETTINGS,
    TOKEN_BUDGET,
    read_dataset,
    save_base,
    save_dataset,
    spec,
)
from training.dataset.manifest import Split
from training.export.outcome import look_at
from training.export.writing import write_fitted
from training.fit.dataset import FitRequest, fit_dataset
from training.fit.progress import FitProgress
from training.fit.steps import FitSteps
from training.model.heads import ThreeHeads, add_lora
from training.model.hub import Hub, load_base
from training.model.settings import FitSettings

N_WARM_STEPS = 2
MANY_EPOCHS = 200
"""So that the time decides, not the number of steps."""

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class FitSpeed:
    """Optimizer steps and tokens in a second; `peak_gib` of the device's memory, None on a CPU."""

    steps_per_s: float
    tokens_per_s: float
    peak_gib: float | None


def synchronize(device: torch.device) -> None:
    """Waits for what the device was given, so that a clock can be read."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def fit_speed(prompts: Prompts, settings: FitSettings, seconds: float) -> FitSpeed:
    """Fits on the long prompts for some seconds, after some steps that are not counted."""
    accelerator = Accelerator()
    device = accelerator.device
    gc.collect()  # the model before, which its hooks hold in a circle
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    settings = replace(settings, n_epochs=MANY_EPOCHS)
    dtype = settings.dtype_on(device)
    base = load_base(prompts.opened, dtype, device if settings.base_bits else None)
    if not settings.base_bits:
        base.model.to(device)
    model = ThreeHeads(add_lora(base.model, settings), settings)
    run = FitSteps(model, prompts.samples(), base.pad_id, accelerator)
    progress = FitProgress(len(run.plan.steps), 0, _silently, time.monotonic)
    run.train_to(N_WARM_STEPS, progress, math.inf)
    synchronize(device)
    n_steps, n_tokens, began_s = run.step, progress.n_tokens, time.monotonic()
    run.train_to(n_steps + 1, progress, math.inf)
    run.train_to(len(run.plan.steps), progress, until_s=began_s + seconds)
    synchronize(device)
    took_s = time.monotonic() - began_s
    peak = torch.cuda.max_memory_allocated(device) / GIB if device.type == "cuda" else None
    return FitSpeed((run.step - n_steps) / took_s, (progress.n_tokens - n_tokens) / took_s, peak)


def _silently(line: str) -> None:
    """No line for each step."""


def _silently_counting(n_done: int, n_all: int) -> None:
    """No progress of prompts."""


def whole_fit(place: Path, settings: FitSettings, say: WriteLine) -> dict[str, Any]:
    """Fits a tiny base on simulated leads from dataset to artifact, and reads the artifact as
    serving would: the log loss that the fit reported, of the model in memory, and that of the files
    on this device."""
    request = FitRequest(
        dataset=save_dataset(place / "dataset"),
        hub=Hub(str(save_base(place / "tiny"))),
        out=place / "lm",
        work=place / "work",
        settings=replace(
            SETTINGS,
            precision=settings.precision,
            base_bits=settings.base_bits,
            gradient_checkpointing=True,
        ),
        rendering=newest_rendering(pack("auto")),
        token_budget=TOKEN_BUDGET,
        min_positives=20,
    )
    report = write_fitted(look_at(fit_dataset(request, say, _silently_counting)), say)
    judged = read_dataset(request.dataset)[0].of(Split.JUDGE)
    reader, count_tokens = load_reader(request.out, TOKEN_BUDGET)
    engine = load_language_model(request.out, reader, EngineKind.TORCH)
    logits = np.array(engine.logits(list(judged.inputs(spec(count_tokens)))))
    return {
        "engine": load_manifest(request.out).engine.value,
        "base_bits": settings.base_bits,
        "log_loss_reported": report["checks"][report["best_check"]]["log_loss"],
        "log_loss_served": float(np.mean(np.logaddexp(0, logits) - judged.label * logits)),
    }

"""Pre-trains the base: a curriculum of stages under one cosine schedule, measured in tokens.

Token counts are fixed, not minutes, so that a seed gives the same base on a slower machine. In
float32: a CPU without units for bf16 takes 2.6 times as long with it. Optimizer: I. Loshchilov and
F. Hutter, Decoupled Weight Decay Regularization (AdamW), 2019, arXiv 1711.05101; cosine schedule:
the same authors, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017, arXiv 1608.03983, here
without restarts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import Qwen2ForCausalLM

from scoring.report.progress import WriteLine
from training.model.losses import CodeHeads, PretrainWeights, pretrain_loss
from training.model.samples import Sample, batches_by_width, collate, width_of

Draw = Callable[[np.random.Generator], Sequence[Sample]]

WARM_UP_SHARE = 0.03
FINAL_SHARE = 0.03
"""The last learning rate, as a share of the peak."""

CLIP_NORM = 1.0
LOG_EVERY_STEPS = 100


@dataclass(frozen=True, slots=True)
class CurriculumStage:
    """One stage. `draw` makes a pool of samples; it is called again until `n_tokens` have been
    read."""

    name: str
    n_tokens: int
    batch_tokens: int
    draw: Draw


@dataclass(frozen=True, slots=True)
class PretrainSettings:
    """The settings of pre-training."""

    stages: tuple[CurriculumStage, ...]
    peak_learning_rate: float = 2e-3
    weight_decay: float = 0.05
    weights: PretrainWeights = field(default_factory=PretrainWeights)
    seed: int = 0

    @property
    def n_tokens(self) -> int:
        return sum(stage.n_tokens for stage in self.stages)


def pretrain(
    model: Qwen2ForCausalLM,
    heads: CodeHeads,
    settings: PretrainSettings,
    pad_id: int,
    log: WriteLine,
) -> None:
    """Trains `model` and `heads` in place."""
    torch.manual_seed(settings.seed)
    parameters = [*model.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {
                "params": [p for p in parameters if p.ndim > 1],
                "weight_decay": settings.weight_decay,
            },
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=settings.peak_learning_rate,
        betas=(0.9, 0.98),
    )
    rng = np.random.default_rng(settings.seed)
    progress = _Progress(settings.n_tokens, log)
    model.train()
    for name, samples in _steps(settings):
        batch = collate(samples, pad_id, heads.marker.out_features, rng)
        learning_rate = settings.peak_learning_rate * schedule(progress.n_done / settings.n_tokens)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        parts = pretrain_loss(model, heads, batch, settings.weights)
        torch.autograd.backward(parts["total"])
        torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad()
        progress.step(
            name, batch.input_ids.numel(), {k: float(v.detach()) for k, v in parts.items()}
        )


def schedule(done: float) -> float:
    """The learning rate as a share of its peak, after the share `done` of the tokens: a linear
    warm-up, then a cosine."""
    if done < WARM_UP_SHARE:
        return (done + 1e-3) / (WARM_UP_SHARE + 1e-3)
    phase = (done - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)
    return FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * min(phase, 1.0)))


def _steps(settings: PretrainSettings) -> Iterator[tuple[str, list[Sample]]]:
    rng = np.random.default_rng(settings.seed)
    for stage in settings.stages:
        n_left = stage.n_tokens
        while n_left > 0:
            pool = stage.draw(rng)
            lengths = [len(sample) for sample in pool]
            for index in batches_by_width(lengths, stage.batch_tokens, rng):
                samples = [pool[i] for i in index]
                yield stage.name, samples
                n_left -= width_of(max(map(len, samples))) * len(samples)
                if n_left <= 0:
                    break


class _Progress:
    """Running means of the losses, and how long it will take."""

    def __init__(self, n_tokens: int, log: WriteLine) -> None:
        self.n_tokens, self.log = n_tokens, log
        self.n_done = self.n_steps = 0
        self.started = time.monotonic()
        self.means: dict[str, float] = {}

    def step(self, stage: str, n_tokens: int, parts: dict[str, float]) -> None:
        self.n_done += n_tokens
        self.n_steps += 1
        for name, value in parts.items():
            self.means[name] = 0.98 * self.means.get(name, value) + 0.02 * value
        if self.n_steps % LOG_EVERY_STEPS == 0:
            spent_s = time.monotonic() - self.started
            left_s = spent_s * (self.n_tokens / self.n_done - 1)
            losses = " ".join(f"{name}={value:.3f}" for name, value in self.means.items())
            self.log(
                f"pretrain {stage}: {self.n_done / 1e6:.1f}M of {self.n_tokens / 1e6:.1f}M tokens,"
                f" {self.n_done / spent_s:.0f}/s, {max(left_s, 0) / 60:.1f} min left, {losses}"
            )

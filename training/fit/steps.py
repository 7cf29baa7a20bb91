"""The optimizer steps of a fit: batches, learning rates, and everything a checkpoint has to hold.

A step depends on the settings, its number and the parameters, and on nothing that was drawn before
it: that makes a continued run equal to an uninterrupted one. Optimizer: I. Loshchilov and F.
Hutter, Decoupled Weight Decay Regularization (AdamW), 2019, arXiv 1711.05101; learning rates fall
linearly to zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict

from training.fit.progress import FitProgress
from training.fit.sampler import Picked, Strata, stratified_batches
from training.model.batch import collate_leads
from training.model.checkpoint import Tensors, below, under
from training.model.errors import Diverged
from training.model.guards import naming_memory
from training.model.heads import ThreeHeads
from training.model.samples import Sample
from training.model.settings import FitSettings


@dataclass(frozen=True, slots=True)
class StepPlan:
    """The steps of all epochs: `steps[i]` are the batches that all processes together read in step
    i."""

    steps: tuple[tuple[Picked, ...], ...]

    def cuts(self, n_parts: int) -> list[int]:
        """The numbers of steps after which the checks come; the last check comes after the last
        step."""
        return [int(cut) for cut in np.linspace(0, len(self.steps), n_parts + 1)[1:].round()]


def build_plan(samples: Sequence[Sample], settings: FitSettings, n_processes: int) -> StepPlan:
    """Plans all steps: the same plan for the same samples, settings and number of processes. An
    epoch's last step is filled up with its first batches."""
    strata = Strata(
        lengths=[len(sample.prompt) for sample in samples],
        grades=np.array([sample.grade for sample in samples], dtype=np.int64),
        top=len(settings.heights) - 1,
        min_top=settings.min_positives_per_batch if settings.pair_weight > 0 else 0,
    )
    per_step = n_processes * settings.accumulation
    steps: list[tuple[Picked, ...]] = []
    for epoch in range(settings.n_epochs):
        rng = np.random.default_rng([settings.seed, epoch])
        batches = stratified_batches(strata, settings.batch_tokens, rng)
        batches += [batches[i % len(batches)] for i in range(-len(batches) % per_step)]
        steps += [tuple(batches[at : at + per_step]) for at in range(0, len(batches), per_step)]
    return StepPlan(tuple(steps))


class FitSteps:
    """The model and the optimizer after `step` steps. `warm_up`: the share of the steps in which
    the learning rates rise to their peak, from which they fall to zero."""

    def __init__(
        self,
        model: ThreeHeads,
        samples: Sequence[Sample],
        pad_id: int,
        accelerator: Accelerator,
        warm_up: float = 0.0,
    ) -> None:
        self.model, self.samples, self.pad_id = model, samples, pad_id
        self.settings, self.accelerator = model.settings, accelerator
        self.plan = build_plan(samples, model.settings, accelerator.num_processes)
        self.wrapped: torch.nn.Module = accelerator.prepare_model(model)
        self.step, self.warm_up = 0, warm_up
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        heads = [*model.point.parameters(), *model.pair.parameters()]
        adapter = [p for p in model.lm.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": adapter, "peak": self.settings.adapter_rate},
                {"params": heads, "peak": self.settings.head_rate},
            ],
            weight_decay=self.settings.weight_decay,
        )

    def train_to(self, stop: int, progress: FitProgress, until_s: float) -> None:
        """Trains up to `stop` steps in all, or until the clock of `progress` passes `until_s`.
        Raises Diverged at the first loss that is not finite."""
        self.model.train()
        while self.step < stop and progress.clock() < until_s:
            n_tokens, losses = self._one_step()
            self.step += 1
            progress.step(self.step, n_tokens * self.accelerator.num_processes, losses)

    def _one_step(self) -> tuple[int, dict[str, float]]:
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * self._share_of_peak()
        n_parts, rank = self.settings.accumulation, self.accelerator.process_index
        mine = self.plan.steps[self.step][rank * n_parts : (rank + 1) * n_parts]
        n_tokens, losses = 0, dict.fromkeys(("ctr", "pair", "qa"), 0.0)
        for part, picked in enumerate(mine):
            is_last = part == n_parts - 1
            with (
                naming_memory(self.settings.batch_tokens, "training"),
                nullcontext() if is_last else self.accelerator.no_sync(self.wrapped),
            ):
                read, parts = self._one_batch(picked, part)
            n_tokens += read
            for name in losses:
                losses[name] += parts[name] / n_parts
        torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return n_tokens, losses

    def _share_of_peak(self) -> float:
        n_steps = len(self.plan.steps)
        falling, rising = 1 - self.step / n_steps, (self.step + 1) / (self.warm_up * n_steps + 1)
        return min(falling, rising)

    def _one_batch(self, picked: Picked, part: int) -> tuple[int, dict[str, float]]:
        # Dropout draws from torch's own generator; seeded per batch, it has no history to save.
        where = (self.settings.seed, self.step, part, self.accelerator.process_index)
        torch.manual_seed(int(np.random.SeedSequence(where).generate_state(1)[0]))
        samples = [self.samples[row] for row in picked.rows]
        batch = collate_leads(samples, self.pad_id, picked.n_guests)
        losses = self.wrapped(batch.to(self.accelerator.device))
        self.check_finite(losses["total"].detach(), f"the loss of step {self.step + 1}")
        (losses["total"] / self.settings.accumulation).backward()
        return batch.input_ids.numel(), {name: float(x.detach()) for name, x in losses.items()}

    def check_finite(self, numbers: torch.Tensor, what: str) -> None:
        """Raises Diverged for numbers that are not finite."""
        if not torch.isfinite(numbers).all():
            settings = self.settings
            raise Diverged(
                f"{what} of {len(self.plan.steps)} is not finite: the fit has diverged; try a "
                f"lower --adapter-rate (it is {settings.adapter_rate:g}) or --head-rate "
                f"({settings.head_rate:g})"
            )

    def weights(self) -> dict[str, torch.Tensor]:
        """Copies of the trained weights: the adapter under peft's names, and the two heads."""
        adapter = get_peft_model_state_dict(self.model.lm, save_embedding_layers=False)
        trained = {
            **under("adapter", adapter),
            **under("point", self.model.point.state_dict()),
            **under("pair", self.model.pair.state_dict()),
        }
        return {name: tensor.detach().cpu().clone() for name, tensor in trained.items()}

    def load_weights(self, tensors: Tensors) -> None:
        set_peft_model_state_dict(self.model.lm, below("adapter", tensors))
        self.model.point.load_state_dict(below("point", tensors))
        self.model.pair.load_state_dict(below("pair", tensors))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Copies of the trained weights and of the optimizer's moments."""
        moments = {
            f"optimizer.{number}.{name}": value.detach().cpu().clone()
            for number, moment in self.optimizer.state_dict()["state"].items()
            for name, value in moment.items()
        }
        return {**self.weights(), **moments}

    def load(self, step: int, tensors: Tensors) -> None:
        """Goes to step `step` with these tensors: the inverse of `tensors`."""
        self.load_weights(tensors)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in below("optimizer", tensors).items():
            number, name = key.split(".", 1)
            moments.setdefault(int(number), {})[name] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.step = step

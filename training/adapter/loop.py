"""The training loop from a frozen base's solution: LoRA under the head that was fitted on it.

The adapter starts at nothing, so check 0 is the frozen head itself. Every check reads leads that
the adapter does not learn from. They lie in two halves, validation and calibration: each half
chooses the check by which the other is judged, so that no lead judges what it chose.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from scoring.artifact import HeadKind
from scoring.engines.readout import Readout
from scoring.floats import Floats
from scoring.metrics.metrics import auc
from training.baselines.baseline import log_loss
from training.fit.loop import CHECKPOINT_EVERY_S, FitRun
from training.fit.progress import FitProgress
from training.fit.steps import FitSteps
from training.model.adapter import Adapter
from training.model.checkpoint import (
    Checkpoint,
    Tensors,
    below,
    load_checkpoint,
    remove_checkpoint,
    save_checkpoint,
    under,
)
from training.model.errors import Diverged
from training.model.guards import naming_memory
from training.model.heads import Head, ThreeHeads, add_lora
from training.model.layers import first_layers
from training.model.readout import EVAL_BATCH_TOKENS, readout_states
from training.model.samples import Sample
from training.model.settings import FitSettings

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises: Adam's first steps know little of the
gradients' sizes, and the solution that it starts from is worth keeping."""

EVERY_ROW = slice(None)

PATIENCE = 3
"""Checks without a better one, for either half of the held-out leads, after which a fit ends."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Leads that the adapter does not learn from, in order. `half`: 0 or 1, (n,); all rows of a
    cluster are in one."""

    samples: Sequence[Sample]
    labels: Floats
    weights: Floats
    half: NDArray[np.int64]

    def loss(
        self, logits: Floats, serve: HeadKind, rows: NDArray[np.bool_] | slice = EVERY_ROW
    ) -> float:
        """What a check is judged by on some rows: log loss, or what is missing of AUC for the
        pair-wise head, which has no probability before it is calibrated."""
        if serve is HeadKind.PAIR:
            return 1 - auc(logits[rows], self.labels[rows], self.weights[rows])
        return log_loss(logits[rows], self.labels[rows], self.weights[rows])


@dataclass(frozen=True, slots=True)
class FrozenStart:
    """What an adapter starts from: the frozen base's readout, and a head that learned from the
    train rows alone."""

    readout: Readout
    head: Head


@dataclass(frozen=True, slots=True)
class HeldChecks:
    """The checks so far: after which step, and each one's logits of the held-out leads."""

    held_out: HeldOut
    serve: HeadKind
    steps: tuple[int, ...] = ()
    logits: tuple[Floats, ...] = ()

    def with_one(self, step: int, logits: Floats) -> HeldChecks:
        steps, read = (*self.steps, step), (*self.logits, logits)
        return HeldChecks(self.held_out, self.serve, steps, read)

    def best(self, half: int | None = None) -> int:
        """The check that this half chooses, or all leads do; the earlier of two equals."""
        rows = EVERY_ROW if half is None else self.held_out.half == half
        losses = [self.held_out.loss(logits, self.serve, rows) for logits in self.logits]
        return int(np.argmin(losses))

    @property
    def crossed(self) -> Floats:
        """(n,) the logits of each half by the check that the other half chooses."""
        return np.where(
            self.held_out.half == 0, self.logits[self.best(1)], self.logits[self.best(0)]
        )

    @property
    def is_over(self) -> bool:
        """Whether nothing has become better for a while."""
        newest = max(self.best(0), self.best(1), self.best())
        return len(self.steps) - 1 - newest >= PATIENCE


@dataclass(frozen=True, slots=True)
class FittedAdapter:
    """A fitted adapter with the head that is served, both of the check that all held-out leads
    choose; and all checks."""

    adapter: Adapter
    head: Head
    checks: HeldChecks


def fit_adapter(
    base: PreTrainedModel,
    start: FrozenStart,
    train: Sequence[Sample],
    held_out: HeldOut,
    pad_id: int,
    settings: FitSettings,
    place: FitRun,
) -> FittedAdapter:
    """Fits an adapter on the layers that are read; `base` is wrapped in place. Raises Diverged, and
    then removes the checkpoint, because continuing from it would diverge again; OutOfMemory,
    CannotWrite."""
    torch.manual_seed(settings.seed)
    n_layers = start.readout.top_layer
    model = ThreeHeads(add_lora(base, settings, n_layers), settings, start.readout)
    for linear in (model.point, model.pair):
        start.head.write_to(linear)
    # The loss of Yes and No reads the last layer.
    with first_layers(base, n_layers) if settings.qa_weight == 0 else nullcontext():
        try:
            checks, weights = _fit(
                FitSteps(model, train, pad_id, place.accelerator, WARM_UP), held_out, place
            )
        except Diverged:
            if place.checkpoint is not None and place.accelerator.is_main_process:
                remove_checkpoint(place.checkpoint)
            raise
    adapter = Adapter(settings, n_layers, below("adapter", weights))
    served = below(settings.serve.value, weights)
    head = Head(served["weight"][0].float().numpy(), float(served["bias"]))
    return FittedAdapter(adapter, head, checks)


def _fit(run: FitSteps, held_out: HeldOut, place: FitRun) -> tuple[HeldChecks, Tensors]:
    """All checks, and the weights of the best of them."""
    settings = run.settings
    checks = HeldChecks(held_out, settings.serve)
    resumed = None if place.checkpoint is None else load_checkpoint(place.checkpoint, place.run)
    if resumed is None:
        checks = _checked(run, checks, place)
        best_weights: Tensors = run.weights()
    else:
        run.load(resumed.step, resumed.tensors)
        read = below("checks", resumed.tensors)
        for step, logits in zip(read["steps"].tolist(), read["logits"].numpy(), strict=True):
            checks = checks.with_one(int(step), logits)
        best_weights = below("best", resumed.tensors)
        place.log(f"adapter: continues after step {resumed.step} of {len(run.plan.steps)}")

    def save() -> None:
        if place.checkpoint is not None and place.accelerator.is_main_process:
            tensors = {**run.tensors(), **under("best", best_weights), **_tensors(checks)}
            now = Checkpoint(place.run, run.step, (), checks.best(), tensors)
            save_checkpoint(place.checkpoint, now)

    progress = FitProgress(len(run.plan.steps), run.step, place.log, time.monotonic)
    cuts = run.plan.cuts(settings.n_epochs * settings.checks_per_epoch)
    for cut in cuts[len(checks.steps) - 1 :]:
        if checks.is_over:
            place.log(f"adapter: ends early, nothing was better in the last {PATIENCE} checks")
            break
        while run.step < cut:
            run.train_to(cut, progress, until_s=time.monotonic() + CHECKPOINT_EVERY_S)
            if run.step < cut:
                save()
        checks = _checked(run, checks, place)
        if checks.best() == len(checks.steps) - 1:
            best_weights = run.weights()
        save()
    return checks, best_weights


def _checked(run: FitSteps, checks: HeldChecks, place: FitRun) -> HeldChecks:
    model, held_out = run.model, checks.held_out
    if model.readout is None:
        raise ValueError("an adapter under a frozen head has a readout")
    with naming_memory(EVAL_BATCH_TOKENS, "reading"):
        states = readout_states(
            model.lm,
            held_out.samples,
            run.pad_id,
            model.readout,
            precision=run.settings.precision,
            share=place.share,
        )
    served = model.point if run.settings.serve is HeadKind.POINT else model.pair
    logits = Head.of(served).logits(states)
    run.check_finite(torch.from_numpy(logits), f"a logit after step {run.step}")
    found = checks.with_one(run.step, logits)
    place.log(
        f"adapter: check at step {run.step} of {len(run.plan.steps)}: on leads that it does not "
        f"learn from AUC {auc(logits, held_out.labels, held_out.weights):.4f}, log loss "
        f"{held_out.loss(logits, HeadKind.POINT):.5f}"
    )
    return found


def _tensors(checks: HeldChecks) -> dict[str, torch.Tensor]:
    steps = torch.tensor(checks.steps, dtype=torch.int64)
    return under("checks", {"steps": steps, "logits": torch.from_numpy(np.stack(checks.logits))})

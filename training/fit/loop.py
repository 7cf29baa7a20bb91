"""The training loop: LoRA on a pre-trained base, three losses at the answer marker, validation
checks.

The point-wise head starts as a logistic regression on the frozen base's states, the probe, so that
the adapter refines a working reader instead of first destroying it. Later leads, the validation
split, decide which check is kept.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from peft import PeftModel
from sklearn.linear_model import LogisticRegression
from transformers import PreTrainedModel

from scoring.artifact import HeadKind
from scoring.calibration import sampling_correction
from scoring.floats import Floats
from scoring.metrics.metrics import auc, expected_precision_at
from scoring.report.progress import WriteLine
from training.fit.progress import FitProgress
from training.fit.steps import FitSteps
from training.model.checkpoint import (
    Checkpoint,
    ValidationCheck,
    below,
    load_checkpoint,
    remove_checkpoint,
    save_checkpoint,
    under,
)
from training.model.errors import Diverged
from training.model.guards import naming_memory
from training.model.heads import Head, ThreeHeads, add_lora
from training.model.readout import EVAL_BATCH_TOKENS, Share, answers_at, marker_states
from training.model.samples import Sample
from training.model.settings import FitSettings

MAX_PROBE_NEGATIVES = 20_000
"""More negatives do not change a regularised probe, and their states have to fit in memory."""

CHECKPOINT_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class FitData:
    """The samples of the train and validation splits: each has a label, a grade and a one-token
    answer, `yes` or `no`. `validation_weights`: how many leads each of `validation` stands for;
    None where none was left out."""

    train: Sequence[Sample]
    validation: Sequence[Sample]
    pad_id: int
    yes: int
    no: int
    validation_weights: Floats | None = None


@dataclass(frozen=True, slots=True)
class FitRun:
    """Where a fit runs and reports. With `checkpoint` it continues from that file; `run` says whose
    it is."""

    log: WriteLine
    accelerator: Accelerator = field(default_factory=Accelerator)
    checkpoint: Path | None = None
    run: str = "{}"

    @property
    def share(self) -> Share:
        return Share(self.accelerator.process_index, self.accelerator.num_processes)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted model. `model` and the heads are those of `checks[best]`. `probe`: what the head
    began as, a logistic regression on the frozen base's states."""

    model: PeftModel
    head: Head
    pair_head: Head
    probe: Head
    checks: tuple[ValidationCheck, ...]
    best: int

    @property
    def losses(self) -> tuple[float, ...]:
        """Log loss on the validation split: the probe's, then one for each check."""
        return tuple(check.log_loss for check in self.checks)


def fit(base: PreTrainedModel, data: FitData, settings: FitSettings, place: FitRun) -> Fitted:
    """Fits adapter and heads; `base` is wrapped in place. If no check beats the probe, the adapter
    stays at zero and the head is the probe. Raises Diverged, and then removes the checkpoint,
    because continuing from it would diverge again."""
    torch.manual_seed(settings.seed)
    model = ThreeHeads(add_lora(base, settings), settings)
    run = FitSteps(model, data.train, data.pad_id, place.accelerator)
    resumed = None if place.checkpoint is None else load_checkpoint(place.checkpoint, place.run)
    if resumed is None:
        probe = _start_at_probe(run, data, place)
        checks, best, best_weights = [_check(run, data, place)], 0, run.weights()
    else:
        run.load(resumed.step, resumed.tensors)
        probe = Head.from_tensors(below("probe", resumed.tensors))
        checks, best = list(resumed.checks), resumed.best
        best_weights = below("best", resumed.tensors)
        place.log(f"fit: continues after step {resumed.step} of {len(run.plan.steps)}")

    def save() -> None:
        if place.checkpoint is not None and place.accelerator.is_main_process:
            tensors = {
                **run.tensors(),
                **under("best", best_weights),
                **under("probe", probe.tensors),
            }
            now = Checkpoint(place.run, run.step, tuple(checks), best, tensors)
            save_checkpoint(place.checkpoint, now)

    progress = FitProgress(len(run.plan.steps), run.step, place.log, time.monotonic)
    try:
        for cut in run.plan.cuts(settings.n_epochs * settings.checks_per_epoch)[len(checks) - 1 :]:
            while run.step < cut:
                run.train_to(cut, progress, until_s=time.monotonic() + CHECKPOINT_EVERY_S)
                if run.step < cut:
                    save()
            checks.append(_check(run, data, place))
            if _is_better(checks[-1], checks[best], settings.serve):
                best, best_weights = len(checks) - 1, run.weights()
            save()
    except Diverged:
        if place.checkpoint is not None and place.accelerator.is_main_process:
            remove_checkpoint(place.checkpoint)
        raise
    run.load_weights(best_weights)
    heads = Head.of(model.point), Head.of(model.pair)
    return Fitted(model.lm, *heads, probe, tuple(checks), best)


def described_run(settings: FitSettings, **facts: str) -> str:
    """A text for what a checkpoint belongs to: only a run with the same settings and facts may
    continue it."""
    flat = {name: str(value) for name, value in asdict(settings).items()}
    return json.dumps({**flat, **facts}, sort_keys=True)


def fit_probe(states: NDArray[np.float32], labels: Floats, strength: float) -> Head:
    """Fits a logistic regression on standardised states; returns it as plain weights on raw
    states."""
    mean, std = states.mean(axis=0), states.std(axis=0) + 1e-6
    probe = LogisticRegression(C=strength, max_iter=500).fit((states - mean) / std, labels)
    weight = probe.coef_[0] / std
    return Head(weight.astype(np.float32), float(probe.intercept_[0] - mean @ weight))


def _start_at_probe(run: FitSteps, data: FitData, place: FitRun) -> Head:
    """Starts both heads as the probe: the order of its logits is the best first guess for pairs as
    well."""
    settings = run.settings
    rng = np.random.default_rng(settings.seed)
    labels = np.array([sample.label for sample in data.train], dtype=np.float64)
    others = np.flatnonzero(labels == 0)
    negatives = rng.permutation(others)[:MAX_PROBE_NEGATIVES]
    rows = np.sort(np.concatenate([np.flatnonzero(labels > 0), negatives]))
    states = _states(run.model, [data.train[row] for row in rows], data, place.share)
    probe = fit_probe(states, labels[rows], settings.probe_strength)
    bias = probe.bias + sampling_correction(len(negatives) / len(others))
    head = Head(probe.weight, bias)
    for linear in (run.model.point, run.model.pair):
        head.write_to(linear)
    return head


def _states(
    model: ThreeHeads, samples: Sequence[Sample], data: FitData, share: Share
) -> NDArray[np.float32]:
    with naming_memory(EVAL_BATCH_TOKENS, "reading"):
        return marker_states(
            model.lm,
            samples,
            data.pad_id,
            precision=model.settings.precision,
            share=share,
        )


def _check(run: FitSteps, data: FitData, place: FitRun) -> ValidationCheck:
    states = _states(run.model, data.validation, data, place.share)
    logits = [Head.of(head).logits(states) for head in (run.model.point, run.model.pair)]
    run.check_finite(torch.from_numpy(np.stack(logits)), f"a logit after step {run.step}")
    check = _measured(run.model, states, data, run.step)
    place.log(
        f"fit: check at step {check.step} of {len(run.plan.steps)}: log loss {check.log_loss:.5f},"
        f" AUC {check.auc:.4f} (pair-wise {check.pair_auc:.4f}, Yes / No {check.qa_auc:.4f})"
    )
    return check


def check_again(model: ThreeHeads, data: FitData, step: int) -> ValidationCheck:
    """A check of `model`, which is the one after `step` on other weights of the base. One process,
    whichever others there are."""
    return _measured(model, _states(model, data.validation, data, Share()), data, step)


def _measured(
    model: ThreeHeads, states: NDArray[np.float32], data: FitData, step: int
) -> ValidationCheck:
    labels = np.array([sample.label for sample in data.validation], dtype=np.float64)
    logits, pair = (Head.of(head).logits(states) for head in (model.point, model.pair))
    served = logits if model.settings.serve is HeadKind.POINT else pair
    own = answers_at(model.lm, states, data.yes, data.no)
    return ValidationCheck(
        step=step,
        log_loss=_log_loss(logits, labels),
        auc=auc(logits, labels),
        precision_at_1_percent=expected_precision_at(served, labels, 0.01, data.validation_weights),
        pair_auc=auc(pair, labels),
        qa_auc=auc(own.logits, labels),
        qa_loss=own.loss(labels),
        mass=float(own.mass.mean()),
    )


def _is_better(check: ValidationCheck, best: ValidationCheck, serve: HeadKind) -> bool:
    """Compares checks by the head that is served: log loss, or AUC for the pair-wise head, which
    has no probability before it is calibrated."""
    if serve is HeadKind.POINT:
        return check.log_loss < best.log_loss
    return check.pair_auc > best.pair_auc


def _log_loss(logits: Floats, labels: Floats) -> float:
    """The log loss of logits: no probability is clipped."""
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))

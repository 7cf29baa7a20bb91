"""A model from a base alone: its own Yes against its No at the answer marker.

For the day when there are no outcomes. Nothing is learned, so every score says evidence low, and
the probability is right on average only: the mean over the leads that were given, or a lead of whom
nothing is known, gets the base rate that was stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq

from schemas.timestamps import DAY_MS
from scoring.artifact import EngineKind, digest
from scoring.calibration import Calibration
from scoring.engine import EngineInput
from scoring.engines.loading import load_language_model
from scoring.engines.reading import load_reader
from scoring.floats import Floats
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.prompt.prompt import PromptSpec, build_prompt
from scoring.prompt.rendering import Rendering
from scoring.report.progress import ReportProgress, StartReport, WriteLine
from training.artifact_folder import artifact_folder, check_replaceable, seal
from training.baselines.facts import ArtifactFacts, artifact_name, describe, manifest_of
from training.dataset.folder import read_examples
from training.dataset.manifest import label_of
from training.fit.leads import check_budget, counter
from training.frozen.files import FrozenReading, read_by, save_reading
from training.model.errors import FitError
from training.model.guards import naming_memory
from training.model.heads import Head, vocabulary_of
from training.model.hub import Hub, LoadedBase, load_base, open_base

MADE_WITH = "asllr zero-shot"
LEAST_RATE = 1e-4
"""Rarer than any business's outcome, and far from the smallest probability that is ever said."""

LEAST_SPREAD = 0.1
"""Standard deviation of the logits: with less the best tenth of the leads is 1.2 times as likely as
the mean."""

N_LEADS = 200
"""How many of the leads that are given set the mean."""


@dataclass(frozen=True, slots=True)
class ZeroShotRequest:
    """What to make. `base_rate`: the share of leads with the outcome, as the business knows it.
    `leads`: a dataset folder whose leads set the mean; its labels are not looked at."""

    hub: Hub
    out: Path
    rendering: Rendering
    token_budget: int
    base_rate: float
    leads: Path | None


def write_zero_shot(request: ZeroShotRequest, log: WriteLine, start: StartReport) -> dict[str, Any]:
    """Writes the artifact, complete or not at all; returns its report. Raises FitError,
    DatasetError, NotOurs, CannotWrite."""
    if not LEAST_RATE <= request.base_rate <= 1 - LEAST_RATE:
        raise FitError(
            f"--base-rate is {request.base_rate}; expected a share from {LEAST_RATE} to "
            f"{1 - LEAST_RATE}, such as 0.02 for two orders in a hundred leads"
        )
    check_replaceable(request.out)
    opened, budget = open_base(request.hub), request.token_budget
    check_budget(opened.tokenizer, request.rendering, budget, opened.max_tokens, opened.turns)
    prompts = _prompts(
        request, PromptSpec(request.rendering, budget, counter(opened.tokenizer), opened.turns)
    )
    with naming_memory(budget, "loading the base"):
        base = load_base(opened, torch.float32)
    yes, no = likelier_answers(base, prompts[0])
    reading = FrozenReading(base, _yes_against_no(base, yes, no), None, budget)
    facts = _facts(request, base)
    with artifact_folder(request.out) as folder:
        agreement = save_reading(folder, reading, prompts, log)
        kind = EngineKind.TORCH if agreement is None else EngineKind.ONNX
        logits = _logits(folder, kind, reading, prompts, start("zero-shot: leads"))
        calibration = calibrated(logits, request.base_rate)
        describe(folder, facts, _text(base, request, len(prompts)))
        told = {"calibration": calibration, "learned": False, **read_by(reading, agreement)}
        seal(folder, manifest_of(kind, facts).model_copy(update=told))
    return {
        "base": {"name": base.name, "revision": base.revision},
        "engine": kind.value,
        "base_rate": request.base_rate,
        "leads": 0 if request.leads is None else len(prompts),
        "spread": None if request.leads is None else float(logits.std()),
        "doubts": _doubts(request, logits),
        "artifact": digest(request.out),
    }


def _doubts(request: ZeroShotRequest, logits: Floats) -> list[str]:
    if request.leads is None:
        return [
            "no leads were given: a lead of whom nothing is known gets the base rate, and nobody "
            "looked whether the base tells your leads apart; give a dataset with --leads"
        ]
    if logits.std() < LEAST_SPREAD:
        return [
            f"the base hardly tells these leads apart: its logits differ by {logits.std():.3f} "
            f"(standard deviation), below {LEAST_SPREAD}; the order means little"
        ]
    return []


def calibrated(logits: Floats, base_rate: float) -> Calibration:
    """The shift that gives leads of these logits the mean probability `base_rate`.

    >>> round(calibrated(np.array([0.4]), 0.5).b, 6)
    -0.4
    """
    low, high = -float(logits.max()) - MOST_LOGIT, -float(logits.min()) + MOST_LOGIT

    def excess(b: float) -> float:
        return float((1 / (1 + np.exp(-(logits + b)))).mean()) - base_rate

    return Calibration(a=1.0, b=float(brentq(excess, low, high)))


MOST_LOGIT = 20.0
"""Beyond the logit of any rate that is stated."""


def _prompts(request: ZeroShotRequest, spec: PromptSpec) -> list[str]:
    if request.leads is None:
        return [build_prompt(history_of(LeadState()), DAY_MS, spec)]
    examples, _ = read_examples(request.leads, request.rendering)
    some = np.linspace(0, len(examples) - 1, min(len(examples), N_LEADS)).astype(int)
    return [one.prompt for one in examples.take(some).inputs(spec)]


def likelier_answers(base: LoadedBase, prompt: str) -> tuple[int, int]:
    """The form of Yes and No, with or without a leading space, that the base itself says."""
    ids = torch.tensor([base.tokenizer.encode(prompt, add_special_tokens=False).ids])
    with torch.inference_mode():
        said = base.model(ids, logits_to_keep=1).logits[0, -1].float().log_softmax(-1)
    return max(base.answers, key=lambda pair: float(said[list(pair)].exp().sum()))


def _yes_against_no(base: LoadedBase, yes: int, no: int) -> Head:
    project = vocabulary_of(base.model)
    weight = (project.weight[yes] - project.weight[no]).detach().float().numpy()
    bias = 0.0 if project.bias is None else float(project.bias[yes] - project.bias[no])
    return Head(weight, bias)


def _logits(
    folder: Path,
    kind: EngineKind,
    reading: FrozenReading,
    prompts: Sequence[str],
    report: ReportProgress,
) -> Floats:
    reader, _ = load_reader(folder, reading.token_budget, reading.base.turns)
    engine = load_language_model(folder, reader, kind)
    logits = []
    for n_done, prompt in enumerate(prompts, 1):
        logits += engine.logits([EngineInput(np.zeros(0, dtype=np.float32), prompt)])
        report(n_done, len(prompts))
    return np.array(logits)


def _facts(request: ZeroShotRequest, base: LoadedBase) -> ArtifactFacts:
    domain = request.rendering.domain
    return ArtifactFacts(
        name=artifact_name(request.out, "zero-shot"),
        rendering=request.rendering,
        horizon_days=domain.horizon_days,
        label=f"{label_of(domain.horizon_days)}; nothing was fitted",
        window=None,
        calibration=Calibration(),
        metrics={},
        settings={"base_rate": request.base_rate},
        revision=base.revision,
        made_with=MADE_WITH,
    )


def _text(base: LoadedBase, request: ZeroShotRequest, n_leads: int) -> str:
    licence = "unknown to asllr" if base.record is None else base.record.licence
    mean = "a lead of whom nothing is known" if request.leads is None else f"{n_leads} leads"
    return (
        f"{base.name} ({base.revision}) as it is: its own Yes against its No. No outcome was seen, "
        f"so every score says evidence low; the mean of {mean} is the stated base rate of "
        f"{request.base_rate:.2%}. A small base may be worth nothing on your leads: compare it "
        f"with the rule as soon as there are outcomes. The licence of the base ({licence}) applies."
    )

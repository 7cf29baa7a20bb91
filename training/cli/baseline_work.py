"""From a dataset folder to a fitted baseline, its report and, where it can be served, its
artifact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from schemas.timestamps import from_ms
from scoring.artifact import digest, load_manifest, load_rendering
from scoring.calibration import Calibration
from scoring.domain.reading import domain_named
from scoring.floats import Floats
from scoring.prompt.rendering import FIRST_PACK, Rendering, newest_rendering
from scoring.report.progress import ReportProgress, WriteLine
from training.artifact_folder import check_replaceable
from training.baselines.baseline import Budget, Predictor
from training.baselines.facts import ArtifactFacts, ChosenSettings, artifact_name
from training.baselines.fitted import (
    Worth,
    calibrate,
    check_enough,
    logits_to_calibrate,
    worth_of,
)
from training.baselines.recommended import fit_recommended, fit_stack_of_least_loss
from training.baselines.registry import Baseline, fit_baseline
from training.baselines.rule import fit_rule
from training.baselines.rule_artifact import write_rule
from training.baselines.table_artifacts import table_export, write_stack, write_table
from training.baselines.unseen import check_left, seen_rows, split_unseen
from training.calibrate import doubts
from training.dataset.example import Examples
from training.dataset.folder import read_examples
from training.dataset.manifest import BEFORE_TEST, DatasetError, DatasetManifest, Split
from training.evaluation.served import score_artifact

N_PARITY_ROWS = 500


@dataclass(frozen=True, slots=True)
class BaselineRequest:
    """What `asllr baseline` was asked for. `name` None: the recommended model. `lm`: the artifact
    with the language model, for a stack only. `domain`: a pack or a file; None: that of `lm`, or
    else `auto`."""

    name: str | None
    domain: str | None
    dataset: Path
    out: Path | None
    lm: Path | None
    n_trials: int
    seed: int
    min_positives: int
    n_processes: int

    @property
    def budget(self) -> Budget:
        return Budget(self.n_trials, self.seed)

    def rendering(self) -> Rendering:
        """Raises ArtifactError, DomainError."""
        if self.lm is not None:
            return load_rendering(self.lm, load_manifest(self.lm))
        return newest_rendering(domain_named(self.domain or FIRST_PACK))


@dataclass(frozen=True, slots=True)
class Made:
    """A fitted baseline. `artifact`: the digest of what was written, None where nothing was. `why`:
    how the model was chosen, empty where it was asked for."""

    name: str
    settings: ChosenSettings
    worth: Worth
    artifact: str | None
    doubts: list[str]
    why: str = ""

    def described(self) -> dict[str, Any]:
        """The report of the command, as plain values."""
        return {
            "baseline": self.name,
            **({"why": self.why} if self.why else {}),
            **self.worth.metrics,
            "settings": dict(self.settings),
            "calibration": self.worth.calibration.model_dump(mode="json"),
            "artifact": self.artifact,
            "doubts": self.doubts,
        }


@dataclass(frozen=True, slots=True)
class _Data:
    examples: Examples
    manifest: DatasetManifest


def make_baseline(request: BaselineRequest, log: WriteLine, report: ReportProgress) -> Made:
    """Fits a baseline and writes its artifact if one is wanted. Raises DatasetError, ArtifactError,
    NotOurs; nothing is written then."""
    if request.out is not None:
        check_replaceable(request.out)
    data = _Data(*read_examples(request.dataset, request.rendering()))
    if request.name == Baseline.RULE:
        return _rule(request, data, log)
    if request.lm is not None:
        return _stack(request, request.lm, data, log, report)
    check_enough(data.examples, request.min_positives)
    if request.name is None:
        chosen = fit_recommended(data.examples, request.budget, log)
        return _learned(replace(request, name=chosen.name), data, chosen.model, chosen.why)
    model = fit_baseline(Baseline(request.name), data.examples, request.budget, log)
    return _learned(request, data, model, "")


def _rule(request: BaselineRequest, data: _Data, log: WriteLine) -> Made:
    """The rule is not calibrated: its base is the observed share of orders, and a calibration would
    claim more than it knows."""
    fitted = fit_rule(data.examples, request.budget, log)
    worth = worth_of(fitted.logits(data.examples), data.examples, Calibration())
    if request.out is not None:
        write_rule(request.out, fitted.rule, _facts(request, data, fitted.described, worth))
    return _made(request, fitted.described, worth, [])


def _learned(request: BaselineRequest, data: _Data, fitted: Predictor, why: str) -> Made:
    worth = _worth(logits_to_calibrate(fitted, data.examples), data.examples)
    if request.out is not None:
        export = table_export(fitted)
        if export is None:
            raise ValueError(f"{request.name} cannot be served")
        newest = data.examples.take(np.arange(len(data.examples))[-N_PARITY_ROWS:])
        write_table(request.out, export, newest, _facts(request, data, fitted.described, worth))
    made = _made(request, fitted.described, worth, _doubts(worth, data.examples))
    return replace(made, why=why)


def _stack(
    request: BaselineRequest, lm: Path, data: _Data, log: WriteLine, report: ReportProgress
) -> Made:
    below = load_manifest(lm)
    if not below.engine.reads_text:
        raise DatasetError(
            f"the artifact at {lm} has no language model to stack on; name one of `asllr fit`"
        )
    is_seen = seen_rows(below, data.examples, data.manifest)
    examples = split_unseen(data.examples, is_seen)
    check_left(examples, request.min_positives)
    if is_seen.any():
        log(
            f"stack: the language model may know {int(is_seen.sum())} of {len(is_seen)} rows; "
            f"the trees and their calibration are of {len(examples.of(*BEFORE_TEST))} others"
        )
    read = score_artifact(lm, examples, n_processes=request.n_processes, report=report).read
    if read is None:
        raise ValueError(f"engine {below.engine} of {lm} reads no text")
    fitted, table = fit_stack_of_least_loss(examples, read, request.budget, log)
    worth = _worth(fitted.logits_to_calibrate(examples, read), examples)
    if request.out is not None:
        grown = _Data(examples, data.manifest)
        facts = _facts(request, grown, fitted.described, worth)
        write_stack(request.out, fitted.tree, table, lm, facts)
    return _made(request, fitted.described, worth, _doubts(worth, examples))


def _worth(logits: Floats, examples: Examples) -> Worth:
    return worth_of(logits, examples, calibrate(logits, examples) or Calibration())


def _facts(
    request: BaselineRequest, data: _Data, settings: ChosenSettings, worth: Worth
) -> ArtifactFacts:
    moments = data.examples.of(*BEFORE_TEST).as_of_ms
    first, last = (from_ms(int(moments[at])) for at in (0, -1))
    return ArtifactFacts(
        name=artifact_name(request.out, str(request.name)),
        rendering=data.examples.rendering,
        horizon_days=data.manifest.horizon_days,
        label=data.manifest.label,
        window=(first, last),
        calibration=worth.calibration,
        metrics=worth.metrics,
        settings=settings,
        revision=f"dataset-{str(data.manifest.sha256)[:16]}-seed-{request.seed}",
        dataset=data.manifest.sha256,
        sources=data.manifest.source_names,
    )


def _doubts(worth: Worth, examples: Examples) -> list[str]:
    return doubts(worth.calibration, int(examples.of(Split.CALIBRATE).label.sum()))


def _made(
    request: BaselineRequest, settings: ChosenSettings, worth: Worth, doubts: list[str]
) -> Made:
    written = None if request.out is None else digest(request.out)
    return Made(str(request.name), settings, worth, written, doubts)

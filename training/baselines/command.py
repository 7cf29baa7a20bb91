"""One baseline from a dataset folder to a report and, where it can be served, an artifact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scoring.artifact import digest
from scoring.calibration import Calibration
from scoring.fold import from_ms
from scoring.metrics import auc
from training.artifact_folder import check_replaceable
from training.baselines.baseline import KNOWN, Budget, Floats
from training.baselines.facts import Facts, Settings, artifact_name
from training.baselines.fitted import Worth, calibrate, check_enough, worth_of
from training.baselines.registry import Baseline, fit_baseline
from training.baselines.rule import fit_rule
from training.baselines.rule_artifact import write_rule
from training.baselines.stack import fit_stack
from training.baselines.tree import TreePredictor
from training.baselines.tree_artifacts import write_stack, write_trees
from training.baselines.tree_tabular import fit_feature_columns
from training.evaluation.served import score_artifact
from training.examples.example import Examples
from training.examples.folder import read_examples
from training.examples.manifest import DatasetError, DatasetManifest
from training.progress import Report
from training.trials import Log

N_PARITY_ROWS = 500
MEMORY_AUC = 0.05
"""More than one epoch of a regularised adapter leaves between rows it saw and rows it did not."""


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for. `lm`: of a stack, and only there."""

    name: str
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


@dataclass(frozen=True, slots=True)
class Made:
    name: str
    settings: Settings
    worth: Worth
    artifact: str | None

    def described(self) -> dict[str, Any]:
        return {
            "baseline": self.name,
            **self.worth.metrics,
            "settings": dict(self.settings),
            "calibration": self.worth.calibration.model_dump(mode="json"),
            "artifact": self.artifact,
        }


@dataclass(frozen=True, slots=True)
class _Data:
    examples: Examples
    manifest: DatasetManifest


def make_baseline(order: Order, log: Log, report: Report) -> Made:
    """Raises DatasetError, ArtifactError, NotOurs; nothing is written then."""
    if order.out is not None:
        check_replaceable(order.out)
    data = _Data(*read_examples(order.dataset))
    if order.name == Baseline.RULE:
        return _rule(order, data, log)
    check_enough(data.examples, order.min_positives)
    if order.lm is None:
        return _learned(order, data, log)
    return _stack(order, order.lm, data, log, report)


def _rule(order: Order, data: _Data, log: Log) -> Made:
    """Its base is the observed share of orders: a calibration would claim more than it knows."""
    fitted = fit_rule(data.examples, order.budget, log)
    worth = worth_of(fitted.logits(data.examples), data.examples, Calibration())
    if order.out is not None:
        write_rule(order.out, fitted.rule, _facts(order, data, fitted.described, worth))
    return _made(order, fitted.described, worth)


def _learned(order: Order, data: _Data, log: Log) -> Made:
    fitted = fit_baseline(Baseline(order.name), data.examples, order.budget, log)
    worth = _worth(fitted.logits(data.examples), data.examples)
    if order.out is not None:
        if not isinstance(fitted, TreePredictor) or order.name != Baseline.TREE_TABULAR:
            raise ValueError(f"{order.name} cannot be served")
        newest = data.examples.take(np.arange(len(data.examples))[-N_PARITY_ROWS:])
        write_trees(order.out, fitted.tree, newest, _facts(order, data, fitted.described, worth))
    return _made(order, fitted.described, worth)


def _stack(order: Order, lm: Path, data: _Data, log: Log, report: Report) -> Made:
    examples = data.examples
    read = score_artifact(lm, examples, n_processes=order.n_processes, report=report).read
    if read is None:
        raise DatasetError(
            f"the artifact at {lm} has no language model to stack on; name one of `asllr fit`"
        )
    _warn_of_memory(read, examples, log)
    fitted = fit_stack(examples, read, order.budget, fit_feature_columns, log)
    worth = _worth(fitted.logits(examples, read), examples)
    if order.out is not None:
        write_stack(order.out, fitted.tree, lm, _facts(order, data, fitted.described, worth))
    return _made(order, fitted.described, worth)


def _warn_of_memory(read: Floats, examples: Examples, log: Log) -> None:
    """Trees trust a logit as much as it was worth on the rows they grow on."""
    worth = []
    for split in KNOWN:
        inside = examples.split == split.value
        worth.append(auc(read[inside], examples.label[inside], examples.weight[inside]))
    if worth[0] - worth[1] > MEMORY_AUC:
        log(
            f"stack: the language model's AUC is {worth[0]:.3f} on the split {KNOWN[0]} and "
            f"{worth[1]:.3f} on {KNOWN[1]}: it knows some of the rows the trees grow on, and they "
            "will trust it too much; fit it for fewer steps, or stack on a later dataset"
        )


def _worth(logits: Floats, examples: Examples) -> Worth:
    return worth_of(logits, examples, calibrate(logits, examples))


def _facts(order: Order, data: _Data, settings: Settings, worth: Worth) -> Facts:
    moments = data.examples.of(*KNOWN).as_of_ms
    first, last = (from_ms(int(moments[at])) for at in (0, -1))
    return Facts(
        name=artifact_name(order.out, order.name),
        label=data.manifest.label,
        window=(first, last),
        calibration=worth.calibration,
        metrics=worth.metrics,
        settings=settings,
        revision=f"dataset-{str(data.manifest.sha256)[:16]}-seed-{order.seed}",
    )


def _made(order: Order, settings: Settings, worth: Worth) -> Made:
    written = None if order.out is None else digest(order.out)
    return Made(order.name, settings, worth, written)

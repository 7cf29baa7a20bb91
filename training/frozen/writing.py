"""Writes a model on frozen states as an artifact: base, what is read of it, head, graph, and the
regression on words that stands on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from schemas.timestamps import from_ms
from scoring.artifact import EngineKind, Manifest, digest
from scoring.engines.columns_file import save_columns
from scoring.engines.linear import LINEAR
from scoring.report.progress import WriteLine
from training.artifact_folder import artifact_folder, seal
from training.baselines.facts import ArtifactFacts, artifact_name, describe, manifest_of
from training.baselines.table_artifacts import table_export, write_table
from training.calibrate import doubts
from training.dataset.manifest import BEFORE_TEST, Split
from training.frozen.combined import BOTH, STATES, WORDS, Combined
from training.frozen.files import FrozenReading, read_by, save_reading
from training.frozen.fit import FrozenFit
from training.frozen.head import described
from training.model.adapter import Adapter
from training.model.heads import Head
from training.model.hub import LoadedBase

MADE_WITH = "asllr fit"
N_PARITY_ROWS = 500


def write_frozen(fitted: FrozenFit, log: WriteLine) -> dict[str, Any]:
    """Writes the model that was chosen to the request's `out`, complete or not at all; returns the
    report. Raises CannotWrite, NotOurs."""
    request, combined = fitted.request, fitted.combined
    facts = _facts(fitted)
    if combined.chosen == WORDS:
        export = table_export(combined.words)
        if export is None:
            raise ValueError("a regression on words cannot be served")
        newest = fitted.examples.take(np.arange(len(fitted.examples))[-N_PARITY_ROWS:])
        written = write_table(request.out, export, newest, facts)
        log("fit: the artifact reads fields and words alone: nothing is sure to be better")
    else:
        read = ReadModel(
            fitted.base,
            combined,
            fitted.prompts,
            request.token_budget,
            None if fitted.trial is None else fitted.trial.kept,
        )
        with artifact_folder(request.out) as folder:
            written = write_reading(folder, read, (facts, _text(fitted)), log)
    return _report(fitted, written)


@dataclass(frozen=True, slots=True)
class ReadModel:
    """A model that reads a base. `prompts`: by the first of them the graph is made, and the last
    are read by graph and torch."""

    base: LoadedBase
    combined: Combined
    prompts: Sequence[str]
    token_budget: int
    adapter: Adapter | None = None


def write_reading(
    folder: Path, read: ReadModel, said: tuple[ArtifactFacts, str], log: WriteLine
) -> Manifest:
    """Fills `folder` with the artifact of a model that hears the base. `said`: what manifest and
    card say of it."""
    combined, (facts, text) = read.combined, said
    head, mix = combined.head.head, combined.mix
    if combined.chosen == STATES:
        head = Head(head.weight * np.float32(mix.of_states), head.bias * mix.of_states + mix.bias)
    readout, budget = combined.head.readout, read.token_budget
    reading = FrozenReading(read.base, head, readout, budget, read.adapter)
    agreement = save_reading(folder, reading, read.prompts, log)
    kind = EngineKind.TORCH if agreement is None else EngineKind.ONNX
    if combined.chosen == BOTH:
        kind = EngineKind.STACK
        (folder / LINEAR).write_text(mix.served(combined.words).model_dump_json() + "\n", "utf-8")
        if len(combined.words.columns.columns):
            save_columns(folder, combined.words.columns.columns)
    describe(folder, facts, text)
    return seal(folder, manifest_of(kind, facts).model_copy(update=read_by(reading, agreement)))


def _facts(fitted: FrozenFit) -> ArtifactFacts:
    request, dataset, combined = fitted.request, fitted.dataset, fitted.combined
    moments = fitted.examples.of(*BEFORE_TEST).as_of_ms
    return ArtifactFacts(
        name=artifact_name(request.out, "frozen"),
        rendering=fitted.examples.rendering,
        horizon_days=dataset.horizon_days,
        label=dataset.label,
        window=(from_ms(int(moments[0])), from_ms(int(moments[-1]))),
        calibration=fitted.worth.calibration,
        metrics={**fitted.worth.metrics, **_tried(fitted)},
        settings={
            "reads": described(combined.head.readout),
            "strength": combined.head.choice.strength,
            **combined.words.described,
            **({} if fitted.trial is None else {"adapter": fitted.trial.sentence}),
        },
        revision=f"dataset-{str(dataset.sha256)[:16]}-seed-{request.budget.seed}",
        dataset=dataset.sha256,
        sources=dataset.source_names,
        made_with=f"{MADE_WITH} --frozen" if fitted.trial is None else MADE_WITH,
    )


def _text(fitted: FrozenFit) -> str:
    base, record = fitted.base, fitted.base.record
    licence = "unknown to asllr" if record is None else record.licence
    beside = (
        " A regression on fields and words stands beside it."
        if (fitted.combined.chosen == BOTH)
        else ""
    )
    kept = None if fitted.trial is None else fitted.trial.kept
    trained = "which was not trained"
    if kept is not None:
        trained = f"under a LoRA adapter on its first {kept.n_layers} layers"
    return (
        f"A linear head on the states of {base.name} ({base.revision}), {trained}: "
        f"{described(fitted.combined.head.readout)}.{beside} The licence of the base ({licence}) "
        f"applies. {fitted.verdict[0].upper()}{fitted.verdict[1:]}, on leads that no model learned "
        "from."
    )


def _tried(fitted: FrozenFit) -> Mapping[str, float]:
    return {} if fitted.trial is None else fitted.trial.metrics


def _report(fitted: FrozenFit, written: Manifest) -> dict[str, Any]:
    combined, weighed = fitted.combined, fitted.combined.weighed
    return {
        "base": {"name": fitted.base.name, "revision": fitted.base.revision},
        "chosen": combined.chosen,
        "engine": written.engine.value,
        "reads": described(combined.head.readout),
        "strength": combined.head.choice.strength,
        "loss": dict(weighed.losses),
        "auc": dict(weighed.aucs),
        "gain": {
            "value": weighed.gain.value,
            "low": weighed.gain.low,
            "high": weighed.gain.high,
        },
        "verdict": fitted.verdict,
        "adapter": None if fitted.trial is None else fitted.trial.report,
        "lead_ms": fitted.lead_ms,
        **fitted.worth.metrics,
        "calibration": fitted.worth.calibration.model_dump(mode="json"),
        "doubts": doubts(
            fitted.worth.calibration, int(fitted.examples.of(Split.CALIBRATE).label.sum())
        ),
        "artifact": digest(fitted.request.out),
    }


def text_of(report: dict[str, Any]) -> str:
    """The report for a person."""
    lines = [
        f"base       {report['base']['name']} at {report['base']['revision']}",
        f"reads      {report['reads']}",
        *(
            f"{name:10} AUC {report['auc'][name]:.4f}, log loss {report['loss'][name]:.4f}"
            + (" (chosen)" if name == report["chosen"] else "")
            for name in (WORDS, STATES, BOTH)
        ),
        f"verdict    {report['verdict']}",
        *([f"adapter    {report['adapter']['sentence']}"] if report["adapter"] else []),
        f"cost       {report['lead_ms']:.0f} ms a lead for the language model",
        *(
            f"{name:10} {report[name]:.4f}"
            for name in ("test_auc", "test_average_precision", "test_log_loss")
            if name in report
        ),
        *(f"doubt      {doubt}" for doubt in report["doubts"]),
        f"artifact   {report['artifact']}",
    ]
    return "\n".join(lines) + "\n"

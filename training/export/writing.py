"""Writes a fitted language model as an artifact: files, graph if possible, card, report,
manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas.timestamps import from_ms
from scoring.artifact import BaseModelName as NamedBase
from scoring.artifact import (
    DataWindow,
    EngineAgreement,
    EngineKind,
    HeadKind,
    Manifest,
    save_domain,
)
from scoring.prompt.prompt import PromptSpec
from scoring.report.progress import WriteLine
from training.artifact_folder import CARD, METRICS, artifact_folder, seal
from training.dataset.manifest import BEFORE_TEST, Split
from training.export.artifact_writer import AGREEMENT_SLACK
from training.export.outcome import FitReview
from training.export.parity import (
    AgreementBroken,
    LanguageModel,
    Parity,
    check_parity,
    save_graph,
    save_language_model,
    why_no_graph_of,
)
from training.export.report import metrics_of, report_of, text_of
from training.fit.dataset import CHECKPOINT
from training.fit.leads import counter
from training.model.checkpoint import remove_checkpoint

REPORT = "report.json"
N_PARITY_PROMPTS = 200
MAX_PROBABILITY_DIFFERENCE = 0.05
"""Between the int8 graph and the reference. Above this limit, the artifact serves the reference."""


def write_fitted(outcome: FitReview, log: WriteLine) -> dict[str, Any]:
    """Writes the artifact to the `out` of the fit's request, complete or not at all; returns the
    report. Raises CannotWrite, NotOurs."""
    request = outcome.done.request
    report = report_of(outcome)
    with artifact_folder(request.out) as folder:
        lm = _language_model(outcome)
        save_language_model(folder, lm)
        parity = _graph(folder, lm, outcome, log)
        report["engine"] = (EngineKind.TORCH if parity is None else EngineKind.ONNX).value
        (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        metrics = json.dumps(metrics_of(outcome), indent=2)
        (folder / METRICS).write_text(metrics + "\n", encoding="utf-8")
        (folder / CARD).write_text(_card(report), encoding="utf-8")
        save_domain(folder, request.rendering)
        seal(folder, _manifest(outcome, parity))
    return report


def _language_model(outcome: FitReview) -> LanguageModel:
    fitted, base = outcome.fitted, outcome.done.prepared.base
    return LanguageModel(
        model=fitted.model,
        heads={HeadKind.POINT: fitted.head, HeadKind.PAIR: fitted.pair_head},
        tokenizer=base.tokenizer,
        reading=base.reading,
        token_budget=outcome.done.request.token_budget,
        serves=outcome.done.request.settings.serve,
        dtype=base.dtype,
    )


def _graph(folder: Path, lm: LanguageModel, outcome: FitReview, log: WriteLine) -> Parity | None:
    """Saves the int8 graph and returns its differences from the reference; None where torch has to
    serve."""
    if (lacking := why_no_graph_of(lm.model)) is not None:
        log(f"fit: no int8 graph for {lacking}; torch serves")
        return None
    prompts, turns = _prompts(outcome), outcome.done.prepared.base.turns
    graph = save_graph(folder, lm, prompts, turns)
    try:
        limit = MAX_PROBABILITY_DIFFERENCE
        return check_parity(folder, prompts, lm.token_budget, limit, lm.serves, turns)
    except AgreementBroken as error:
        log(f"fit: {error}; torch serves")
        graph.unlink()
        return None


def _prompts(outcome: FitReview) -> list[str]:
    """The newest prompts of the calibration split, as serving would build them."""
    prepared = outcome.done.prepared
    rows = prepared.rows[Split.CALIBRATE][-N_PARITY_PROMPTS:]
    request = outcome.done.request
    base, budget = prepared.base, request.token_budget
    spec = PromptSpec(request.rendering, budget, counter(base.tokenizer), base.turns)
    return [each.prompt for each in prepared.examples.take(rows).inputs(spec)]


def _manifest(outcome: FitReview, parity: Parity | None) -> Manifest:
    done = outcome.done
    prepared, request = done.prepared, done.request
    # Without the test split: the model was not made from it.
    as_of_ms = prepared.examples.of(*BEFORE_TEST).as_of_ms
    start, end = (from_ms(int(at)) for at in (as_of_ms[0], as_of_ms[-1]))
    return Manifest(
        name=_name(request.out.name),
        engine=EngineKind.TORCH if parity is None else EngineKind.ONNX,
        renderer=request.rendering.version,
        prompt_id=request.rendering.prompt_id,
        features_id=request.rendering.features_id,
        token_budget=request.token_budget,
        horizon_days=prepared.dataset.horizon_days,
        calibration=outcome.calibration,
        agreement=None if parity is None else _agreement(parity),
        label=prepared.dataset.label,
        dataset=prepared.dataset.sha256,
        sources=prepared.dataset.source_names,
        turns=prepared.base.turns,
        head=request.settings.serve,
        base=NamedBase(name=prepared.base.name, revision=prepared.base.revision),
        data_window=DataWindow(start=start, end=end),
        metrics=metrics_of(outcome),
        files={},
    )


def _agreement(parity: Parity) -> EngineAgreement:
    return EngineAgreement(
        reference=EngineKind.TORCH,
        served=EngineKind.ONNX,
        max_logit_difference=AGREEMENT_SLACK * max(parity.max_logit, 1e-6),
        n_prompts=parity.n_prompts,
    )


def _name(folder: str) -> str:
    """The artifact's name: the folder's, with other characters than a manifest allows replaced."""
    allowed = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in folder)
    return allowed[:100] or "fitted"


def _card(report: dict[str, Any]) -> str:
    base, dataset = report["base"], report["dataset"]
    settings = "\n".join(f"| {name} | {value} |" for name, value in report["settings"].items())
    return f"""---
library_name: peft
base_model: {base["name"]}
tags: [lead-scoring]
---

# A lead scorer on {base["name"]}

A LoRA adapter and three heads, fitted with `asllr fit`. Label: {dataset["label"]}.
It reads a lead's record and conversations as asllr's prompt puts them, and nothing else.

**Use:** ranking the leads of the business it was fitted on. **Not for** people or markets that are
not in its data, nor for any decision about a person but whom to call first. The licence of the base
applies{_licence(base)}.

Base revision `{base["revision"]}`{_origin(base)}; dataset sha256 `{dataset["sha256"]}`.

```
{text_of(report)}```

| setting | value |
|---|---|
{settings}

`adapter_config.json` and `adapter_model.safetensors` are the adapter in PEFT layout over `base/`;
`heads.safetensors` holds the point-wise and the pair-wise head, of which the {report["serve"]}-wise
one scores.
"""


def _licence(base: dict[str, Any]) -> str:
    return f": {base['licence']}" if base["licence"] else ""


def _origin(base: dict[str, Any]) -> str:
    if not base["source"]:
        return ""
    return f", imported from {base['source']}, sha256 `{base['source_sha256']}`"


def clear_work(work: Path) -> None:
    """Removes the checkpoint of a finished run, and its folder if nothing else is in it."""
    remove_checkpoint(work / CHECKPOINT)

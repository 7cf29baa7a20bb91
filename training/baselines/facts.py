"""The manifest and the model card of a baseline's artifact. Needs no training library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from schemas.timestamps import EPOCH
from scoring.artifact import BaseModelName, DataWindow, EngineKind, Manifest, save_domain
from scoring.calibration import Calibration
from scoring.engines.loading import UNREAD_BUDGET
from scoring.prompt.rendering import Rendering
from training.artifact_folder import CARD, METRICS

ChosenSettings = Mapping[str, float | int | str]
NO_BASE = "none"


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """What manifest and card say beside the model itself. `window` (the times of its data) and
    `dataset` (its sha256) are None for an artifact that was fitted on no data."""

    name: str
    rendering: Rendering
    horizon_days: int
    label: str
    window: tuple[datetime, datetime] | None
    calibration: Calibration
    metrics: Mapping[str, float]
    settings: ChosenSettings
    revision: str
    dataset: str | None = None
    sources: tuple[str, ...] = ()
    made_with: str = "asllr baseline"


def data_window_of(facts: ArtifactFacts) -> DataWindow:
    start, end = facts.window or (EPOCH, EPOCH)
    return DataWindow(start=start, end=end)


def manifest_of(engine: EngineKind, facts: ArtifactFacts) -> Manifest:
    return Manifest(
        name=facts.name,
        engine=engine,
        renderer=facts.rendering.version,
        prompt_id=facts.rendering.prompt_id,
        features_id=facts.rendering.features_id,
        token_budget=UNREAD_BUDGET,
        horizon_days=facts.horizon_days,
        calibration=facts.calibration,
        agreement=None,
        label=facts.label,
        base=BaseModelName(name=NO_BASE, revision=facts.revision),
        dataset=facts.dataset,
        sources=facts.sources,
        data_window=data_window_of(facts),
        metrics=dict(facts.metrics),
        files={},
    )


def describe(folder: Path, facts: ArtifactFacts, text: str) -> None:
    """Writes domain, metrics and model card into `folder`; `text` says what the model is."""
    save_domain(folder, facts.rendering)
    metrics = json.dumps(dict(facts.metrics), indent=2)
    (folder / METRICS).write_text(metrics + "\n", encoding="utf-8")
    rows = [*facts.metrics.items(), *facts.settings.items()]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    (folder / CARD).write_text(
        f"""# {facts.name}

{text}

Label: {facts.label}. Data: {_data(facts)}. Made with `{facts.made_with}`.

**Use:** whom to call first, on the leads of the business whose data it is from. **Not for** any
other decision about a person.

| | |
|---|---|
{table}
""",
        encoding="utf-8",
    )


def _data(facts: ArtifactFacts) -> str:
    if facts.window is None:
        return "none"
    return f"{facts.window[0]:%Y-%m-%d} to {facts.window[1]:%Y-%m-%d}, {facts.revision}"


def artifact_name(out: Path | None, otherwise: str) -> str:
    """The artifact's name: the folder's, with other characters than a manifest allows replaced."""
    name = otherwise if out is None else out.name
    allowed = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    return allowed[:100] or otherwise

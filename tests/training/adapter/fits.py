"""A frozen fit of a tiny base, and what to ask of an adapter on it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from scoring.domain.reading import pack
from scoring.prompt.rendering import language_model_rendering
from tests.training.model.tiny import SETTINGS, TOKEN_BUDGET
from training.adapter.fit import AdapterRequest
from training.baselines.baseline import Budget
from training.frozen.fit import FrozenFit, FrozenRequest, fit_frozen
from training.model.hub import Hub


def quietly(*ignored: Any) -> None:
    """No progress."""


def frozen_request(dataset: Path, base: Path, place: Path) -> FrozenRequest:
    return FrozenRequest(
        dataset=dataset,
        hub=Hub(str(base)),
        out=place / "out",
        kept=place / "states",
        rendering=language_model_rendering(pack("auto")),
        token_budget=TOKEN_BUDGET,
        budget=Budget(2),
        min_positives=50,
        n_threads=1,
    )


def adapter_request(dataset: Path, base: Path, place: Path) -> AdapterRequest:
    settings = replace(SETTINGS, head_rate=0.0, ctr_weight=1.0, pair_weight=0.0, qa_weight=0.0)
    return AdapterRequest(frozen_request(dataset, base, place), settings, place / "work")


def stretch(base: Path) -> None:
    """Stretches the positions of a base, which then has no graph."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config["rope_parameters"] |= {"rope_type": "linear", "factor": 2.0}
    (base / "config.json").write_text(json.dumps(config), encoding="utf-8")


def frozen_fit(dataset: Path, base: Path, place: Path, *, has_graph: bool = True) -> FrozenFit:
    """Without a graph: torch serves."""
    if not has_graph:
        stretch(base)
    return fit_frozen(frozen_request(dataset, base, place), quietly, lambda what: quietly)

"""Writes the report: `report.html`, `report.json` and, for one artifact, `MODEL_CARD.md`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scoring.report.json_values import json_value
from training.evaluation.about import About
from training.evaluation.judged import EvaluationError
from training.evaluation.report import EvaluationReport
from training.whole_file import check_place, whole_folder

HTML, JSON, CARD = "report.html", "report.json", "MODEL_CARD.md"


def report_json(about: About, report: EvaluationReport) -> dict[str, Any]:
    """The report as plain values for `json.dumps`: NaN and infinity are null. Holds no lead
    text."""
    facts = {**asdict(about), "first": about.first.isoformat(), "last": about.last.isoformat()}
    models = [
        {
            **asdict(model),
            "cost": None
            if model.cost is None
            else {
                "cpu_s_per_1000": model.cost.cpu_s_per_1000,
                "money_per_1000": model.cost.money_per_1000(about.price_per_cpu_hour),
            },
        }
        for model in report.models
    ]
    values: dict[str, Any] = json_value({"about": facts, **asdict(report), "models": models})
    return values


def write_report(folder: Path, texts: Mapping[str, str]) -> None:
    """Writes the files, name -> content, into a new folder, complete or not at all. Raises
    EvaluationError when it exists, CannotWrite."""
    check_free(folder)
    with whole_folder(folder) as part:
        for name, text in texts.items():
            (part / name).write_text(text, encoding="utf-8")


def check_free(folder: Path) -> None:
    """Raises EvaluationError for a folder that exists: a report is never overwritten. Raises
    CannotWrite."""
    if folder.exists():
        raise EvaluationError(f"{folder} exists; choose another folder or remove it")
    check_place(folder)


def to_json(value: object) -> str:
    return json.dumps(json_value(value), allow_nan=False)

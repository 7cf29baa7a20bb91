"""Artifacts without a language model, made in a moment: the demo's baseline trees, and the rule."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from scoring.artifact import (
    DOMAIN,
    BaseModelName,
    DataWindow,
    EngineKind,
    Manifest,
    demo_artifact_path,
    save_domain,
    save_manifest,
)
from scoring.calibration import Calibration
from scoring.domain.model import Domain
from scoring.engines.loading import UNREAD_BUDGET
from scoring.engines.rule import RULE, Rule, rule_of
from scoring.engines.trees import TREES
from scoring.prompt.rendering import Rendering, first_rendering

AUTO = first_rendering()


def build_trees_artifact(path: Path) -> Path:
    """Writes it into the folder `path`, which it makes; returns `path`."""
    path.mkdir(parents=True)
    shutil.copyfile(demo_artifact_path() / "baseline.onnx", path / TREES)
    save_manifest(path, _manifest(EngineKind.TREES), [TREES])
    return path


def build_rule_artifact(path: Path, rule: Rule | None = None) -> Path:
    path.mkdir(parents=True)
    (path / RULE).write_text((rule or rule_of(AUTO.domain)).model_dump_json(), encoding="utf-8")
    save_manifest(path, _manifest(EngineKind.RULE), [RULE])
    return path


def build_domain_artifact(path: Path, domain: Domain) -> Path:
    """The rule for a business; it carries the domain."""
    path.mkdir(parents=True)
    rendering = Rendering(1, domain)
    (path / RULE).write_text(rule_of(domain).model_dump_json(), encoding="utf-8")
    save_domain(path, rendering)
    save_manifest(path, _manifest(EngineKind.RULE, rendering), [RULE, DOMAIN])
    return path


def _manifest(engine: EngineKind, rendering: Rendering = AUTO) -> Manifest:
    return Manifest(
        name=engine.value,
        engine=engine,
        prompt_id=rendering.prompt_id,
        features_id=rendering.features_id,
        token_budget=UNREAD_BUDGET,
        horizon_days=rendering.domain.horizon_days,
        calibration=Calibration(),
        agreement=None,
        label="none: of a test",
        base=BaseModelName(name="none", revision="none"),
        data_window=DataWindow(
            start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 2, 1, tzinfo=UTC)
        ),
        metrics={},
        files={},
    )

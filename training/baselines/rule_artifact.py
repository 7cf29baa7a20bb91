"""Writes the rule as an artifact, also before there is any data. Needs no training library."""

from __future__ import annotations

from pathlib import Path

from scoring.artifact import EngineKind, Manifest
from scoring.calibration import Calibration
from scoring.engines.rule import RULE, Rule
from scoring.prompt.rendering import Rendering
from training.artifact_folder import artifact_folder, seal
from training.baselines.facts import ArtifactFacts, describe, manifest_of
from training.dataset.manifest import label_of


def write_rule(out: Path, rule: Rule, facts: ArtifactFacts) -> Manifest:
    """Writes the artifact, complete or not at all. Raises NotOurs."""
    with artifact_folder(out) as folder:
        (folder / RULE).write_text(rule.model_dump_json(indent=2) + "\n", encoding="utf-8")
        text = (
            "Points for the funnel stage and for how lately the customer came, in `rule.json`;\n"
            "nothing was learned but how rare orders are, so every score says evidence low."
        )
        describe(folder, facts, text)
        return seal(folder, manifest_of(EngineKind.RULE, facts))


def unfitted_facts(name: str, rendering: Rendering) -> ArtifactFacts:
    """The facts of a rule that was fitted on no data: an empty window, no metrics."""
    domain = rendering.domain
    return ArtifactFacts(
        name=name,
        rendering=rendering,
        horizon_days=domain.horizon_days,
        label=f"{label_of(domain.horizon_days)}; nothing was fitted",
        window=None,
        calibration=Calibration(),
        metrics={},
        settings={"base": Rule().base},
        revision="no dataset",
    )

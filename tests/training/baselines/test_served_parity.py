"""Every baseline that is offered says, as an artifact, what the fitted one says: on features, own
fields, codes, counts and words, and for a stack on a language model's logit beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from schemas.events import LeadUpserted
from schemas.timestamps import EPOCH, from_ms
from scoring.artifact import demo_artifact_path
from scoring.calibration import Calibration
from scoring.engines.loading import load_scorer
from scoring.lead.fold import evolve
from scoring.lead.state_bytes import from_bytes, to_bytes
from tests.training.baselines.leads import AUTO, leads
from training.baselines.baseline import Budget
from training.baselines.facts import ArtifactFacts
from training.baselines.registry import SERVED, Baseline, fit_baseline
from training.baselines.stack import fit_stack
from training.baselines.table_artifacts import table_export, write_stack, write_table
from training.baselines.tree_text import fit_word_columns
from training.dataset.example import Examples
from training.evaluation.served import score_artifact

pytestmark = [pytest.mark.train, pytest.mark.slow]

BUDGET = Budget(3, 1)
NETWORKS = (Baseline.DEEPFM, Baseline.DCN_V2)


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Simulated leads, each with two fields that no feature declares."""
    found = leads(500)
    states = []
    for number, (state, as_of_ms, label) in enumerate(
        zip(found.state, found.as_of_ms, found.label, strict=True)
    ):
        told = LeadUpserted(
            id="own",
            source="crm",
            tenant="acme",
            lead="l",
            occurred_at=from_ms(int(as_of_ms)),
            profile={"Plan": "gold" if label or number % 3 else "tin", "seats": number % 40.0},
        )
        states.append(to_bytes(evolve(from_bytes(state), told)))
    return replace(found, state=tuple(states))


def facts() -> ArtifactFacts:
    return ArtifactFacts(
        name="one",
        rendering=AUTO,
        horizon_days=14,
        label="order",
        window=(EPOCH, EPOCH),
        calibration=Calibration(),
        metrics={},
        settings={},
        revision="1",
    )


@pytest.mark.parametrize("name", [name for name in SERVED if name is not Baseline.RULE])
def test_what_is_served_says_what_was_fitted(
    name: Baseline, examples: Examples, tmp_path: Path
) -> None:
    budget = Budget(1, 1) if name in NETWORKS else BUDGET
    fitted = fit_baseline(name, examples, budget, lambda line: None)
    export = table_export(fitted)
    assert export is not None, "what is offered can be exported"
    write_table(tmp_path / "one", export, examples, facts())
    scorer = load_scorer(tmp_path / "one")
    said = scorer.engine.logits(list(examples.inputs(scorer.spec, scorer.columns)))
    np.testing.assert_allclose(said, fitted.logits(examples), atol=1e-4)
    assert np.std(said) > 0.01, "a constant agrees with itself"


def test_a_stack_on_fields_counts_and_words_says_what_was_fitted(
    examples: Examples, tmp_path: Path
) -> None:
    lm = demo_artifact_path()
    read = score_artifact(lm, examples, n_processes=1, report=lambda done, total: None).read
    assert read is not None
    fitted = fit_stack(examples, read, BUDGET, fit_word_columns, lambda line: None)
    write_stack(tmp_path / "stack", fitted.tree, fitted.columns, lm, facts())
    scorer = load_scorer(tmp_path / "stack")
    assert scorer.columns.own.fields
    assert scorer.columns.words
    said = scorer.engine.logits(list(examples.inputs(scorer.spec, scorer.columns)))
    np.testing.assert_allclose(said, fitted.logits(examples, read), atol=1e-4)

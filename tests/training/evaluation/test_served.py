"""An artifact is judged by what the score worker would have said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoring.artifact import demo_artifact_path, digest
from scoring.calibration import probability
from scoring.engines.loading import load_scorer
from scoring.engines.rule import Rule
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.training.evaluation.rows import examples
from training.evaluation.judged import EvaluationError
from training.evaluation.served import score_artifact

ROWS = examples(6)


def _unheard(done: int, total: int) -> None:
    assert done <= total


def test_probabilities_are_those_of_the_scorer() -> None:
    path = demo_artifact_path()
    found = score_artifact(path, ROWS, n_processes=1, report=_unheard)
    scorer = load_scorer(path)
    served = [
        probability(scorer.engine.logits([read])[0], scorer.calibration)
        for read in ROWS.inputs(scorer.spec)
    ]
    assert found.probabilities.tolist() == served
    assert (found.name, found.engine, found.digest) == ("asllr-demo", "stack", digest(path))
    assert found.cost is not None
    assert found.cost.n_leads == 6
    assert found.cost.cpu_s > 0.0


@pytest.mark.slow
def test_more_processes_say_the_same(tmp_path: Path) -> None:
    path = build_rule_artifact(tmp_path / "rule")
    alone, together = (
        score_artifact(path, examples(450), n_processes=n, report=_unheard) for n in (1, 2)
    )
    assert np.array_equal(alone.probabilities, together.probabilities)


def test_a_lead_that_cannot_be_scored_is_named_and_not_quoted(tmp_path: Path) -> None:
    """The sum of its points is no number; live, this lead would be a dead letter."""
    rule = Rule(base=1e308, unknown_stage=1e308)
    path = build_rule_artifact(tmp_path / "rule", rule)
    with pytest.raises(EvaluationError, match="acme/l-0 cannot be scored: ") as raised:
        score_artifact(path, ROWS, n_processes=1, report=_unheard)
    assert "forties" not in str(raised.value)

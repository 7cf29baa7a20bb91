"""What the recipe's amounts are for."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the train extra")

from schemas.timestamps import to_ms
from scoring.artifact import demo_artifact_path
from scoring.engines.reading import load_reader
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import first_rendering
from scoring.score import prepare
from training.demo.recipe import Recipe
from training.simulator.emit import simulate_leads

AUTO = first_rendering()

pytestmark = [pytest.mark.train, pytest.mark.slow]

N_LEADS = 400
ENDLESS = 100_000


def test_a_prompt_holds_the_whole_calls_of_nearly_every_lead() -> None:
    """Of leads with cut calls the base knows less (docs/experiments/prompt-length.md)."""
    budget = Recipe().token_budget
    _, count_tokens = load_reader(demo_artifact_path(), budget)
    n_cut = 0
    for lead in simulate_leads(12, N_LEADS):
        state, as_of_ms = fold(lead.history), to_ms(lead.as_of)
        read, whole = (
            prepare(history_of(state), as_of_ms, PromptSpec(AUTO, tokens, count_tokens)).prompt
            for tokens in (budget, ENDLESS)
        )
        n_cut += read != whole
    assert n_cut <= 0.02 * N_LEADS

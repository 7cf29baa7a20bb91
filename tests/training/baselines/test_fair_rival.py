"""The fair rival is fair: what the language model is taught about calls and what followed, it is
taught as well."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from scoring.artifact import demo_artifact_path
from training.baselines.columns.table import TableColumns
from training.baselines.tree_text import ORDER_PENALTIES, fit_text_columns
from training.dataset.simulated import Simulation, simulate_examples
from training.demo.curriculum import code_word
from training.demo.leads import FUNNEL, LeadReading, load_leads
from training.simulator.codes import CODES

pytestmark = [pytest.mark.train, pytest.mark.slow]

SEED, N_LEADS = 9, 600
MIN_LEADS_OF_A_CODE = 40
"""Each fold of the rival then has some with and some without."""


def test_the_fair_rival_is_taught_every_code_that_the_language_model_is() -> None:
    tokenizer = (demo_artifact_path() / "tokenizer.json").read_text(encoding="utf-8")
    taught = load_leads(
        SEED, N_LEADS, LeadReading(tokenizer, 1_000), n_processes=1, log=lambda line: None
    )
    examples, manifest = simulate_examples(
        Simulation(SEED, N_LEADS), n_processes=1, report=lambda done, total: None
    )
    words = {" ".join(name.replace("_", " ").split(".")) for name in manifest.code_names}
    assert words == {code_word(*code).strip() for code in CODES}
    of_lead = {(lead.as_of_ms, lead.truth): lead.codes for lead in taught}
    for at_ms, truth, codes in zip(
        examples.as_of_ms, examples.true_probability, examples.codes, strict=True
    ):
        assert np.array_equal(of_lead[int(at_ms), float(truth)], codes, equal_nan=True)

    _, columns = fit_text_columns(examples, np.random.default_rng(0))
    assert isinstance(columns, TableColumns)
    read = columns.columns.words
    assert read is not None
    moves = examples.ladder.steps[1:]
    n_readings = len(ORDER_PENALTIES) + len(CODES) + len(moves)
    is_taught = np.abs(read.projection[:, -n_readings:]).sum(axis=0) > 0
    assert is_taught[: len(ORDER_PENALTIES)].all()
    is_frequent = np.nansum(examples.codes, axis=0) >= MIN_LEADS_OF_A_CODE
    assert is_frequent.any()
    assert is_taught[len(ORDER_PENALTIES) : -len(moves)][is_frequent].all()
    assert set(moves) == set(FUNNEL)
    assert is_taught[-len(moves) :].all()

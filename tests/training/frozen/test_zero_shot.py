"""`asllr zero-shot`: the base's own Yes against its No, with the stated share and no evidence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from asllr import main
from schemas.outputs import Evidence
from scoring.artifact import load_manifest
from scoring.calibration import probability
from scoring.engines.loading import load_scorer
from scoring.lead.history import history_of
from scoring.score import evidence_of
from tests.training.model.tiny import TOKEN_BUDGET, read_dataset, save_base, save_dataset
from training.frozen.zero_shot import calibrated

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "qwen2")


def run(base: Path, out: Path, *more: str) -> Result:
    told = ["--out", str(out), "--token-budget", str(TOKEN_BUDGET), *more]
    return CliRunner().invoke(main, ["zero-shot", str(base), *told])


@given(
    st.lists(st.floats(-15, 15), min_size=1, max_size=20),
    st.floats(0.001, 0.999),
)
def test_the_mean_is_the_stated_rate(logits: list[float], rate: float) -> None:
    calibration = calibrated(np.array(logits), rate)
    given_to = [1 / (1 + np.exp(-(logit + calibration.b))) for logit in logits]
    assert calibration.a == 1
    assert float(np.mean(given_to)) == pytest.approx(rate, abs=1e-6)


def test_an_artifact_says_what_the_base_says_and_that_nothing_was_learned(
    base: Path, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "first"
    done = run(base, out, "--base-rate", "0.1", "--leads", str(dataset), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["leads"] == 200
    assert load_manifest(out).learned is False
    scorer, (examples, _) = load_scorer(out), read_dataset(dataset)
    inputs = list(examples.inputs(scorer.spec, scorer.columns))
    logits = scorer.engine.logits(inputs)
    shares = [probability(logit, scorer.calibration) for logit in logits]
    assert float(np.mean(shares)) == pytest.approx(0.1, abs=0.01)
    states = (history_of(state) for state in examples.states)
    assert {evidence_of(history, scorer) for history in states} == {Evidence.LOW}
    model = AutoModelForCausalLM.from_pretrained(base)
    tokens = Tokenizer.from_file(str(base / "tokenizer.json"))
    ids = tokens.encode(inputs[0].prompt, add_special_tokens=False).ids
    with torch.inference_mode():
        said = model(torch.tensor([ids])).logits[0, -1]
    forms = [(" Yes", " No"), ("Yes", "No")]
    expected = [
        float(said[tokens.encode(yes).ids[0]] - said[tokens.encode(no).ids[0]]) for yes, no in forms
    ]
    assert min(abs(logits[0] - one) for one in expected) < 0.2


def test_without_leads_one_of_whom_nothing_is_known_gets_the_rate(
    base: Path, tmp_path: Path
) -> None:
    done = run(base, tmp_path / "first", "--base-rate", "0.02")
    assert done.exit_code == 0, done.stderr
    assert "nothing is known" in (tmp_path / "first" / "README.md").read_text()
    assert "no leads were given" in done.stdout


def test_a_rate_that_no_business_has_is_refused(base: Path, tmp_path: Path) -> None:
    done = run(base, tmp_path / "first", "--base-rate", "0.0000001")
    assert done.exit_code != 0
    assert "--base-rate is 1e-07; expected a share from 0.0001" in done.stderr
    assert not (tmp_path / "first").exists()


@pytest.mark.parametrize("rate", ["0", "1", "nan", "2"])
def test_a_rate_that_is_none_is_refused(base: Path, tmp_path: Path, rate: str) -> None:
    done = run(base, tmp_path / "first", "--base-rate", rate)
    assert done.exit_code == 2
    assert "--base-rate" in done.stderr
    assert not (tmp_path / "first").exists()

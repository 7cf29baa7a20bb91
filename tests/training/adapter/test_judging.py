"""An adapter is kept where it is ahead on leads that it did not learn from, and then it is what is
served; where it is not, the frozen base is, and the artifact says what was tried."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch
from numpy.typing import NDArray
from peft.utils import get_peft_model_state_dict
from safetensors.numpy import load_file

from scoring.artifact import EngineKind, HeadKind, load_manifest
from scoring.engine import EngineInput
from scoring.engines.loading import load_language_model, load_scorer
from scoring.engines.reading import load_reader
from scoring.engines.readout import Pool, Readout, ReadoutPart, load_readout
from scoring.engines.torch import ADAPTER
from scoring.metrics.metrics import log_loss
from tests.training.adapter.fits import adapter_request, frozen_fit, quietly
from tests.training.dataset.rows import REACHED
from tests.training.model.tiny import TOKEN_BUDGET, examples, save_base, save_dataset
from training.adapter.fit import held_out_rows, samples_of, start_of
from training.adapter.judging import judged
from training.adapter.loop import PATIENCE, FittedAdapter, HeldChecks, HeldOut
from training.baselines.baseline import labels_of
from training.dataset.manifest import Split
from training.evaluation.served import score_artifact
from training.fit.loop import fit_probe
from training.frozen.fit import FrozenFit
from training.frozen.writing import text_of, write_frozen
from training.model.adapter import Adapter
from training.model.heads import Head, add_lora
from training.model.readout import readout_states
from training.model.settings import Precision

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(900)]

N_LEADS = 700
SHARE = 0.4
ALL = Readout(parts=tuple(ReadoutPart(layer=1, pool=pool) for pool in Pool))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "qwen3", "qwen3")


@pytest.fixture(scope="module")
def drawn(base: Path, tmp_path_factory: pytest.TempPathFactory) -> FrozenFit:
    """Who orders was drawn."""
    ordered = np.random.default_rng(8).random(N_LEADS) < SHARE
    return fit_of(ordered, base, tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def planted(drawn: FrozenFit, base: Path, tmp_path_factory: pytest.TempPathFactory) -> FrozenFit:
    """Who orders can be read off the states under one adapter, and hardly off the base's own."""
    adapter = strong_adapter(drawn)
    states = adapted_states(drawn, adapter, ALL, np.arange(N_LEADS))
    standard = (states - states.mean(axis=0)) / (states.std(axis=0) + 1e-6)
    told = standard @ np.random.default_rng(1).normal(size=states.shape[1])
    folder = tmp_path_factory.mktemp("planted")
    return fit_of(told > np.quantile(told, 1 - SHARE), base, folder)


def fit_of(ordered: NDArray[np.bool_], base: Path, folder: Path) -> FrozenFit:
    rows = [
        replace(row, label=int(is_order), reached=REACHED[5 * int(is_order)])
        for row, is_order in zip(examples(N_LEADS), ordered, strict=True)
    ]
    return frozen_fit(save_dataset(folder / "dataset", rows), base, folder)


def strong_adapter(fit: FrozenFit) -> Adapter:
    """One that changes every state a lot; drawn, so that it learned nothing of any lead."""
    settings = adapter_request(Path(), Path(), Path()).settings
    named = get_peft_model_state_dict(
        add_lora(deepcopy(fit.base.model), settings, 1), save_embedding_layers=False
    )
    draws = torch.Generator().manual_seed(3)
    tensors = {
        name: 0.5 * torch.randn(tensor.shape, generator=draws) for name, tensor in named.items()
    }
    return Adapter(settings, 1, tensors)


def adapted_states(
    fit: FrozenFit, adapter: Adapter, readout: Readout, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    start = replace(start_of(fit), readout=readout)
    samples = samples_of(fit, start, rows, np.ones(N_LEADS), fit.base.answers[0])
    merged = adapter.merged_into_copy_of(fit.base.model)
    return readout_states(merged, samples, fit.base.pad_id, readout, precision=Precision.FP32)


def fitted_with(fit: FrozenFit, adapter: Adapter, head: Head) -> FittedAdapter:
    """As a loop would give it: check 0 is the frozen head, check 1 this adapter under `head`."""
    rows, start = held_out_rows(fit.examples), start_of(fit)
    states = adapted_states(fit, adapter, start.readout, rows)
    parts = list(fit.combined.head.choice.parts)
    began = start.head.logits(fit.states[rows][:, parts].reshape(len(rows), -1))
    half = (fit.examples.split[rows] == Split.CALIBRATE.value).astype(np.int64)
    held_out = HeldOut([], labels_of(fit.examples)[rows], fit.examples.weight[rows], half)
    checks = HeldChecks(held_out, HeadKind.POINT)
    return FittedAdapter(adapter, head, checks.with_one(0, began).with_one(1, head.logits(states)))


def head_on(fit: FrozenFit, adapter: Adapter) -> Head:
    """The head that learns what can be learned of the adapted states of the train rows."""
    rows = np.flatnonzero(fit.examples.split == Split.FIT.value)
    states = adapted_states(fit, adapter, start_of(fit).readout, rows)
    return fit_probe(states, labels_of(fit.examples)[rows], 0.01)


def judge(fit: FrozenFit, head: Head | None = None) -> FrozenFit:
    adapter = strong_adapter(fit)
    made = fitted_with(fit, adapter, head or head_on(fit, adapter))
    return judged(fit, made, held_out_rows(fit.examples), lambda what: quietly)


def test_one_that_is_ahead_is_kept_and_served(planted: FrozenFit, tmp_path: Path) -> None:
    found = judge(planted)
    trial = found.trial
    assert trial is not None
    assert trial.kept is not None
    assert trial.ahead is not None
    assert trial.ahead.of_start.low > 0
    assert trial.sentence.endswith("; kept")
    assert found.worth.metrics["test_auc"] > planted.worth.metrics["test_auc"]
    out = tmp_path / "one"
    report = write_frozen(replace(found, request=replace(found.request, out=out)), quietly)
    assert report["adapter"]["kept"]
    assert trial.sentence in text_of(report)
    manifest, scorer = load_manifest(out), load_scorer(out)
    assert ADAPTER in manifest.files
    assert load_readout(out) == planted.combined.head.readout
    assert manifest.metrics["adapter_is_kept"] == 1
    assert manifest.agreement is not None
    known = np.flatnonzero(found.examples.split != Split.FIT.value)
    rows = found.examples.take(known)
    served = np.array(scorer.engine.logits(list(rows.inputs(scorer.spec, scorer.columns))))
    expected = found.combined.logits(found.examples, found.states)[known]
    assert np.abs(served - expected).max() < 2e-3
    scored = score_artifact(out, rows, n_processes=1, report=quietly)
    test = rows.split == Split.TEST.value
    measured = log_loss(scored.probabilities[test], labels_of(rows)[test], rows.weight[test])
    assert measured == pytest.approx(found.worth.metrics["test_log_loss"], abs=1e-3)


def test_the_reference_serves_the_adapter_too(planted: FrozenFit, tmp_path: Path) -> None:
    """Base and adapter lie side by side, unmerged: base weights stay those that were imported."""
    found = judge(planted)
    out = tmp_path / "one"
    write_frozen(replace(found, request=replace(found.request, out=out)), quietly)
    reader, _ = load_reader(out, TOKEN_BUDGET)
    manifest = load_manifest(out)
    prompts = [EngineInput(np.zeros(0, dtype=np.float32), each) for each in found.prompts[-20:]]
    both = [
        np.array(load_language_model(out, reader, kind).logits(prompts))
        for kind in (EngineKind.ONNX, EngineKind.TORCH)
    ]
    assert manifest.agreement is not None
    assert np.abs(both[0] - both[1]).max() <= manifest.agreement.max_logit_difference
    stored = load_file(out / "base" / "model.safetensors")
    for name, weight in found.base.model.state_dict().items():
        assert name not in stored or np.array_equal(stored[name], weight.numpy())


def test_one_that_learned_chance_is_not_kept(drawn: FrozenFit, tmp_path: Path) -> None:
    found = judge(drawn)
    assert found.trial is not None
    assert found.trial.ahead is not None
    assert found.trial.kept is None
    assert found.trial.ahead.of_start.low <= 0
    assert found.trial.sentence.endswith("not kept")
    assert (found.combined, found.worth) == (drawn.combined, drawn.worth)
    out = tmp_path / "one"
    report = write_frozen(replace(found, request=replace(found.request, out=out)), quietly)
    manifest = load_manifest(out)
    assert manifest.metrics["adapter_is_kept"] == 0
    assert manifest.metrics["adapter_auc_gain_low"] == found.trial.ahead.of_start.low
    assert ADAPTER not in manifest.files
    assert found.trial.sentence in (out / "README.md").read_text(encoding="utf-8")
    assert report["adapter"]["gain"]["low"] <= 0
    assert json.dumps(report)


def test_an_adapter_that_changes_nothing_is_not_kept(planted: FrozenFit) -> None:
    """Ahead by nothing is not ahead, however well both do."""
    fitted = fitted_with(planted, strong_adapter(planted), start_of(planted).head)
    began = fitted.checks.logits[0]
    checks = replace(fitted.checks, logits=(began, began))
    rows = held_out_rows(planted.examples)
    found = judged(planted, replace(fitted, checks=checks), rows, lambda what: quietly)
    assert found.trial is not None
    assert found.trial.ahead is not None
    assert found.trial.ahead.of_start.value == 0
    assert found.trial.kept is None


def test_no_lead_judges_the_check_that_it_chose() -> None:
    """Each half's leads like another check; neither may be judged by its own."""
    labels = np.array([1.0, 0.0, 1.0, 0.0])
    half = np.array([0, 0, 1, 1])
    right, wrong = np.array([2.0, -2.0]), np.array([-2.0, 2.0])
    checks = HeldChecks(HeldOut([], labels, np.ones(4), half), HeadKind.POINT)
    checks = checks.with_one(0, np.zeros(4))
    checks = checks.with_one(1, np.concatenate([right, wrong]))
    checks = checks.with_one(2, np.concatenate([wrong, right]))
    assert (checks.best(0), checks.best(1)) == (1, 2)
    assert checks.crossed.tolist() == [-2.0, 2.0, -2.0, 2.0]


def test_a_fit_ends_when_nothing_becomes_better() -> None:
    labels, half = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0, 0, 1, 1])
    checks = HeldChecks(HeldOut([], labels, np.ones(4), half), HeadKind.POINT)
    checks = checks.with_one(0, np.array([1.0, -1.0, 1.0, -1.0]))
    for step in range(1, PATIENCE):
        checks = checks.with_one(step, np.zeros(4))
        assert not checks.is_over
    assert checks.with_one(PATIENCE, np.zeros(4)).is_over
    assert not checks.with_one(PATIENCE, np.array([0.0, 0.0, 2.0, -2.0])).is_over

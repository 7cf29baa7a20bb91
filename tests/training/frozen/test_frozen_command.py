"""`asllr fit --frozen` from end to end: an artifact that says what was fitted, and no lead that is
read twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from click.testing import CliRunner, Result

from asllr import main
from schemas.events import LeadUpserted
from schemas.timestamps import from_ms
from scoring.artifact import EngineKind, load_manifest
from scoring.calibration import Calibration
from scoring.engine import Unscorable
from scoring.engines.linear import LINEAR
from scoring.engines.loading import load_scorer
from scoring.engines.onnx import GRAPH
from scoring.engines.readout import load_readout
from scoring.lead.fold import evolve
from scoring.lead.state_bytes import from_bytes, to_bytes
from scoring.metrics.metrics import log_loss
from tests.training.adapter.fits import frozen_fit, quietly, stretch
from tests.training.model.tiny import TOKEN_BUDGET, examples, save_base, save_dataset
from training.baselines.baseline import Budget, labels_of
from training.baselines.fitted import calibrate, worth_of
from training.baselines.rule_artifact import unfitted_facts
from training.baselines.stack import fit_stack
from training.baselines.table_artifacts import write_stack
from training.baselines.tree_tabular import fit_feature_columns
from training.dataset.example import Example
from training.dataset.manifest import Split
from training.evaluation.served import score_artifact
from training.frozen.combined import BOTH, STATES, WORDS, Combined
from training.frozen.fit import FrozenFit
from training.frozen.writing import write_frozen

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module", params=["qwen3", "stretched"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has a graph, and one that has none, for its positions are stretched."""
    folder = save_base(tmp_path_factory.mktemp("base") / request.param, "qwen3")
    if request.param == "stretched":
        stretch(folder)
    return folder


@pytest.fixture(scope="module")
def fitted(dataset: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> FrozenFit:
    return frozen_fit(dataset, base, tmp_path_factory.mktemp("frozen"))


def chosen_of(fitted: FrozenFit, chosen: str) -> Combined:
    """The combination as if this had been chosen."""
    return replace(fitted.combined, weighed=replace(fitted.combined.weighed, chosen=chosen))


@pytest.mark.parametrize("chosen", [WORDS, STATES, BOTH])
def test_what_is_served_says_what_was_fitted(
    fitted: FrozenFit, chosen: str, tmp_path: Path
) -> None:
    combined = chosen_of(fitted, chosen)
    out = tmp_path / "one"
    made = replace(fitted, request=replace(fitted.request, out=out), combined=combined)
    write_frozen(made, quietly)
    manifest, scorer = load_manifest(out), load_scorer(out)
    has_graph = "stretched" not in fitted.base.name
    reads = EngineKind.ONNX if has_graph else EngineKind.TORCH
    kinds = {WORDS: EngineKind.LINEAR, STATES: reads, BOTH: EngineKind.STACK}
    assert manifest.engine is kinds[chosen]
    assert (GRAPH in manifest.files) == (has_graph and chosen != WORDS)
    assert (LINEAR in manifest.files) == (chosen != STATES)
    inputs = list(fitted.examples.inputs(scorer.spec, scorer.columns))
    served = np.array(scorer.engine.logits(inputs))
    expected = combined.logits(fitted.examples, fitted.states)
    assert np.abs(served - expected).max() < 2e-3
    if chosen != WORDS:
        assert load_readout(out) == combined.head.readout
        with pytest.raises(Unscorable):
            scorer.engine.logits([replace(inputs[0], prompt=inputs[0].prompt + "more")])


def test_trees_on_top_of_a_frozen_base_take_the_place_of_its_regression(
    fitted: FrozenFit, tmp_path: Path
) -> None:
    both = chosen_of(fitted, BOTH)
    request = replace(fitted.request, out=tmp_path / "both")
    write_frozen(replace(fitted, request=request, combined=both), quietly)
    read = both.head.logits(fitted.states)
    grown = fit_stack(fitted.examples, read, Budget(1), fit_feature_columns, quietly)
    facts = unfitted_facts("stack", fitted.examples.rendering)
    write_stack(tmp_path / "stack", grown.tree, grown.columns, tmp_path / "both", facts)
    scorer = load_scorer(tmp_path / "stack")
    inputs = list(fitted.examples.inputs(scorer.spec, scorer.columns))[:20]
    expected = grown.logits(fitted.examples, read)[:20]
    assert np.abs(np.array(scorer.engine.logits(inputs)) - expected).max() < 0.2


def run(dataset: Path, base: Path, out: Path, states: Path, *more: str) -> Result:
    options = ["--frozen", "--trials", "2", "--min-positives", "50", *more]
    told = ["--base", str(base), "--out", str(out), "--states", str(states)]
    budget = ["--token-budget", str(TOKEN_BUDGET)]
    return CliRunner().invoke(main, ["fit", str(dataset), *told, *budget, *options])


def test_the_command_reads_what_is_kept_and_says_whether_the_model_earns_its_time(
    fitted: FrozenFit, dataset: Path, base: Path, tmp_path: Path
) -> None:
    files = {file: file.stat().st_mtime_ns for file in fitted.request.kept.rglob("*.safetensors")}
    assert files
    done = run(dataset, base, tmp_path / "one", fitted.request.kept, "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["chosen"] == fitted.combined.chosen
    assert report["verdict"] == fitted.verdict
    assert report["lead_ms"] > 0
    assert set(report["auc"]) == set(report["loss"]) == {WORDS, STATES, BOTH}
    assert report["test_auc"] == pytest.approx(fitted.worth.metrics["test_auc"], abs=1e-6)
    kept = fitted.request.kept.rglob("*.safetensors")
    assert files == {file: file.stat().st_mtime_ns for file in kept}
    again = run(dataset, base, tmp_path / "again" / "one", fitted.request.kept, "--json")
    assert json.loads(again.stdout.splitlines()[-1])["artifact"] == report["artifact"]


@pytest.mark.parametrize("chosen", [WORDS, STATES, BOTH])
def test_the_artifact_is_worth_what_was_measured(
    fitted: FrozenFit, chosen: str, dataset: Path, tmp_path: Path
) -> None:
    """Calibration included: it is fitted on the logits that are served."""
    combined = chosen_of(fitted, chosen)
    logits = combined.logits_to_calibrate(fitted.examples, fitted.states)
    worth = worth_of(logits, fitted.examples, calibrate(logits, fitted.examples) or Calibration())
    request = replace(fitted.request, out=tmp_path / "one")
    write_frozen(replace(fitted, request=request, combined=combined, worth=worth), quietly)
    scored = score_artifact(tmp_path / "one", fitted.examples, n_processes=1, report=quietly)
    test = fitted.examples.split == Split.TEST.value
    labels = labels_of(fitted.examples)[test]
    measured = log_loss(scored.probabilities[test], labels, fitted.examples.weight[test])
    assert measured == pytest.approx(worth.metrics["test_log_loss"], abs=1e-3)


def test_a_place_that_cannot_be_written_is_named_before_any_work(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(dataset, base, tmp_path / "one", tmp_path / "file" / "states")
    assert done.exit_code != 0
    assert "cannot be written" in done.stderr
    assert not (tmp_path / "one").exists()


def test_the_language_model_reads_own_fields_and_the_artifact_says_which(
    base: Path, tmp_path: Path
) -> None:
    rows = [replace(each, state=with_colour(each)) for each in examples()]
    fitted = frozen_fit(save_dataset(tmp_path / "data", rows), base, tmp_path / "fit")
    assert fitted.request.rendering.own_fields == ("colour",)
    colours = ("colour: red", "colour: blue")
    for row, prompt in zip(rows, fitted.prompts, strict=True):
        assert colours[1 - row.label] in prompt
        assert colours[row.label] not in prompt
    out = tmp_path / "one"
    request = replace(fitted.request, out=out)
    write_frozen(replace(fitted, request=request, combined=chosen_of(fitted, STATES)), quietly)
    served = load_scorer(out)
    assert served.spec.rendering.own_fields == ("colour",)
    inputs = list(fitted.examples.inputs(served.spec, served.columns))
    assert [one.prompt for one in inputs] == list(fitted.prompts)


def with_colour(row: Example) -> bytes:
    """The state of a lead of whom an own field tells the outcome."""
    told = LeadUpserted(
        id="own",
        source="crm",
        tenant=row.tenant,
        lead=row.lead,
        occurred_at=from_ms(row.as_of_ms),
        profile={"colour": "red" if row.label else "blue"},
    )
    return to_bytes(evolve(from_bytes(row.state), told))

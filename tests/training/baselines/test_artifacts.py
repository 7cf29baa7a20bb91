"""Baselines as artifacts: what is served is what was fitted, and half of nothing is left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("lightgbm", reason="needs the train extra")

from asllr import main
from schemas.timestamps import EPOCH, to_ms
from scoring.artifact import EngineKind, demo_artifact_path, load_manifest, save_manifest
from scoring.domain.reading import pack
from scoring.engines.loading import load_scorer
from scoring.engines.rule import Rule
from scoring.prompt.rendering import newest_rendering
from scoring.score import Scorer
from tests.training.baselines.leads import leads
from tests.training.dataset.rows import manifest
from training.artifact_folder import NotOurs
from training.baselines import table_artifacts
from training.baselines.baseline import Budget
from training.baselines.facts import ArtifactFacts
from training.baselines.rule import fit_rule
from training.baselines.table_artifacts import GraphBroken, table_export, write_table
from training.baselines.tree_tabular import fit_tree_tabular
from training.baselines.unseen import may_have_met
from training.cli.baseline_work import BaselineRequest, make_baseline
from training.dataset.example import Examples
from training.dataset.folder import read_examples, read_manifest, write_examples
from training.dataset.manifest import DatasetError, DatasetManifest, DatasetSource, Split
from training.dataset.simulated import POLICY
from training.evaluation.served import score_artifact

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture(scope="module")
def examples() -> Examples:
    return leads(500)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, examples: Examples) -> Path:
    folder = tmp_path_factory.mktemp("data") / "leads"
    crm = DatasetSource(name="crm", first_ingested_at=EPOCH, last_ingested_at=EPOCH, n_events=1)
    write_examples(folder, examples, manifest(code_names=("pro", "contra"), sources=(crm,)))
    return folder


def order(name: str, dataset: Path, out: Path | None, **fields: object) -> BaselineRequest:
    asked: dict[str, object] = {
        "lm": None,
        "domain": None,
        "n_trials": 2,
        "seed": 1,
        "min_positives": 20,
        "n_processes": 1,
    }
    return BaselineRequest(name=name, dataset=dataset, out=out, **(asked | fields))


def make(asked: BaselineRequest) -> dict[str, object]:
    return make_baseline(asked, lambda line: None, lambda done, total: None).described()


def served(scorer: Scorer, examples: Examples) -> np.ndarray:
    return np.array(scorer.engine.logits(list(examples.inputs(scorer.spec, scorer.columns))))


def test_served_trees_say_what_the_fitted_ones_say(
    dataset: Path, examples: Examples, tmp_path: Path
) -> None:
    made = make(order("tree_tabular", dataset, tmp_path / "trees"))
    scorer = load_scorer(tmp_path / "trees")
    fitted = fit_tree_tabular(examples, Budget(2, 1), lambda line: None)
    np.testing.assert_allclose(served(scorer, examples), fitted.logits(examples), atol=1e-4)
    assert load_manifest(tmp_path / "trees").engine is EngineKind.TREES
    assert made["test_auc"] > 0.55
    assert made["artifact"] == scorer.digest


def test_trees_of_another_domain_are_served_as_that_domain_reads_the_leads(
    dataset: Path, tmp_path: Path
) -> None:
    """The leads are a car dealer's: what counts is that fit and serving read the same of them."""
    make(order("tree_tabular", dataset, tmp_path / "trees", domain="software"))
    scorer = load_scorer(tmp_path / "trees")
    software = newest_rendering(pack("software"))
    assert scorer.rendering == software
    read, _ = read_examples(dataset, software)
    fitted = fit_tree_tabular(read, Budget(2, 1), lambda line: None)
    np.testing.assert_allclose(served(scorer, read), fitted.logits(read), atol=1e-4)


def test_the_rule_of_a_domain_needs_no_data(tmp_path: Path) -> None:
    arguments = ["baseline", "rule", "--domain", "real-estate", "--out", str(tmp_path / "rule")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    scorer = load_scorer(tmp_path / "rule")
    assert scorer.rendering == newest_rendering(pack("real-estate"))
    assert scorer.horizon_days == pack("real-estate").horizon_days


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--domain", "nowhere.toml"], "nowhere.toml cannot be read: No such file"),
        (["--domain", "generic", "--lm", "demo"], "--lm goes with stack"),
    ],
)
def test_a_domain_that_cannot_be_taken_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(main, ["baseline", "rule", "--out", str(tmp_path / "r"), *arguments])
    assert done.exit_code in (2, 78)
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_same_data_and_seed_give_the_same_artifact(dataset: Path, tmp_path: Path) -> None:
    first = make(order("tree_tabular", dataset, tmp_path / "a" / "trees"))
    again = make(order("tree_tabular", dataset, tmp_path / "b" / "trees"))
    assert first == again


def test_the_served_rule_has_the_base_of_the_data(
    dataset: Path, examples: Examples, tmp_path: Path
) -> None:
    make(order("rule", dataset, tmp_path / "rule"))
    scorer = load_scorer(tmp_path / "rule")
    fitted = fit_rule(examples, Budget(), lambda line: None)
    assert fitted.rule.base != Rule().base
    assert np.array_equal(served(scorer, examples), fitted.logits(examples))


def test_a_stack_reads_with_the_language_model_below_and_decides_with_its_own_trees(
    dataset: Path, examples: Examples, tmp_path: Path
) -> None:
    """The simulated orders depend on what was said, and the demo's language model reads it."""
    stack = make(order("stack", dataset, tmp_path / "stack", lm=demo_artifact_path()))
    trees = make(order("tree_tabular", dataset, None))
    assert stack["test_auc"] > trees["test_auc"]
    below, above = load_manifest(demo_artifact_path()), load_manifest(tmp_path / "stack")
    assert above.engine is EngineKind.STACK
    assert above.files["model.onnx"] == below.files["model.onnx"]
    assert above.files["trees.onnx"] != below.files["trees.onnx"]
    assert above.dataset == read_manifest(dataset).sha256
    assert above.sources == (*below.sources, "crm")
    command = ["evaluate", str(tmp_path / "stack"), "--dataset", str(dataset), "--split", "fit"]
    judged = CliRunner().invoke(main, command)
    assert "stack was made from split fit of this very dataset" in judged.output
    few = examples.take(np.arange(20))
    scored = score_artifact(tmp_path / "stack", few, n_processes=1, report=lambda done, total: None)
    assert np.isfinite(scored.scores).all()


def test_an_artifact_without_a_language_model_is_nothing_to_stack_on(
    dataset: Path, tmp_path: Path
) -> None:
    make(order("rule", dataset, tmp_path / "rule"))
    with pytest.raises(DatasetError, match="no language model to stack on"):
        make(order("stack", dataset, tmp_path / "stack", lm=tmp_path / "rule"))
    assert not (tmp_path / "stack").exists()


def test_a_stack_and_its_calibration_are_of_rows_the_language_model_does_not_know(
    dataset: Path, examples: Examples, tmp_path: Path
) -> None:
    known = shutil.copytree(demo_artifact_path(), tmp_path / "known")
    fitted_here = load_manifest(known).model_copy(update={"dataset": read_manifest(dataset).sha256})
    save_manifest(known, fitted_here, fitted_here.files)
    said: list[str] = []
    asked = order("stack", dataset, tmp_path / "stack", lm=known, min_positives=10)
    make_baseline(asked, said.append, lambda done, total: None)
    n_known, unknown = len(examples.of(Split.FIT)), examples.of(Split.JUDGE, Split.CALIBRATE)
    said_of = f"may know {n_known} of 500 rows; the trees and their calibration are of "
    assert any(f"{said_of}{len(unknown)} others" in line for line in said)
    window = load_manifest(tmp_path / "stack").data_window
    assert window.start == fitted_here.data_window.start, "the language model's data are in it"
    assert to_ms(window.end) >= unknown.as_of_ms[-1]
    with pytest.raises(DatasetError, match="leads to grow trees on, a stack needs 200"):
        make(order("stack", dataset, None, lm=known, min_positives=200))


def test_a_stack_is_of_the_sources_of_its_language_model_and_of_its_trees(
    examples: Examples, tmp_path: Path
) -> None:
    """Two datasets of simulated people: whoever either half may have met is known."""
    lm = shutil.copytree(demo_artifact_path(), tmp_path / "lm")
    read = load_manifest(lm).model_copy(update={"dataset": "d" * 64, "sources": ("seed 4",)})
    save_manifest(lm, read, read.files)
    simulated = {name: people(name) for name in ("seed 4", "seed 5", "seed 6")}
    grown_on = tmp_path / "grown-on"
    write_examples(grown_on, examples, simulated["seed 5"])
    make(order("stack", grown_on, tmp_path / "stack", lm=lm))
    stack = load_manifest(tmp_path / "stack")
    assert (stack.dataset, stack.sources) == ("d" * 64, ("seed 4", "seed 5"))
    met = [may_have_met(stack, dataset) for dataset in simulated.values()]
    assert met == [True, True, False]


def people(source: str) -> DatasetManifest:
    """Of simulated leads."""
    named = DatasetSource(name=source, first_ingested_at=EPOCH, last_ingested_at=EPOCH, n_events=1)
    return manifest(as_of_policy=POLICY, code_names=("pro", "contra"), sources=(named,))


def test_too_few_orders_propose_the_rule_and_leave_nothing(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"needs 5000: serve the rule .*asllr baseline rule"):
        make(order("tree_tabular", dataset, tmp_path / "trees", min_positives=5_000))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_artifact_is_not_replaced(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(NotOurs):
        make(order("tree_tabular", dataset, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_graph_that_disagrees_is_no_artifact(
    examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = fit_tree_tabular(examples, Budget(2, 1), lambda line: None)
    calibration = load_manifest(demo_artifact_path()).calibration
    facts = ArtifactFacts(
        "trees", examples.rendering, 14, "order", None, calibration, {}, {}, revision=""
    )
    export = table_export(fitted)
    assert export is not None
    monkeypatch.setattr(table_artifacts, "MAX_LOGIT_DIFFERENCE", -1.0)
    with pytest.raises(GraphBroken, match="differ by"):
        write_table(tmp_path / "trees", export, examples, facts)
    assert list(tmp_path.iterdir()) == []

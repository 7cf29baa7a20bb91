"""`asllr evaluate` and `asllr compare`, from a dataset folder to files a person can open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("pyarrow", reason="needs the train extra")

from asllr import main
from schemas.timestamps import EPOCH
from scoring.artifact import load_manifest, save_manifest
from scoring.prompt.rendering import first_rendering
from tests.support.engines.table_artifacts import build_rule_artifact, build_trees_artifact
from tests.training.dataset.rows import manifest, row
from tests.training.evaluation.rows import examples
from training.dataset.example import Examples, columns_of
from training.dataset.folder import write_examples
from training.dataset.manifest import DataFinding, DatasetSource, Severity, Split
from training.dataset.simulated import POLICY

AUTO = first_rendering()

pytestmark = pytest.mark.train
QUICK = ["--resamples", "20", "--processes", "1"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    write_examples(folder / "data", examples(40), manifest())
    write_examples(folder / "whole", _whole(), manifest())
    one_class = columns_of([row(0, Split.TEST), row(2, Split.TEST)], rendering=AUTO)
    write_examples(folder / "one-class", one_class, manifest())
    build_rule_artifact(folder / "rule")
    build_trees_artifact(folder / "trees")
    return folder


def _whole() -> Examples:
    splits = [Split.FIT] * 40 + [Split.JUDGE] * 20 + [Split.CALIBRATE] * 20 + [Split.TEST] * 20
    return columns_of((row(number, split) for number, split in enumerate(splits)), rendering=AUTO)


def _run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, [*words, *QUICK])
    return result.exit_code, result.stdout, result.stderr


def test_evaluate_writes_page_numbers_and_card(place: Path) -> None:
    out = place / "report"
    code, said, _ = _run(
        "evaluate", str(place / "rule"), "--dataset", str(place / "data"), "--out", str(out)
    )
    assert code == 0
    assert "20 positive" in said
    assert sorted(path.name for path in out.iterdir()) == [
        "MODEL_CARD.md",
        "report.html",
        "report.json",
    ]
    # the rule was trained until February 2026, the rows begin in January: it may know them
    assert "was trained on data until 2026-02-01" in said


def test_a_model_on_the_rows_it_was_made_from_is_named_whatever_their_time(place: Path) -> None:
    data, made = place / "simulated", place / "made"
    written = write_examples(data, _whole(), manifest(as_of_policy=POLICY))
    build_rule_artifact(made)
    known = load_manifest(made).model_copy(update={"dataset": written.sha256})
    save_manifest(made, known, sorted(known.files))
    warning = "was made from split fit of this very dataset"
    _, on_fit, _ = _run("evaluate", str(made), "--dataset", str(data), "--split", "fit")
    assert warning in on_fit
    _, on_test, _ = _run("evaluate", str(made), "--dataset", str(data))
    assert "warning" not in on_test


def test_a_model_of_the_same_simulated_people_is_named(place: Path) -> None:
    """Another dataset of the seed that the model was made from: other rows, the same leads."""
    data, made = place / "same-seed", place / "made-from-seed"
    people = DatasetSource(
        name="simulator, seed 4", first_ingested_at=EPOCH, last_ingested_at=EPOCH, n_events=1
    )
    write_examples(data, examples(40), manifest(as_of_policy=POLICY, sources=(people,)))
    build_rule_artifact(made)
    known = load_manifest(made)
    for seed, is_warned in ((4, True), (5, False)):
        update = {"dataset": "d" * 64, "sources": (f"simulator, seed {seed}",)}
        save_manifest(made, known.model_copy(update=update), sorted(known.files))
        _, said, _ = _run("evaluate", str(made), "--dataset", str(data))
        assert ("was trained on data until 2026-02-01" in said) is is_warned


def test_a_place_that_cannot_be_written_is_named_before_anything_is_scored(place: Path) -> None:
    is_a_file = place / "taken"
    is_a_file.write_text("", encoding="utf-8")
    out = is_a_file / "report"
    code, _, errors = _run("evaluate", str(place / "rule"), "--dataset", "none", "--out", str(out))
    assert code == 78
    assert f"{out} cannot be written: Not a directory" in errors


def test_labels_of_another_horizon_are_said(place: Path) -> None:
    data = place / "month"
    write_examples(data, examples(40), manifest(horizon_days=30))
    code, said, _ = _run("evaluate", str(place / "rule"), "--dataset", str(data))
    assert code == 0
    assert "an order is within 14 days, these rows tell of 30: judge its order only" in said


def test_compare_prints_json_as_its_last_line(place: Path) -> None:
    code, said, _ = _run(
        "compare",
        str(place / "rule"),
        str(place / "trees"),
        "--dataset",
        str(place / "data"),
        "--json",
    )
    assert code == 0
    read = json.loads(said.splitlines()[-1])
    assert [model["engine"] for model in read["models"]] == ["rule", "trees"]
    assert {each["metric"] for each in read["differences"]} >= {"auc", "p_at_1pct"}


@pytest.mark.slow
def test_compare_fits_baselines_on_older_rows(place: Path) -> None:
    against = ["--against", "rule", "--against", "tree_tabular", "--trials", "1"]
    data = str(place / "whole")
    code, said, _ = _run("compare", str(place / "trees"), *against, "--dataset", data, "--json")
    assert code == 0
    read = json.loads(said.splitlines()[-1])
    assert [model["engine"] for model in read["models"]] == ["trees", None, None]
    assert [model["name"] for model in read["models"]][1:] == ["rule", "tree_tabular"]


@pytest.mark.slow
def test_baselines_alone_can_be_compared(place: Path) -> None:
    against = ["--against", "rule", "--against", "tree_tabular", "--trials", "1"]
    out = place / "baselines"
    code, said, _ = _run(
        "compare", *against, "--dataset", str(place / "whole"), "--json", "--out", str(out)
    )
    assert code == 0
    read = json.loads(said.splitlines()[-1])
    assert [model["name"] for model in read["models"]] == ["rule", "tree_tabular"]
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json"]


def test_a_finding_of_the_data_check_names_its_column(place: Path) -> None:
    finding = DataFinding(severity=Severity.LEAK, column="profile.fee", sentence="was it known?")
    write_examples(place / "found", examples(40), manifest(findings=(finding,)))
    out = place / "found-report"
    code, said, _ = _run(
        "evaluate", str(place / "rule"), "--dataset", str(place / "found"), "--out", str(out)
    )
    assert code == 0
    sentence = "leak profile.fee: was it known?"
    assert sentence in said.splitlines()
    assert f"- {sentence}\n" in (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert sentence in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["compare", "--dataset", "{}/data"], 2, "baselines with --against"),
        (["compare", "--against", "rule", "--dataset", "{}/data"], 2, "at least two"),
        (["evaluate", "nobody", "--dataset", "{}/data"], 78, "no artifact 'nobody'"),
        (["evaluate", "{}/rule", "--dataset", "{}/nowhere"], 78, "no dataset at"),
        (["evaluate", "{}/rule", "--dataset", "{}/one-class"], 78, "0 of 2 rows are positive"),
        (["evaluate", "{}/rule", "--dataset", "{}/data", "--split", "fit"], 78, "no rows in split"),
        (["evaluate", "{}/rule", "--dataset", "{}/data", "--out", "{}/data"], 78, "exists; choose"),
        (["compare", "{}/rule", "{}/rule", "--dataset", "{}/data"], 2, "at least two"),
        (["compare", "rule", "trees", "--against", "rule", "--dataset", "no"], 2, "named twice"),
        (["compare", "{}/rule", "--against", "rule", "--dataset", "{}/data"], 78, "has 0 orders"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    place: Path, words: list[str], code: int, sentence: str
) -> None:
    found, _, said = _run(*(word.format(place) for word in words))
    assert found == code
    assert sentence in said
    assert "Traceback" not in said

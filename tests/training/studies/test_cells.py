"""A cell is computed once; what it follows from decides whether it is the same cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from scoring.prompt.rendering import first_rendering
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.full_disk import files_of_at_most
from tests.training.dataset.rows import manifest, row
from training.baselines.baseline import Budget
from training.baselines.registry import Baseline
from training.cli.refusal import UNUSABLE
from training.dataset.example import Examples, columns_of
from training.dataset.folder import write_examples
from training.dataset.manifest import Split
from training.evaluation.judged import EvaluationError
from training.studies.bench import Bench, dataset_bench
from training.studies.cells import Cells, Means
from training.studies.tables import main
from training.whole_file import CannotWrite

AUTO = first_rendering()

pytestmark = pytest.mark.train


def _rows() -> Examples:
    splits = [Split.FIT] * 40 + [Split.JUDGE] * 20 + [Split.CALIBRATE] * 20 + [Split.TEST] * 20
    return columns_of((row(number, split) for number, split in enumerate(splits)), rendering=AUTO)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    write_examples(tmp_path / "data", _rows(), manifest())
    return dataset_bench(tmp_path / "data", tmp_path / "work")


def _cells(
    bench: Bench, said: list[str], *, artifact: Path | None = None, trials: int = 1
) -> Cells:
    means = Means(Budget(trials, 0), artifact, 1, said.append, lambda what: lambda done, of: None)
    return Cells(bench, means)


def test_a_bench_fits_on_what_is_older_and_judges_on_the_test(bench: Bench) -> None:
    assert (len(bench.before_test), len(bench.judged)) == (80, 20)
    assert set(bench.judged.split) == {"test"}


def test_a_cell_that_is_there_is_read_bit_by_bit(bench: Bench) -> None:
    said: list[str] = []
    first = _cells(bench, said).scored("rule")
    assert said
    said.clear()
    again = _cells(bench, said).scored("rule")
    assert said == []
    assert np.array_equal(first.scores, again.scores)
    assert np.array_equal(first.probabilities, again.probabilities)
    assert again.name == "rule"


def test_another_budget_or_other_rows_are_another_cell(bench: Bench) -> None:
    said: list[str] = []
    _cells(bench, said).scored("rule")
    said.clear()
    _cells(bench, said, trials=2).scored("rule")
    assert any("rule" in line for line in said)
    said.clear()
    _cells(replace(bench, data_sha256=("other", "rows")), said, trials=2).scored("rule")
    assert any("rule" in line for line in said)


def test_without_an_artifact_there_is_no_stack_and_without_truth_no_bayes(bench: Bench) -> None:
    names = _cells(bench, []).names
    assert {"rule", "tree_tabular", "tree_text", "deepfm"} <= set(names)
    assert not {"stack", "artifact", "bayes", "tree_practised"} & set(names)


def test_an_artifact_without_a_language_model_has_scores_but_no_stack(
    bench: Bench, tmp_path: Path
) -> None:
    cells = _cells(bench, [], artifact=build_rule_artifact(tmp_path / "rule"))
    assert len(cells.scored("artifact").scores) == 20
    with pytest.raises(EvaluationError, match="no language model"):
        cells.scored("stack")


def test_a_cell_that_was_cut_short_is_named_and_computed_again(bench: Bench) -> None:
    said: list[str] = []
    whole = _cells(bench, said).scored("rule")
    path = bench.folder / "rule.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    said.clear()
    again = _cells(bench, said).scored("rule")
    assert f"{path} is damaged or cut short" in said[0]
    assert np.array_equal(whole.scores, again.scores)


def test_a_full_disk_is_named_and_leaves_no_part_of_a_cell(bench: Bench) -> None:
    with (
        files_of_at_most(64),
        pytest.raises(CannotWrite, match=r"rule\.safetensors cannot be written: .*make room"),
    ):
        _cells(bench, []).scored("rule")
    assert not bench.folder.exists()


def test_the_command_says_a_full_disk_in_one_sentence(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {Baseline.RULE, Baseline.TREE_TEXT}
    others = [baseline.value for baseline in Baseline if baseline not in kept]
    arguments = ["--seeds", "0", "--dataset", str(tmp_path / "data"), "--work", str(tmp_path / "w")]
    with files_of_at_most(64), pytest.raises(SystemExit) as left:
        main([*arguments, "--artifact", "--without", *others])
    assert left.value.code == UNUSABLE
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "make room" in last
    assert [path for path in (tmp_path / "w").rglob("*") if path.is_file()] == []


def test_a_rival_that_a_dataset_has_not_is_named_before_anything_is_computed(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, work = str(tmp_path / "data"), tmp_path / "w"
    arguments = ["--seeds", "0", "--dataset", data, "--work", str(work), "--artifact"]
    with pytest.raises(SystemExit) as left:
        main([*arguments, "--against", "tree_practised"])
    assert left.value.code == UNUSABLE
    said = capsys.readouterr().err.splitlines()[-1]
    assert "has no tree_practised to compare with; it has rule, logistic" in said
    assert not work.exists()


def test_the_rival_that_was_asked_for_is_the_tables(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [baseline.value for baseline in Baseline if baseline is not Baseline.RULE]
    arguments = ["--seeds", "0", "--dataset", str(tmp_path / "data"), "--work", str(tmp_path / "w")]
    main([*arguments, "--artifact", "--against", "rule", "--without", *others])
    assert "AUC over rule" in capsys.readouterr().out


def test_leads_whose_truth_is_known_have_the_rival_that_practises(bench: Bench) -> None:
    judged = replace(bench.judged, true_probability=np.full(len(bench.judged), 0.1))
    names = _cells(replace(bench, judged=judged), []).names
    assert {"tree_practised", "bayes"} <= set(names)


def test_nothing_but_whole_cells_is_left(bench: Bench) -> None:
    _cells(bench, []).scored("rule")
    assert [path.name for path in bench.folder.iterdir()] == ["rule.safetensors"]

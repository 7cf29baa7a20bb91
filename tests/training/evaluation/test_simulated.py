"""`make evaluate` in miniature: the shipped artifact, its rivals on other leads, and the truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from scoring.metrics.bootstrap import Bootstrap
from tests.training.evaluation.rows import judged, model
from training.cli.refusal import UNUSABLE
from training.evaluation.judged import Scored
from training.evaluation.way import shares_of_the_way
from training.studies.evaluate import RIVALS_SEED, TRAINING_SEEDS, main

pytestmark = pytest.mark.train

TINY = ["--simulate", "400", "--rival-leads", "2000", "--trials", "1", "--resamples", "40"]


@pytest.mark.slow
def test_the_last_line_has_every_model_beside_the_truth(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "report"
    main([*TINY, "--seed", "77", "--processes", "1", "--json", "--out", str(out)])
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(said["models"]) == ["demo", "tree_tabular", "tree_text", "stack", "bayes"]
    for name, values in said["models"].items():
        assert {"auc_expected", "p_at_1pct_expected", "ece"} <= set(values)
        assert values["auc_expected"] <= said["models"]["bayes"]["auc_expected"], name
        assert values["ece"] < 0.05, name
    # the shipped artifact saw fifty times the leads of these trees
    assert said["models"]["demo"]["auc_expected"] > said["models"]["tree_text"]["auc_expected"]
    assert said["share_of_the_way_to_bayes"]["tree_tabular"]["value"] == 0.0
    assert said["n_leads"] == 400
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json"}


@pytest.mark.slow
def test_a_base_that_practised_other_sentences_reads_less_and_a_table_is_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = {}
    for wording in ("usual", "held-out"):
        main([*TINY, "--seed", "77", "--processes", "1", "--json", "--phrases", wording])
        said[wording] = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert said[wording]["phrases"] == wording
    usual, other = (
        {name: values["auc_expected"] for name, values in each["models"].items()}
        for each in said.values()
    )
    for reads_no_words in ("tree_tabular", "bayes"):
        assert other[reads_no_words] == usual[reads_no_words]
    assert other["demo"] < usual["demo"] - 0.1


@pytest.mark.parametrize("seed", [*TRAINING_SEEDS, RIVALS_SEED])
def test_leads_that_somebody_trained_on_judge_nobody(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([*TINY, "--seed", str(seed)])
    assert left.value.code == UNUSABLE
    assert "choose another" in capsys.readouterr().err


def test_no_trial_and_no_such_seed_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for more, says in (
        (["--seed", "77", "--trials", "0"], "--trials: '0' is not a whole number of at least 1"),
        (["--seed", "-5"], "--seed: '-5' is not a whole number of at least 0"),
        (
            ["--seed", "77", "--resamples", "0"],
            "--resamples: '0' is not a whole number",
        ),
    ):
        with pytest.raises(SystemExit) as left:
            main([*TINY, *more])
        assert left.value.code == 2
        assert says in capsys.readouterr().err


def test_a_report_that_has_no_place_is_refused_before_any_lead_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--simulate", "1000000000", "--seed", "77", "--out", str(tmp_path)])
    said = capsys.readouterr().err
    assert said == f"Error: {tmp_path} exists; choose another folder or remove it\n"


def test_the_way_is_none_of_it_at_the_start_and_all_of_it_at_the_truth() -> None:
    rows = judged()
    truth = Scored("bayes", rows.truth, rows.truth)
    models = [model(rows, 3.0, "start"), model(rows, 0.5, "middle"), truth]
    ways = shares_of_the_way(rows, models, "start", Bootstrap(np.random.default_rng(1), 50))
    assert (ways["start"].value, ways["bayes"].value) == (0.0, 1.0)
    assert 0.3 < ways["middle"].low < ways["middle"].value < ways["middle"].high < 1.0

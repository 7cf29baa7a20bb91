"""The table over benches: means, paired differences to the rival, the way to the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scoring.metrics.metrics import auc, expected_auc, expected_precision_at
from scoring.metrics.verdict import Verdict
from tests.training.evaluation.rows import judged, model
from training.evaluation.judged import JudgedRows, Scored
from training.studies.table import StudyTable, build_table, markdown
from training.studies.tables import main


def _bench(seed: int, *, truth: bool = True) -> tuple[JudgedRows, dict[str, Scored]]:
    rows = judged(800, seed=seed)
    models = {
        "tree_tabular": model(rows, 3.0, "tree_tabular", seed),
        "tree_text": model(rows, 2.0, "tree_text", seed),
        "stack": model(rows, 0.3, "stack", seed),
        "bayes": Scored("bayes", rows.truth, rows.truth),
    }
    if truth:
        return rows, models
    del models["bayes"]
    return replace(rows, truth=np.full(len(rows), np.nan)), models


@pytest.fixture(scope="module")
def table() -> StudyTable:
    return build_table("simulated", [_bench(1), _bench(2)], n_resamples=80, seed=1)


def test_a_value_is_the_mean_over_benches(table: StudyTable) -> None:
    benches = [_bench(1), _bench(2)]
    stack = next(row for row in table.rows if row.model == "stack")
    for i, metric in ((0, expected_auc), (2, lambda s, p: expected_precision_at(s, p, 0.01))):
        by_bench = [metric(models["stack"].scores, rows.truth) for rows, models in benches]
        assert stack.values[i].value == pytest.approx(np.mean(by_bench))
    assert (table.n_benches, table.n_rows) == (2, 1600)
    assert stack.spread > 0.0


def test_differences_are_to_the_fair_rival_and_judged(table: StudyTable) -> None:
    rows = {row.model: row for row in table.rows}
    assert rows["stack"].verdict is Verdict.AHEAD
    assert rows["tree_tabular"].verdict is Verdict.BEHIND
    assert rows["tree_text"].over_rival[0].value == 0.0
    difference = rows["stack"].values[0].value - rows["tree_text"].values[0].value
    assert rows["stack"].over_rival[0].value == pytest.approx(difference)


def test_another_rival_may_be_asked_for() -> None:
    table = build_table("one", [_bench(1)], n_resamples=40, seed=1, rival="stack")
    rows = {row.model: row for row in table.rows}
    assert rows["tree_text"].verdict is Verdict.BEHIND
    assert rows["stack"].over_rival[0].value == 0.0
    assert "AUC over stack" in markdown(table)


def test_the_way_goes_from_the_tabular_tree_to_the_truth(table: StudyTable) -> None:
    ways = {row.model: row.way.value for row in table.rows if row.way}
    assert ways["tree_tabular"] == 0.0
    assert ways["bayes"] == 1.0
    assert 0.0 < ways["tree_text"] < ways["stack"] < 1.0


def test_two_benches_have_narrower_intervals_than_one(table: StudyTable) -> None:
    alone = build_table("one", [_bench(1)], n_resamples=80, seed=1)
    for one, two in zip(alone.rows, table.rows, strict=True):
        assert two.values[0].half_width < one.values[0].half_width
    assert all(np.isnan(row.spread) for row in alone.rows)


def test_without_a_truth_the_labels_count_and_there_is_no_way() -> None:
    rows, models = _bench(1, truth=False)
    found = build_table("real", [(rows, models)], n_resamples=40, seed=1)
    assert not found.is_expected
    stack = next(row for row in found.rows if row.model == "stack")
    assert stack.values[0].value == pytest.approx(auc(models["stack"].scores, rows.labels))
    assert all(row.way is None for row in found.rows)
    assert "way" not in markdown(found)


def test_markdown_has_a_line_for_each_model_best_last(table: StudyTable) -> None:
    lines = [line for line in markdown(table).splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == [
        "model",
        "tree_tabular",
        "tree_text",
        "stack",
        "bayes",
    ]
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--trials", "0"], "argument --trials: '0' is not a whole number of at least 1"),
        (["--resamples", "0"], "argument --resamples: '0' is not a whole number of at least 20"),
        (["--seed", "-5"], "argument --seed: '-5' is not a whole number of at least 0"),
        (["--leads", "many"], "argument --leads: 'many' is not a whole number of at least 1"),
        (["--without", "treetxt"], "invalid choice: 'treetxt'"),
        (["--seeds", "0", "--artifact"], "--seeds 0 without --dataset: nothing to do"),
    ],
)
def test_what_cannot_be_computed_is_wrong_usage(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert says in capsys.readouterr().err


def test_the_model_that_all_are_compared_with_cannot_be_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (["tree_text"], ["stack", "--against", "stack"]):
        with pytest.raises(SystemExit, match="2"):
            main(["--seeds", "0", "--without", "rule", *words])
        assert "the others are compared with it; leave it in" in capsys.readouterr().err

"""The study on simulated leads runs from end to end, once; the sample of what a base reads is
fair."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from tests.training.baselines.leads import leads
from tests.training.model.tiny import TOKEN_BUDGET, examples, save_base, save_dataset
from training.cli.refusal import UNUSABLE
from training.dataset.manifest import BEFORE_TEST, DatasetError, Split
from training.studies import simulated
from training.studies.frozen import some_known

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    save_dataset(folder / "dataset")
    save_base(folder / "qwen2")
    return folder


def _words(folder: Path, *more: str) -> list[str]:
    kept = ["--states", str(folder / "states"), "--work", str(folder / "work")]
    budget = ["--token-budget", str(TOKEN_BUDGET), "--trials", "1", "--resamples", "50"]
    base = ["--base", str(folder / "qwen2"), "--without", "tree_practised"]
    return [str(folder / "dataset"), *base, *kept, *budget, *more]


def _rows(table: str) -> dict[str, list[str]]:
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in table.splitlines()
        if line.startswith("| ")
    ]
    return {row[0]: row[1:] for row in cells}


def test_every_model_stands_beside_the_truth_and_none_is_computed_twice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = _words(folder, "--stacked", "demo", "--train-rows", "240")
    simulated.main(words)
    first, said = capsys.readouterr()
    over_trees, over_words = first.split("## ")[1:]
    rivals = {"tree_tabular", "logistic_words", "tree_text", "plain words"}
    ours = {"words", "states", "both", "stack on states", "demo", "stack on demo"}
    assert _rows(over_trees).keys() == {"model", "bayes"} | rivals | ours
    assert _rows(over_trees)["model"][:2] == ["expected AUC", "expected average precision"]
    assert "AUC over tree_text" in over_trees
    assert "AUC over words" in over_words
    assert list(_rows(over_trees))[-1] == "bayes"
    assert "states: leads" in said
    simulated.main(words)
    again, said = capsys.readouterr()
    assert again == first
    assert "dataset: " not in said
    assert "states: leads" not in said


def test_other_words_of_the_same_people_are_judged_and_other_splits_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = examples()
    save_dataset(folder / "otherwise", rows)
    models = ["tree_text", "stack on states", "words", "both"]
    more = ["--without", "tree_practised", *models, "--against", "states"]
    judged = ["--judged", str(folder / "otherwise")]
    simulated.main(_words(folder, *more, *judged))
    assert _rows(capsys.readouterr().out).keys() == {
        *("model", "tree_tabular", "logistic_words", "plain words", "states", "bayes")
    }
    turned = [replace(row, split=Split.TEST) for row in rows[:9]] + rows[9:]
    save_dataset(folder / "turned", turned)
    with pytest.raises(SystemExit, match=str(UNUSABLE)):
        simulated.main(_words(folder, "--judged", str(folder / "turned")))
    assert "9 people are in the test rows of" in capsys.readouterr().err


def test_leads_without_a_truth_belong_to_another_study(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [replace(row, true_probability=None) for row in examples()]
    save_dataset(folder / "real", rows)
    with pytest.raises(SystemExit, match=str(UNUSABLE)):
        simulated.main(_words(folder, "--judged", str(folder / "real")))
    assert "training.studies.frozen" in capsys.readouterr().err


def test_a_sample_has_every_order_and_weighs_as_much_as_the_whole() -> None:
    whole = leads(500)
    some = some_known(whole, 300, np.random.default_rng(4))
    known, kept = whole.of(*BEFORE_TEST), some.of(*BEFORE_TEST)
    assert len(kept) == 300
    assert kept.label.sum() == known.label.sum()
    assert kept.weight.sum() == pytest.approx(known.weight.sum())
    assert set(kept.weight[kept.label == 1]) == {1.0}
    assert some.of(Split.TEST).lead == whole.of(Split.TEST).lead
    again = some_known(whole, 300, np.random.default_rng(4))
    assert again.lead == some.lead
    assert some_known(whole, 300, np.random.default_rng(5)).lead != some.lead


def test_a_sample_of_all_rows_or_none_asked_for_is_the_whole() -> None:
    whole = leads(500)
    for n_known in (None, 425, 10_000):
        assert some_known(whole, n_known, np.random.default_rng(4)) is whole


def test_a_sample_too_small_for_its_orders_is_refused() -> None:
    whole = leads(500)
    n_orders = int(whole.of(*BEFORE_TEST).label.sum())
    with pytest.raises(DatasetError, match=f"give at least {2 * n_orders}"):
        some_known(whole, 2 * n_orders - 1, np.random.default_rng(4))

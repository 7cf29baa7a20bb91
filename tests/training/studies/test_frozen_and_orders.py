"""The studies of a frozen base run from end to end, and of an outcome's rows no cluster is cut."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from tests.training.baselines.leads import leads
from tests.training.model.tiny import TOKEN_BUDGET, save_base, save_dataset
from training.dataset.manifest import BEFORE_TEST, Split
from training.studies import frozen, orders

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("study")
    dataset, base = save_dataset(folder / "dataset"), save_base(folder / "qwen2")
    kept = ["--states", str(folder / "states")]
    budget = ["--token-budget", str(TOKEN_BUDGET), "--trials", "1", "--resamples", "50"]
    return [str(dataset), "--base", str(base), *kept, *budget]


def test_a_frozen_base_stands_beside_plain_models(
    told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    frozen.main(told)
    table = capsys.readouterr().out
    rows = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")}
    assert {"plain words", "words", "states", "both", "chosen"} <= rows


def test_a_base_reads_fewer_rows_where_that_is_asked_for(
    told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    frozen.main([*told, "--train-rows", "230"])
    sampled = capsys.readouterr().out
    frozen.main(told)
    assert capsys.readouterr().out != sampled


def test_models_are_compared_by_the_number_of_outcomes(
    told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    orders.main([*told, "--orders", "30", "1000"])
    some, none = capsys.readouterr().out.split("## 1000 outcomes")
    assert "## 30 outcomes" in some
    for name in ("words", "states", "both", "fields alone", "trees on words"):
        assert f"| {name} |" in some
    assert "| trees on words and states |" in some
    assert "| model | expected AUC |" in some
    assert "no dataset has so many" in none


@pytest.mark.parametrize("n_orders", [30, 60])
def test_so_many_outcomes_are_kept_and_all_of_the_test(n_orders: int) -> None:
    examples = leads(500)
    kept = orders.some_rows(examples, n_orders, np.random.default_rng(2))
    assert kept is not None
    part = examples.take(kept)
    n_kept = int(part.of(*BEFORE_TEST).label.sum())
    assert n_orders <= n_kept <= n_orders + len(BEFORE_TEST)
    assert len(part.of(Split.TEST)) == len(examples.of(Split.TEST))
    known, chosen = examples.of(*BEFORE_TEST), part.of(*BEFORE_TEST)
    assert chosen.label.mean() == pytest.approx(known.label.mean(), abs=0.12)
    for cluster in np.unique(chosen.cluster):
        assert (chosen.cluster == cluster).sum() == (known.cluster == cluster).sum()


def test_more_outcomes_than_there_are_is_none() -> None:
    assert orders.some_rows(leads(500), 10_000, np.random.default_rng(2)) is None

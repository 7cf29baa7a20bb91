"""One battery for every baseline of the registry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("lightgbm", reason="needs the train extra")

import torch

from scoring.metrics.metrics import expected_auc
from tests.training.baselines.leads import leads
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget, Predictor
from training.baselines.registry import Baseline, fit_baseline
from training.baselines.tree_rank import lists_of
from training.dataset.example import Examples
from training.dataset.manifest import DatasetError, Split

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(900)]
"""The tagger that practises takes a minute, more on a busy machine."""

BUDGET = Budget(n_trials=2, seed=3)
LEARNERS = [name for name in Baseline if name is not Baseline.RULE]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return leads(500)


def fitted(name: Baseline, examples: Examples) -> Predictor:
    return fit_baseline(name, examples, BUDGET, lambda line: None)


@pytest.fixture(scope="module", params=Baseline)
def predictor(request: pytest.FixtureRequest, examples: Examples) -> Predictor:
    return fitted(request.param, examples)


def test_new_leads_are_ordered_better_than_by_chance(
    predictor: Predictor, examples: Examples
) -> None:
    later = examples.of(Split.CALIBRATE, Split.TEST)
    assert expected_auc(predictor.logits(later), later.true_probability) > 0.55


def test_every_lead_gets_a_finite_logit_in_order(predictor: Predictor, examples: Examples) -> None:
    rows = np.arange(12)
    logits = predictor.logits(examples.take(rows))
    assert logits.shape == (12,)
    assert np.isfinite(logits).all()
    backwards = predictor.logits(examples.take(rows[::-1]))
    np.testing.assert_allclose(backwards[::-1], logits, atol=1e-5)


def test_a_lead_of_which_nothing_is_known_is_scored(
    predictor: Predictor, examples: Examples
) -> None:
    one = examples.take(np.array([0]))
    blank = replace(one, features=np.full_like(one.features, np.nan))
    assert np.isfinite(predictor.logits(blank)).all()


def test_the_label_of_a_scored_lead_is_not_read(predictor: Predictor, examples: Examples) -> None:
    test = examples.of(Split.TEST)
    other = replace(
        test,
        label=1 - test.label,
        reached=test.reached[::-1],
        codes=1 - test.codes,
        true_probability=1 - test.true_probability,
        outcome_at=test.outcome_at[::-1],
    )
    assert np.array_equal(predictor.logits(test), predictor.logits(other))


def test_the_mean_probability_is_near_the_share_of_orders(
    predictor: Predictor, examples: Examples
) -> None:
    known = examples.of(*TRAIN_AND_VALIDATION)
    said = 1 / (1 + np.exp(-predictor.logits(known)))
    assert said.mean() == pytest.approx(known.label.mean(), abs=0.1)


@pytest.mark.parametrize("name", LEARNERS)
def test_one_class_is_refused(name: Baseline, examples: Examples) -> None:
    flat = replace(examples, label=np.zeros_like(examples.label))
    with pytest.raises(DatasetError, match="asllr baseline rule"):
        fitted(name, flat)


@pytest.mark.parametrize("name", [Baseline.DEEPFM, Baseline.TREE_RANK])
def test_the_same_seed_gives_the_same_model_and_leaves_the_global_one_alone(
    name: Baseline, examples: Examples
) -> None:
    before = torch.random.get_rng_state()
    first = fitted(name, examples).logits(examples)
    torch.rand(7)
    torch.random.set_rng_state(before)
    again = fitted(name, examples).logits(examples)
    assert np.array_equal(first, again)
    assert torch.equal(before, torch.random.get_rng_state())


def test_sampled_negatives_are_weighed_back(examples: Examples) -> None:
    """Half of the negatives, each counting twice, says about what all of them say."""
    rng = np.random.default_rng(0)
    kept = np.flatnonzero((examples.label > 0) | (rng.random(len(examples)) < 0.5))
    half = examples.take(kept)
    half = replace(half, weight=np.where(half.label > 0, 1.0, 2.0))
    known = examples.of(*TRAIN_AND_VALIDATION)
    for name in (Baseline.LOGISTIC, Baseline.TREE_TABULAR):
        said = 1 / (1 + np.exp(-fitted(name, half).logits(known)))
        assert said.mean() == pytest.approx(known.label.mean(), abs=0.06)


def test_lists_hold_every_row_once_of_one_queue_in_order_of_time(examples: Examples) -> None:
    order, lengths = lists_of(examples, 40)
    assert sorted(order) == list(range(len(examples)))
    assert lengths.max() <= 40
    for rows in np.split(order, np.cumsum(lengths)[:-1]):
        assert len(set(examples.queue[rows])) == 1
        assert (np.diff(examples.as_of_ms[rows]) >= 0).all()

"""The regression on fields and words, and which rows choose its penalties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from scoring.metrics.metrics import auc
from tests.training.baselines.leads import leads
from training.baselines.baseline import Budget
from training.baselines.choosing import are_few_dealt, choices
from training.baselines.columns.linear_reading import N_FOLDS, folds_of
from training.baselines.columns.table import fit_field_table
from training.baselines.fitted import logits_to_calibrate
from training.baselines.logistic import fit_logistic, fit_logistic_words
from training.baselines.recommended import ENOUGH_ORDERS, fit_recommended, of_paired_losses
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split

pytestmark = [pytest.mark.train, pytest.mark.slow]

BUDGET = Budget(n_trials=3, seed=2)


def quiet(line: str) -> None:
    """Says nothing."""


def told_by_words(n: int) -> Examples:
    """Whoever says "price" orders."""
    examples = leads(n)
    said = [
        any("price" in turn.text.lower() for call in state.transcripts for turn in call.turns)
        for state in examples.states
    ]
    return replace(examples, label=np.array(said, dtype=np.int8))


def dealt(examples: Examples) -> Examples:
    """The same rows, split by chance."""
    split = np.random.default_rng(0).permutation(examples.split)
    return replace(examples, split=split)


def test_what_is_told_by_words_alone_is_learned_and_said() -> None:
    examples = told_by_words(500)
    judged = examples.of(Split.TEST)
    fitted = fit_logistic_words(examples, BUDGET, quiet)
    fields = fit_logistic(examples, BUDGET, quiet)
    assert auc(fitted.logits(judged), judged.label) > auc(fields.logits(judged), judged.label) + 0.1
    assert str(fitted.described["words"]).startswith("words gain over fields: log loss")


def test_where_nothing_is_said_it_is_the_regression_on_fields() -> None:
    examples = leads(200)
    silent = replace(examples, state=(to_bytes(fold([])),) * len(examples))
    both = [fit(silent, BUDGET, quiet) for fit in (fit_logistic_words, fit_logistic)]
    assert np.array_equal(*(model.logits(silent) for model in both))
    assert "words" not in both[0].described


@pytest.mark.parametrize("fit", [fit_logistic, fit_logistic_words])
def test_unknown_is_worth_the_average_where_nobody_was_unknown(fit) -> None:  # type: ignore[no-untyped-def]  # two functions of one type
    """So a reason compares a lead with the others, and what is the same for all is none."""
    examples = told_by_words(400)
    unknown_of = np.isnan(fit_field_table(examples).rows(examples))
    often_known = unknown_of.mean(axis=0) < 0.2
    examples = examples.take(np.flatnonzero(~unknown_of[:, often_known].any(axis=1)))
    known = examples.of(*BEFORE_TEST)
    fitted = fit(examples, BUDGET, quiet)
    encoding = fitted.served.encoding
    table = fitted.columns.rows(known)[:, : len(encoding.kinds)]
    encoded = encoding.rows(table)
    weights = np.array(fitted.served.weights)
    n_unseen = 0
    for place, unknown in encoding.places:
        worth = encoded[:, place] @ weights[place]
        if not encoded[:, unknown].any():
            n_unseen += 1
            assert weights[unknown] == pytest.approx(np.average(worth, weights=known.weight))
            assert np.ptp(worth) > 0 or weights[unknown] == pytest.approx(worth[0])
    assert n_unseen == often_known.sum() > 0


@pytest.mark.parametrize("fit", [fit_logistic, fit_logistic_words])
def test_what_calibrates_has_not_learned_from_the_rows_it_calibrates(fit) -> None:  # type: ignore[no-untyped-def]  # two functions of one type
    examples = leads(300)
    of_calibration = examples.split == Split.CALIBRATE.value
    flipped = replace(examples, label=np.where(of_calibration, 1 - examples.label, examples.label))
    one, other = fit(examples, BUDGET, quiet), fit(flipped, BUDGET, quiet)
    held = [logits_to_calibrate(m, examples)[of_calibration] for m in (one, other)]
    assert np.array_equal(*held)
    assert not np.array_equal(one.logits(examples), other.logits(examples))


def test_a_split_by_time_is_chosen_on_its_newest_rows() -> None:
    examples = leads(300)
    [(learned, chooses)] = choices(examples)
    assert learned.lead == examples.of(Split.FIT).lead
    assert chooses.lead == examples.of(Split.JUDGE).lead


def test_few_rows_split_by_chance_choose_in_turn() -> None:
    examples = dealt(leads(300))
    known = examples.of(Split.FIT, Split.JUDGE)
    pairs = choices(examples)
    assert len(pairs) > 1
    assert sorted(lead for _, rows in pairs for lead in rows.lead) == sorted(known.lead)
    for learned, chooses in pairs:
        assert not set(learned.cluster) & set(chooses.cluster)
        assert len(learned) + len(chooses) == len(known)


def test_rows_without_a_time_were_dealt_by_chance() -> None:
    """As those of exports without a date: all have one moment."""
    examples = leads(300)
    undated = replace(examples, as_of_ms=np.full_like(examples.as_of_ms, examples.as_of_ms[0]))
    assert len(choices(undated)) > 1
    assert are_few_dealt(undated)
    assert not are_few_dealt(examples)


def test_columns_of_words_have_folds_within_the_rows_that_choose_in_turn() -> None:
    """One hash for both would leave one of these folds without rows."""
    for learned, _ in choices(dealt(leads(300))):
        assert set(folds_of(learned.cluster).tolist()) == set(range(N_FOLDS))


def test_the_recommended_model_is_chosen_in_turn() -> None:
    chosen = fit_recommended(dealt(leads(200)), BUDGET, quiet)
    assert chosen.name in chosen.models
    assert chosen.why.startswith(f"{chosen.name} has a log loss of ")
    assert "on leads it did not learn from" in chosen.why


def test_trees_are_taken_where_they_are_ahead_by_more_than_luck() -> None:
    """The same gain in all, of one lead or of every lead."""
    rows = dealt(leads(200)).of(Split.FIT, Split.JUDGE)
    toward = np.where(rows.label > 0, 1.0, -1.0)
    plain = np.zeros(len(rows))
    one = plain + 9.0 * toward * (rows.cluster == rows.cluster[0])
    for better, taken in ((one, "logistic"), (0.2 * toward, "tree_fields")):
        name, why = of_paired_losses({"logistic": plain, "tree_fields": better}, rows)
        assert name == taken
        assert ("standard errors" in why) == (taken == "logistic")
    assert of_paired_losses({"logistic": plain, "logistic_words": one}, rows)[0] == "logistic_words"


def test_of_enough_orders_the_least_loss_takes_trees() -> None:
    few = dealt(leads(200)).of(Split.FIT, Split.JUDGE)
    times = -(-ENOUGH_ORDERS // few.n_who_ordered)
    rows = few.take(np.tile(np.arange(len(few)), times))
    rows = replace(rows, cluster=np.array([f"lead {n}" for n in range(len(rows))]))
    better = 9.0 * np.where(rows.label > 0, 1.0, -1.0) * (np.arange(len(rows)) == 0)
    logits = {"logistic": np.zeros(len(rows)), "tree_fields": better}
    fewer = rows.take(np.flatnonzero(np.arange(len(rows)) < len(rows) // 2))
    halves = {name: each[: len(fewer)] for name, each in logits.items()}
    assert of_paired_losses(logits, rows)[0] == "tree_fields"
    assert of_paired_losses(halves, fewer)[0] == "logistic"


def test_rows_after_the_validation_split_do_not_choose() -> None:
    examples = dealt(leads(300))
    later = examples.split == Split.CALIBRATE.value
    flipped = replace(examples, label=np.where(later, 1 - examples.label, examples.label))
    both = [
        fit_logistic_words(each.of(*BEFORE_TEST), BUDGET, quiet) for each in (examples, flipped)
    ]
    assert both[0].penalties == both[1].penalties
    assert both[0].validation_loss == both[1].validation_loss

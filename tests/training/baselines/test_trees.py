"""The tree baselines: what they read, what they must not, and that the budget is kept."""

from __future__ import annotations

from dataclasses import replace
from threading import Barrier

import numpy as np
import pytest

pytest.importorskip("lightgbm", reason="needs the train extra")

from sklearn.feature_extraction.text import TfidfVectorizer

from schemas.events import Role, Segment, TranscriptReady
from scoring.columns.words import terms
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import to_bytes
from scoring.metrics.metrics import auc, expected_auc
from tests.scoring.histories import START
from tests.training.baselines.leads import leads
from training.baselines.baseline import Budget
from training.baselines.columns.aggregates import fit_aggregates
from training.baselines.columns.bag_of_words import (
    MIN_LEADS_PER_TERM,
    fit_components,
    fit_words,
)
from training.baselines.columns.linear_reading import N_FOLDS, Target, fit_out_of_fold, folds_of
from training.baselines.fitted import logits_to_calibrate
from training.baselines.rule import fit_rule
from training.baselines.stack import fit_stack
from training.baselines.tree_tabular import fit_feature_columns, fit_tree_tabular
from training.baselines.tree_text import (
    fit_text_columns,
    fit_tree_text,
    fit_tree_words,
    fit_word_columns,
)
from training.dataset.example import Examples
from training.dataset.manifest import DatasetError, Split
from training.trees.trials import Trial, search

pytestmark = [pytest.mark.train, pytest.mark.slow]

BUDGET = Budget(n_trials=2, seed=2)
N = 600


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def examples() -> Examples:
    return leads(N)


def auc_of(logits: np.ndarray, examples: Examples) -> float:
    return expected_auc(logits, examples.true_probability)


def test_trees_order_new_leads_better_than_the_rule_and_the_rule_better_than_chance(
    examples: Examples,
) -> None:
    test = examples.of(Split.TEST, Split.CALIBRATE)
    tree = fit_tree_tabular(examples, BUDGET, silent).logits(test)
    rule = fit_rule(examples, BUDGET, silent).logits(test)
    assert auc_of(tree, test) > auc_of(rule, test) > 0.55


def test_the_same_seed_grows_the_same_trees(examples: Examples) -> None:
    first, again = (fit_tree_tabular(examples, BUDGET, silent) for _ in range(2))
    assert np.array_equal(first.logits(examples), again.logits(examples))


def _flipped(examples: Examples, split: Split) -> Examples:
    inside = examples.split == split.value
    return replace(examples, label=np.where(inside, 1 - examples.label, examples.label))


def test_labels_of_the_test_split_change_nothing(examples: Examples) -> None:
    flipped = _flipped(examples, Split.TEST)
    first, again = (fit_tree_text(each, BUDGET, silent) for each in (examples, flipped))
    test = examples.of(Split.TEST)
    assert np.array_equal(first.logits(test), again.logits(test))
    assert np.array_equal(first.held_out, again.held_out)


def test_trees_learn_from_the_calibration_rows_and_are_calibrated_before_they_do(
    examples: Examples,
) -> None:
    flipped = _flipped(examples, Split.CALIBRATE)
    first, again = (fit_tree_tabular(each, BUDGET, silent) for each in (examples, flipped))
    assert not np.array_equal(first.logits(examples), again.logits(examples))
    assert first.described == again.described
    to_calibrate, same = (
        logits_to_calibrate(model, examples.of(Split.CALIBRATE)) for model in (first, again)
    )
    assert np.array_equal(to_calibrate, same)
    kept = first.logits(examples.of(Split.CALIBRATE))
    assert not np.array_equal(kept, to_calibrate)


def test_a_stack_is_calibrated_before_it_learns_from_these_rows(examples: Examples) -> None:
    read = np.zeros(len(examples))
    flipped = _flipped(examples, Split.CALIBRATE)
    first, again = (
        fit_stack(each, read, BUDGET, fit_feature_columns, silent) for each in (examples, flipped)
    )
    inside = examples.split == Split.CALIBRATE.value
    calibrated, same = (each.logits_to_calibrate(examples, read) for each in (first, again))
    assert np.array_equal(calibrated[inside], same[inside])
    assert not np.array_equal(calibrated[~inside], same[~inside])


def test_the_search_says_where_words_gain_nothing(examples: Examples) -> None:
    """What the older leads say before an order, the validation rows say before none."""
    turned = examples.label.astype(bool) ^ (examples.split == Split.JUDGE.value)
    texts = ["we take it" if each else "not for us" for each in turned]
    mute = replace(examples, state=tuple(to_bytes(_saying(text)) for text in texts))
    said: list[str] = []
    tree = fit_tree_words(mute, Budget(n_trials=2, seed=2), said.append)
    assert str(tree.described["words"]) == said[-1]
    assert said[-1].startswith("words gain nothing over fields and counts: log loss")


def test_the_search_says_where_words_gain(examples: Examples) -> None:
    telling = [_saying("we take it" if label else "not for us") for label in examples.label]
    spoken = replace(examples, state=tuple(map(to_bytes, telling)))
    tree = fit_tree_words(spoken, BUDGET, silent)
    assert str(tree.described["words"]).startswith("words gain over fields and counts")
    test = spoken.of(Split.TEST)
    assert auc(tree.logits(test), test.label.astype(np.float64)) > 0.95


def _saying(text: str) -> LeadState:
    segment = Segment(role=Role.CUSTOMER, start_s=0.0, end_s=2.0, text=text)
    call = TranscriptReady(
        id="t",
        source="asr",
        tenant="acme",
        lead="l",
        occurred_at=START,
        call_id="c",
        started_at=START,
        segments=(segment,),
    )
    return fold([call])


def test_codes_and_moves_help_where_they_are_known_and_are_not_missed_elsewhere(
    examples: Examples,
) -> None:
    known = examples.of(Split.FIT)
    words, _ = fit_word_columns(known, np.random.default_rng(0))
    taught, _ = fit_text_columns(known, np.random.default_rng(0))
    n_words, n_codes, n_moves = words.shape[1], known.codes.shape[1], len(known.ladder.steps) - 1
    assert taught.shape[1] == n_words + n_codes + n_moves
    assert all(np.ptp(column) > 0 for column in taught[:, -n_moves:].T)
    no_codes = np.zeros((len(known), 0), dtype=np.float32)
    untaught = replace(known, codes=no_codes, reached=((),) * len(known))
    without, _ = fit_text_columns(untaught, np.random.default_rng(0))
    words, _ = fit_word_columns(untaught, np.random.default_rng(0))
    assert np.array_equal(without[:, :-n_moves], words, equal_nan=True)
    assert not without[:, -n_moves:].any()


def test_a_row_reads_the_same_alone_and_in_company(examples: Examples) -> None:
    known, test = examples.of(Split.FIT), examples.of(Split.TEST)
    _, columns = fit_text_columns(known, np.random.default_rng(0))
    together = columns.rows(test)
    alone = np.concatenate([columns.rows(test.take(np.array([i]))) for i in range(5)])
    assert np.array_equal(alone, together[:5], equal_nan=True)


def test_a_fitted_row_is_read_by_a_model_that_did_not_see_its_label(examples: Examples) -> None:
    known = examples.of(Split.FIT)
    matrix = fit_words(known).matrix
    folds = folds_of(known.cluster)
    labels = known.label.astype(np.float64)
    inside = folds == 1
    flipped = np.where(inside, 1 - labels, labels)
    read = [
        fit_out_of_fold(matrix, Target(values, known.weight, 1.0), folds)[0][inside]
        for values in (labels, flipped)
    ]
    assert set(folds.tolist()) == set(range(N_FOLDS))
    assert np.array_equal(*read)


def test_terms_weigh_what_scikit_learn_weighs(examples: Examples) -> None:
    """The reference for TF-IDF; ours serves without it."""
    known = examples.of(Split.FIT)
    bag = fit_words(known)
    reference = TfidfVectorizer(
        analyzer=terms, sublinear_tf=True, min_df=MIN_LEADS_PER_TERM, dtype=np.float64
    )
    weights = reference.fit_transform([history_of(state) for state in known.states])
    assert bag.terms == tuple(reference.get_feature_names_out())
    np.testing.assert_allclose(bag.matrix.toarray(), weights.toarray(), atol=1e-12)


def test_served_words_are_the_components_and_readings_of_the_fit(examples: Examples) -> None:
    known = examples.of(Split.FIT)
    bag = fit_words(known)
    folds = folds_of(known.cluster)
    target = Target(known.label.astype(np.float64), known.weight, 1.0)
    _, reading = fit_out_of_fold(bag.matrix, target, folds)
    components = fit_components(bag.matrix, np.random.default_rng(0))
    outputs = np.array([*components, reading.coefficients(len(bag.terms))])
    words = bag.projected(outputs, [0.0] * len(components) + [reading.intercept])
    assert words is not None
    served = np.array([words.numbers(history_of(state)) for state in known.states])
    fitted = np.column_stack([bag.matrix @ components.T, reading.logits(bag.matrix)])
    np.testing.assert_allclose(served, fitted, atol=1e-5)


def test_leads_of_whom_nothing_is_known_have_columns_too() -> None:
    one = leads(40).take(np.arange(3))
    empty = replace(one, state=(to_bytes(fold([])),) * 3)
    aggregates = fit_aggregates(leads(40))
    rendering = empty.rendering
    nobody, as_of_ms = history_of(empty.states[0]), int(empty.as_of_ms[0])
    numbers = list(aggregates.numbers(nobody, as_of_ms, rendering))
    assert len(numbers) == len(aggregates.column_names(rendering))
    bag = fit_words(empty)
    assert bag.matrix.shape == (3, 0)
    assert bag.weighed(empty).shape == (3, 0)
    assert bag.projected(np.zeros((2, 0)), [0.0, 0.0]) is None


def test_terms_say_who_spoke_and_what_was_answered() -> None:
    [state] = [
        state
        for state in leads(40).states
        if any(turn.role == "customer" for call in state.transcripts for turn in call.turns)
    ][:1]
    found = terms(history_of(state))
    assert {term[:2] for term in found if ">" not in term} >= {"a:", "c:"}
    assert any(">c:" in term for term in found)


def test_the_stack_uses_the_logit_it_is_given(examples: Examples) -> None:
    truth = examples.true_probability
    logit = np.log(truth / (1 - truth))
    stack = fit_stack(examples, logit, BUDGET, fit_feature_columns, silent)
    test = np.isin(examples.split, [Split.TEST.value])
    tree = fit_tree_tabular(examples, BUDGET, silent)
    rows = examples.of(Split.TEST)
    gained = auc_of(stack.logits(rows, logit[test]), rows) - auc_of(tree.logits(rows), rows)
    assert gained > 0.05


def test_a_logit_for_other_rows_is_refused(examples: Examples) -> None:
    with pytest.raises(ValueError, match="need one for each"):
        fit_stack(examples, np.zeros(3), BUDGET, fit_feature_columns, silent)


@pytest.mark.parametrize("split", [Split.FIT, Split.JUDGE])
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_in_a_split_is_refused_with_a_way_out(
    examples: Examples, split: Split, label: int
) -> None:
    inside = examples.split == split.value
    flat = replace(examples, label=np.where(inside, label, examples.label).astype(np.int8))
    with pytest.raises(DatasetError, match=f"split {split} has .*asllr baseline rule"):
        fit_tree_tabular(flat, BUDGET, silent)


def test_the_rule_meets_the_observed_share_and_survives_none(examples: Examples) -> None:
    known = examples.of(Split.FIT, Split.JUDGE)
    said = 1 / (1 + np.exp(-fit_rule(examples, BUDGET, silent).logits(known)))
    assert said.mean() == pytest.approx(known.label.mean(), abs=0.002)
    none = replace(examples, label=np.zeros(len(examples), dtype=np.int8))
    rare = 1 / (1 + np.exp(-fit_rule(none, BUDGET, silent).logits(known)))
    assert 0 < rare.mean() < 0.002


def test_a_search_runs_its_budget_and_keeps_the_best() -> None:
    losses = [0.3, 0.1, 0.2, 0.1]
    ran: list[int] = []

    def run(number: int) -> Trial[int]:
        ran.append(number)
        return Trial(losses[number], number)

    assert search(run, 4, silent).settings == 1
    assert ran == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="at least 1"):
        search(run, 0, silent)


def test_trials_at_once_choose_as_one_after_the_other_does() -> None:
    losses = [0.3, 0.1, 0.1]
    together = Barrier(3)

    def run(number: int) -> Trial[int]:
        together.wait(timeout=60)
        return Trial(losses[number], number)

    lines: list[str] = []
    assert search(run, 3, lines.append, n_at_once=3).settings == 1
    assert lines[-1] == "trial 3 of 3: loss 0.10000"
    with pytest.raises(ZeroDivisionError):
        search(lambda number: Trial(1 / number, number), 3, silent, n_at_once=2)

"""The tagger that practises: as many calls as the base, and what it makes of a lead's lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tokenizers import Tokenizer

pytest.importorskip("torch", reason="needs the train extra")

from schemas.events import Role, TranscriptReady
from schemas.timestamps import from_ms
from scoring.artifact import demo_artifact_path
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from scoring.metrics.metrics import auc
from scoring.prompt.rendering import first_rendering
from tests.scoring.histories import segment
from tests.training.dataset.rows import START_MS, row
from training.baselines.columns.practice import (
    CODES_OF_TOPIC,
    PRACTICE,
    SETS_NONE,
    Tagger,
    Turn,
    fit_tagger,
    follow,
    practice_turns,
    turns_of,
)
from training.baselines.tree_practised import PractisedColumns
from training.dataset.example import Example, columns_of
from training.dataset.simulated import Simulation, simulate_examples
from training.demo.base_stage import build_writer
from training.demo.curriculum import short_calls
from training.demo.recipe import Recipe
from training.model.samples import width_of
from training.simulator.codes import CODE_INDEX, N_CODES
from training.simulator.phrases import Stance
from training.simulator.practice import MAX_TOPICS

AUTO = first_rendering()

pytestmark = [pytest.mark.train, pytest.mark.slow]

TOO_DEAR = CODE_INDEX["price", Stance.CONTRA]
AFFORDABLE = CODE_INDEX["price", Stance.PRO]

TAGS = arrays(np.float64, N_CODES, elements=st.floats(0, 1)).map(
    lambda tag: tag / max(1.0, float(tag.sum()))
)


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return fit_tagger({"phrasebook": 600, "short calls": 1_200, "calls": 3_000}, seed=1)


def _turn(question: str, answer: str) -> Turn:
    turn = turns_of([("agent", question), ("customer", answer)])[1]
    assert turn is not None
    return turn


def test_it_practises_on_as_many_calls_as_the_base_reads() -> None:
    recipe = Recipe()
    writer = build_writer(Tokenizer.from_file(str(demo_artifact_path() / "tokenizer.json")))
    budgets = (recipe.phrasebook_tokens, recipe.short_tokens, recipe.call_tokens)
    assert list(PRACTICE) == list(MAX_TOPICS)
    for (stage, n_calls), n_tokens in zip(PRACTICE.items(), budgets, strict=True):
        calls = short_calls(writer, 1_000, MAX_TOPICS[stage], np.random.default_rng(2))
        n_read = n_tokens / np.mean([width_of(len(call)) for call in calls])
        assert n_calls == pytest.approx(n_read, rel=0.05)


def test_an_agents_question_belongs_to_the_answer_right_after_it() -> None:
    lines = [("agent", "Too dear?"), ("customer", "no"), ("customer", "well yes")]
    assert turns_of(lines) == [
        None,
        Turn(("no",), ("too", "dear", "?")),
        Turn(("well", "yes"), ()),
    ]


def test_lines_of_calls_it_never_met_are_tagged(tagger: Tagger) -> None:
    turns, labels = practice_turns({"calls": 300}, seed=2)
    tags = tagger.tags(turns)
    best = np.where(tags.max(axis=1) > 1 - tags.sum(axis=1), tags.argmax(axis=1), SETS_NONE)
    assert np.mean(best == labels) > 0.8


def test_a_bare_yes_means_what_was_asked(tagger: Tagger) -> None:
    asked = ("is the price too high", "is the price all right")
    too_high, all_right = tagger.tags([_turn(question, "yes") for question in asked])
    odds = [tag / (1 - tag) for tag in (too_high, all_right)]
    assert odds[0][TOO_DEAR] > 2 * odds[1][TOO_DEAR]
    assert odds[1][AFFORDABLE] > 2 * odds[0][AFFORDABLE]


def test_what_is_held_of_leads_are_their_wrap_up_codes(tagger: Tagger) -> None:
    examples, _ = simulate_examples(
        Simulation(9, 600), n_processes=1, report=lambda done, total: None
    )
    held = tagger.held(examples)
    known = ~np.isnan(examples.codes).any(axis=1)
    assert auc(held[known].ravel(), examples.codes[known].ravel()) > 0.9
    assert held.min() >= 0.0
    assert held[:, CODES_OF_TOPIC].sum(axis=2).max() <= 1.0 + 1e-9


Lines = list[tuple[Role, str]]
QUESTION: Lines = [(Role.AGENT, "is the price too high")]
YES: Lines = [(Role.CUSTOMER, "yes exactly")]
PLAIN: Lines = [(Role.CUSTOMER, "the price is too high")]


def _lead(number: int, *calls: Lines) -> Example:
    events = [
        TranscriptReady(
            id=f"t-{at}",
            source="asr",
            tenant="acme",
            lead=f"l-{number}",
            occurred_at=from_ms(START_MS + at * 3_600_000),
            started_at=from_ms(START_MS + at * 3_600_000),
            call_id=f"c-{at}",
            segments=tuple(segment(text, role, float(i)) for i, (role, text) in enumerate(lines)),
        )
        for at, lines in enumerate(calls)
    ]
    return row(number, state=to_bytes(fold(events))) if events else row(number)


def test_a_question_at_a_calls_end_is_not_answered_by_the_next_call(tagger: Tagger) -> None:
    together, apart, alone = tagger.held(
        columns_of(
            [_lead(0, QUESTION + YES), _lead(1, QUESTION, YES), _lead(2, YES)], rendering=AUTO
        )
    )
    assert np.array_equal(apart, alone)
    assert together[TOO_DEAR] > apart[TOO_DEAR]


def test_each_lead_holds_what_it_said_itself(tagger: Tagger) -> None:
    spoken, silent, other = _lead(0, PLAIN), _lead(1), _lead(2, QUESTION + YES)
    held = tagger.held(columns_of([spoken, silent, other], rendering=AUTO))
    assert np.array_equal(held[0], tagger.held(columns_of([spoken], rendering=AUTO))[0])
    assert np.array_equal(held[2], tagger.held(columns_of([other], rendering=AUTO))[0])
    assert held[0].argmax() == TOO_DEAR
    assert held[1].sum() == 0.0
    assert tagger.held(
        columns_of([spoken], rendering=AUTO).take(np.array([], dtype=np.int64))
    ).shape == (
        0,
        N_CODES,
    )


def test_trees_read_the_features_and_then_what_is_held(tagger: Tagger) -> None:
    examples = columns_of([_lead(0, PLAIN), _lead(1)], rendering=AUTO)
    rows = PractisedColumns(tagger).rows(examples)
    n_features = examples.features.shape[1]
    assert np.array_equal(rows[:, :n_features], examples.features, equal_nan=True)
    assert np.array_equal(rows[:, n_features:], tagger.held(examples).astype(np.float32))


def test_of_a_topic_the_last_word_counts() -> None:
    first, then = np.zeros(N_CODES), np.zeros(N_CODES)
    first[TOO_DEAR], then[AFFORDABLE] = 1.0, 0.75
    held = follow(follow(np.zeros(N_CODES), first), then)
    assert (held[TOO_DEAR], held[AFFORDABLE]) == (0.25, 0.75)
    assert held.sum() == 1.0


@given(TAGS, TAGS)
def test_what_is_held_stays_a_share(held: np.ndarray, tag: np.ndarray) -> None:
    after = follow(follow(np.zeros(N_CODES), held), tag)
    assert after.min() >= 0.0
    assert after[CODES_OF_TOPIC].sum(axis=1).max() <= 1.0 + 1e-9


def test_a_line_without_a_code_changes_nothing() -> None:
    held = np.linspace(0.0, 0.05, N_CODES)
    assert np.array_equal(follow(held, np.zeros(N_CODES)), held)

"""A Score is a function of (state, cursor, promotion, as_of, artifact)."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings

from schemas.events import EventBase, InteractionLogged, LeadErased
from schemas.ids import LeadKey
from schemas.outputs import Latency, Score
from schemas.timestamps import DAY_MS, from_ms
from scoring.artifact import ArtifactError
from scoring.calibration import NotALogit
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state_bytes import state_hash, to_bytes
from scoring.prompt.edges import as_of
from scoring.prompt.features import feature_vector
from scoring.prompt.prompt import PromptSpec, build_prompt
from scoring.prompt.rendering import first_rendering
from scoring.score import Position, Subject, build_score, build_scorer, build_subject, prepare
from tests.scoring.histories import START, START_MS, event, long_histories
from tests.scoring.prompt.golden_leads import count_tokens
from tests.scoring.test_artifact import manifest
from tests.support.engines.engines import RuleEngine, rule_scorer

AUTO = first_rendering()

KEY = LeadKey("acme", "l-1")
SCORER = rule_scorer()
LATENCY = Latency(ingest_to_claim=1.0, claim_to_result=2.0, engine=0.5)
CALLED = [event(InteractionLogged, channel="call", direction="inbound")]


def subject(events: list[EventBase], days: float = 0.0) -> Subject:
    cursor = {"crm.events": 4, "asr.transcripts": 9}
    now_ms = START_MS + round(days * DAY_MS)
    return build_subject(KEY, to_bytes(fold(events)), Position(cursor, 7), now_ms, AUTO)


def scored(one: Subject) -> Score:
    [logit] = SCORER.engine.logits([prepare(one.history, one.as_of_ms, SCORER.spec)])
    return build_score(one, logit, SCORER, START, LATENCY)


def test_prepare_is_the_feature_vector_and_the_prompt() -> None:
    state = fold(CALLED)
    item = prepare(history_of(state), START_MS, SCORER.spec)
    assert np.array_equal(
        item.features, feature_vector(history_of(state), START_MS, AUTO), equal_nan=True
    )
    assert item.prompt == build_prompt(history_of(state), START_MS, SCORER.spec)


def test_a_score_says_what_it_is_of() -> None:
    one = subject(CALLED, days=0.5)
    score = scored(one)
    assert (score.tenant, score.lead) == KEY
    assert one.order == (7, 15, START_MS)
    assert (score.order.promotion, score.order.version) == (7, 15)
    assert score.order.as_of == START
    assert score.cursor == {"crm.events": 4, "asr.transcripts": 9}
    assert score.state_hash == state_hash(to_bytes(fold(CALLED)))
    assert (score.artifact, score.prompt_id) == (SCORER.digest, AUTO.prompt_id)
    assert score.cause.kind == "event"
    assert (score.cause.type, score.cause.id) == ("InteractionLogged", "e-1")
    assert score.valid_until == START + timedelta(days=1)


def test_once_an_edge_has_passed_it_is_the_cause() -> None:
    score = scored(subject(CALLED, days=1.5))
    assert score.cause.kind == "edge"
    assert score.cause.occurred_at == START
    assert score.order.as_of == START + timedelta(days=1)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(long_histories().filter(bool))
def test_a_score_does_not_depend_on_when_between_two_edges_it_was_made(
    events: list[EventBase],
) -> None:
    one = subject(events, days=10)
    until = scored(one).valid_until
    later = 100.0 if until is None else (until - START).total_seconds() / 86_400 - 1e-6
    assert scored(one) == scored(subject(events, days=later))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(long_histories().filter(bool))
def test_a_score_can_be_recomputed_from_what_it_records(events: list[EventBase]) -> None:
    """What replay and the oracle do: the recorded as_of is its own as_of."""
    score = scored(subject(events, days=3))
    recorded_ms = START_MS + (score.order.as_of - START) // timedelta(milliseconds=1)
    again = Subject(
        KEY,
        history_of(fold(events)),
        score.state_hash,
        score.cursor,
        score.order.promotion,
        recorded_ms,
    )
    assert as_of(again.history, recorded_ms, AUTO) == recorded_ms
    assert scored(again) == score


def test_valid_until_is_none_when_time_changes_nothing_any_more() -> None:
    assert scored(subject(CALLED, days=1000)).valid_until is None
    assert from_ms(START_MS) == START


def test_an_erased_lead_and_a_broken_logit_have_no_score() -> None:
    with pytest.raises(ValueError, match="has no score"):
        build_score(subject([event(LeadErased)]), 0.0, SCORER, START, LATENCY)
    with pytest.raises(NotALogit):
        build_score(subject(CALLED), float("nan"), SCORER, START, LATENCY)


def test_an_artifact_whose_budget_some_lead_would_exceed_is_refused_when_loaded() -> None:
    good = build_scorer(manifest(), "digest", RuleEngine(), PromptSpec(AUTO, 256, count_tokens))
    assert (good.digest, good.spec.token_budget) == ("digest", 256)
    with pytest.raises(ArtifactError, match="train it with a larger budget"):
        build_scorer(manifest(), "digest", RuleEngine(), PromptSpec(AUTO, 160, count_tokens))

"""The declared features: their number, their values by hand-worked cases, their words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from schemas.events import (
    EventBase,
    InteractionLogged,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import DAY_MS
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.declaration import OTHER, UNKNOWN, Kind, encode, possible_words, words
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import first_rendering
from tests.scoring.histories import START, START_MS, event, segment

AUTO = first_rendering()


def value_of(name: str, events: list[EventBase], days: float = 0.0) -> float:
    names = [feature.name for feature in AUTO.features]
    vector = feature_vector(history_of(fold(events)), START_MS + round(days * DAY_MS), AUTO)
    return float(vector[names.index(name)])


def contact(id_: str, channel: str, days: float = 0.0, **fields: Any) -> InteractionLogged:
    at = START + timedelta(days=days)
    return event(InteractionLogged, id=id_, channel=channel, occurred_at=at, **fields)


def transcript(call_id: str, days: float = 0.0, seconds: float = 60.0) -> TranscriptReady:
    at = START + timedelta(days=days)
    spoken = segment("hello").model_copy(update={"end_s": seconds})
    return event(
        TranscriptReady,
        id=f"t-{call_id}",
        source="asr",
        occurred_at=at,
        started_at=at,
        call_id=call_id,
        segments=[spoken],
    )


def test_there_are_31_features_with_distinct_names_and_labels_per_section() -> None:
    assert len(AUTO.features) == 31
    assert len({feature.name for feature in AUTO.features}) == 31
    assert len({(feature.section, feature.wording) for feature in AUTO.features}) == 31


def test_an_unknown_lead_is_unknown_and_silent_not_zero_aged() -> None:
    vector = feature_vector(history_of(fold([])), START_MS, AUTO)
    assert vector.dtype == np.float32
    counted = [feature.kind is Kind.NUMBER for feature in AUTO.features]
    assert list(np.isnan(vector)) == [not is_count for is_count in counted]
    assert not vector[np.array(counted)].any()


@pytest.mark.parametrize("feature", [f for f in AUTO.features if f.kind is Kind.CATEGORY])
def test_every_listed_value_has_its_own_code_and_others_share_one(feature: Any) -> None:
    codes = [encode(feature, value) for value, _ in feature.bins]
    assert codes == list(range(len(feature.bins)))
    assert encode(feature, "never listed") == len(feature.bins)
    assert words(feature, "never listed") == OTHER
    assert words(feature, None) == UNKNOWN


def test_profile_values_are_read_as_text_whatever_their_case() -> None:
    assert value_of("age_band", [event(LeadUpserted, profile={"age_band": " Forties "})]) == 2
    assert value_of("age_band", [event(LeadUpserted, profile={"age_band": 40.0})]) == 5
    assert value_of("trade_in", [event(LeadUpserted, profile={"trade_in": True})]) == 1
    assert np.isnan(value_of("trade_in", [event(LeadUpserted, profile={"trade_in": "maybe"})]))


def test_a_call_logged_and_transcribed_counts_once() -> None:
    both = [
        contact("1", "call", direction="inbound", duration_s=90.0, call_id="c1"),
        contact("2", "call", direction="inbound", duration_s=30.0, call_id="c1", source="dms"),
        transcript("c1", seconds=120.0),
    ]
    for arrived in (both, both[::-1]):
        assert value_of("calls_30d", arrived) == 1
        assert value_of("inbound_calls_30d", arrived) == 1
        assert value_of("talk_time_30d", arrived) == 2.0


def test_calls_without_an_id_or_with_different_ones_count_apart() -> None:
    calls = [contact("1", "call"), contact("2", "call"), transcript("c1"), transcript("c2")]
    assert value_of("calls_30d", calls) == 4


def test_a_window_holds_a_contact_until_just_before_its_length() -> None:
    click = [contact("1", "web")]
    millisecond = 1 / DAY_MS
    assert value_of("web_7d", click, 7 - millisecond) == 1
    assert value_of("web_7d", click, 7) == 0


def test_unanswered_calls_are_outbound_without_any_sign_of_talk() -> None:
    tried = [
        contact("1", "call", direction="outbound"),
        contact("2", "call", direction="outbound", duration_s=0.0),
        contact("3", "call", direction="outbound", duration_s=20.0),
        contact("4", "call", direction="outbound", call_id="c1"),
        contact("5", "call", direction="inbound"),
        transcript("c1", seconds=0.0),
    ]
    assert value_of("unanswered_7d", tried) == 2
    assert value_of("followups_7d", tried) == 4


def test_ages_are_the_lower_bound_of_their_bin_and_never_negative() -> None:
    spoken = [contact("1", "visit"), contact("2", "message", 3, direction="inbound")]
    assert value_of("days_since_first_contact", spoken, 13.9) == 7
    assert value_of("days_since_last_contact", spoken, 13.9) == 7
    assert value_of("days_since_last_inbound", spoken, 5.5) == 2
    assert value_of("days_since_last_inbound", spoken, -5) == 0


def test_clicks_are_no_contact() -> None:
    assert np.isnan(value_of("days_since_last_contact", [contact("1", "web"), contact("2", "app")]))


def test_days_in_stage_count_from_the_first_mention_unless_the_lead_came_back() -> None:
    def stage(id_: str, name: str, days: int) -> StageChanged:
        return event(StageChanged, id=id_, stage=name, occurred_at=START + timedelta(days=days))

    said_twice = [stage("1", "new", 0), stage("2", "visit", 1), stage("3", "visit", 5)]
    came_back = [*said_twice, stage("4", "quote", 6), stage("5", "visit", 8)]
    assert history_of(fold(said_twice)).stage_since_ms() == START_MS + DAY_MS
    assert history_of(fold(came_back)).stage_since_ms() == START_MS + 8 * DAY_MS
    assert value_of("days_in_stage", said_twice, 8.5) == 7


def test_a_call_sent_under_two_start_times_is_one_call() -> None:
    early, late = transcript("c1", 0), transcript("c1", 1).model_copy(update={"revision": 1})
    seen = history_of(fold([early, late]))
    assert [call.started_ms for call in seen.calls] == [START_MS + DAY_MS]
    assert len(seen.contacts) == 1


def test_numbers_are_worded_with_their_raw_value_and_quantile() -> None:
    clicks = [contact(str(n), "web") for n in range(9)]
    feature = next(feature for feature in AUTO.features if feature.name == "web_7d")
    said = [words(feature, value_of("web_7d", clicks[:n])) for n in (0, 1, 3, 9)]
    assert said == ["none", "1 low", "3 mid", "9 high"]


@pytest.mark.parametrize("feature", AUTO.features, ids=lambda feature: feature.name)
def test_words_are_one_of_the_possible_ones(feature: Any) -> None:
    raw = {
        Kind.CATEGORY: "x",
        Kind.FLAG: True,
        Kind.NUMBER: 9999.0,
        Kind.AGE: 500.0,
    }[feature.kind]
    assert {words(feature, raw), words(feature, None)} <= set(possible_words(feature))

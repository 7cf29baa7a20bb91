"""An event in words: what happened and when, nothing that anybody said."""

from __future__ import annotations

import pytest
from hypothesis import given

from schemas.events import (
    Channel,
    Direction,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadReopened,
    LeadUpserted,
    Stage,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import DAY_MS
from scoring.explain.event_words import words_of
from scoring.prompt.rendering import first_rendering
from tests.scoring.histories import START, START_MS, UTTERANCES, event, events, segment

AUTO = first_rendering()

NOW_MS = START_MS + 2 * DAY_MS


@pytest.mark.parametrize(
    ("happened", "words"),
    [
        (event(InteractionLogged, channel=Channel.TEST_DRIVE), "test drive 2 days ago"),
        (event(InteractionLogged, channel=Channel.WEB), "click on the website 2 days ago"),
        (event(InteractionLogged, channel=Channel.APP), "click in the app 2 days ago"),
        (event(InteractionLogged, channel=Channel.CALL), "we called 2 days ago"),
        (event(InteractionLogged, channel=Channel.OTHER), "contact 2 days ago"),
        (
            event(InteractionLogged, channel=Channel.EMAIL, direction=Direction.INBOUND),
            "customer wrote 2 days ago",
        ),
        (
            event(LeadUpserted, profile={"budget": 3.0, "model": None}, consent=False),
            "profile told budget, profile lost model, consent withdrawn 2 days ago",
        ),
        (event(LeadUpserted), "lead touched 2 days ago"),
        (event(StageChanged, stage=Stage.TEST_DRIVE), "stage became test drive 2 days ago"),
        (event(LeadClosed), "closed 2 days ago"),
        (event(LeadReopened), "reopened 2 days ago"),
        (event(LeadErased), "erased 2 days ago"),
        (
            event(
                TranscriptReady,
                call_id="c1",
                started_at=START,
                language="en",
                segments=(segment("the price is too high, next week then"),),
            ),
            "customer spoke of price and timing, call 2 days ago",
        ),
    ],
)
def test_words_of_each_kind_of_event(happened: EventBase, words: str) -> None:
    assert words_of(happened, NOW_MS, AUTO) == words


@given(events(erased=True))
def test_words_never_repeat_an_utterance(happened: EventBase) -> None:
    words = words_of(happened, NOW_MS, AUTO)
    assert words
    assert not any(text.strip() in words for text in UTTERANCES if len(text) > 12)

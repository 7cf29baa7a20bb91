"""Reasons a person can act on, without a word anybody said; how much is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from schemas.events import (
    EventBase,
    InteractionLogged,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from schemas.outputs import Evidence
from schemas.timestamps import DAY_MS
from scoring.domain.reading import pack
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.topics import TOPICS
from scoring.prompt.reason import evidence, reason
from scoring.prompt.rendering import Rendering, first_rendering
from tests.scoring.histories import START, START_MS, event, long_histories, segment

AUTO = first_rendering()


def contact(channel: str, days: float = 0.0, **fields: Any) -> EventBase:
    at = START + timedelta(days=days)
    return event(
        InteractionLogged, id=f"{channel}{days}", channel=channel, occurred_at=at, **fields
    )


def spoken(*texts: str, language: str = "en") -> EventBase:
    return event(
        TranscriptReady,
        started_at=START,
        call_id="c",
        language=language,
        segments=[segment(text) for text in texts],
    )


PRICE = spoken("The price is fine, and we need it next week")


@pytest.mark.parametrize(
    ("events", "days", "said"),
    [
        ([], 0, "no contact yet"),
        ([contact("web")], 0, "clicks only, no contact yet"),
        ([PRICE], 0, "customer spoke of price and timing, today's call"),
        ([PRICE], 1.5, "customer spoke of price and timing, yesterday's call"),
        ([PRICE], 5, "customer spoke of price and timing, call 4 days ago"),
        ([spoken("hello")], 0, "today's call"),
        ([contact("test_drive")], 2.5, "test drive 2 days ago"),
        ([contact("message", direction="inbound")], 0, "customer wrote today"),
        ([contact("test_drive")], 15, "no contact for 14 days, test drive 14 days ago"),
        ([contact("visit")], 100, "no contact for 90 days"),
        ([contact("call")], 1.5, "call without transcript yesterday"),
        (
            [contact("call", call_id="c"), PRICE],
            0,
            "customer spoke of price and timing, today's call",
        ),
        ([contact("other")], 0, "no recent contact"),
        ([event(StageChanged, stage="quote")], 0, "stage quote, no recent contact"),
        (
            [PRICE, contact("test_drive"), contact("email", direction="inbound")],
            0,
            "customer spoke of price and timing, today's call, test drive today",
        ),
    ],
)
def test_reason_names_what_explains_most(events: list[EventBase], days: float, said: str) -> None:
    assert reason(history_of(fold(events)), START_MS + round(days * DAY_MS), AUTO) == said


@settings(max_examples=100, deadline=None)
@given(long_histories())
def test_reason_never_repeats_lead_text(events: list[EventBase]) -> None:
    own = {
        "customer",
        "spoke",
        "of",
        "and",
        "call",
        "without",
        "transcript",
        "no",
        "contact",
        "for",
        "days",
        "ago",
        "stage",
        "today",
        "yesterday",
        "todays",
        "yesterdays",
        "test",
        "drive",
        "visit",
        "quote",
        "wrote",
        "recent",
        "yet",
        "clicks",
        "only",
        "new",
        "contacted",
        "order",
        "lost",
    }
    own |= {word for name in TOPICS.values() for word in name.replace("-", " ").split()}
    said = (
        reason(history_of(fold(events)), START_MS, AUTO)
        .replace("'", "")
        .replace("-", " ")
        .replace("_", " ")
    )
    words = said.replace(",", "").split()
    assert {word for word in words if not word.isdigit()} <= own


def test_evidence_grows_with_what_is_known() -> None:
    profile = event(LeadUpserted, profile=dict.fromkeys("abcde", "x"))
    assert evidence(history_of(fold([contact("web")])), AUTO) is Evidence.LOW
    assert evidence(history_of(fold([profile, contact("message")])), AUTO) is Evidence.MEDIUM
    assert evidence(history_of(fold([spoken("hello")])), AUTO) is Evidence.MEDIUM
    assert evidence(history_of(fold([profile, PRICE])), AUTO) is Evidence.HIGH


SOFTWARE = Rendering(1, pack("software"))
COARSE = Rendering(1, AUTO.domain.model_copy(update={"ages": ((0, "of late"), (20, "long ago"))}))


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([contact("demo")], "demo today"),
        ([contact("test_drive")], "no recent contact"),
        ([contact("product")], "clicks only, no contact yet"),
        ([event(StageChanged, stage="negotiation")], "stage negotiation, no recent contact"),
        ([event(StageChanged, stage="test_drive")], "no contact yet"),
    ],
)
def test_reasons_are_in_the_domains_words(events: list[EventBase], said: str) -> None:
    assert reason(history_of(fold(events)), START_MS, SOFTWARE) == said


def test_today_is_today_whatever_ages_a_domain_has() -> None:
    visited = history_of(fold([contact("visit")]))
    assert reason(visited, START_MS, COARSE) == "visit today"
    assert reason(visited, START_MS + 5 * DAY_MS, COARSE) == "visit 4 days ago"


def test_evidence_counts_the_domains_late_stages_and_clicks() -> None:
    late = [event(StageChanged, stage="negotiation"), contact("demo")]
    assert evidence(history_of(fold(late)), SOFTWARE) is Evidence.MEDIUM
    assert evidence(history_of(fold(late)), AUTO) is Evidence.LOW
    clicked = [event(StageChanged, stage="negotiation"), contact("product")]
    assert evidence(history_of(fold(clicked)), SOFTWARE) is Evidence.LOW


@pytest.mark.parametrize("rendering", [AUTO, Rendering(2, pack("software"))], ids=("1", "2"))
def test_what_was_said_in_a_language_without_phrases_is_no_evidence(rendering: Rendering) -> None:
    def level(language: str) -> Evidence:
        return evidence(history_of(fold([spoken("hello", language=language)])), rendering)

    assert {level(known) for known in ("en", "de-AT", "EN-us", "und")} == {Evidence.MEDIUM}
    assert {level(unknown) for unknown in ("zh", "zh-Hans", "tlh")} == {Evidence.LOW}

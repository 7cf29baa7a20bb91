"""Counts and times: what was said is counted by the topics of the artifact's own domain."""

from __future__ import annotations

from hypothesis import given

from schemas.events import EventBase, Role, TranscriptReady
from scoring.columns.aggregates import Aggregates
from scoring.domain.reading import pack
from scoring.lead.fold import fold
from scoring.lead.history import LeadHistory, history_of
from scoring.prompt.rendering import Rendering, first_rendering
from tests.scoring.histories import START, START_MS, event, long_histories, segment

SOFTWARE = Rendering(2, pack("software"))
OWN = Aggregates(reads_as_rendered=True)


def counted(aggregates: Aggregates, history: LeadHistory, rendering: Rendering) -> dict[str, float]:
    numbers = aggregates.numbers(history, START_MS, rendering)
    return dict(zip(aggregates.column_names(rendering), numbers, strict=True))


def call(*texts: str) -> LeadHistory:
    said = event(
        TranscriptReady,
        call_id="c-1",
        language="en",
        started_at=START,
        segments=[segment(text, Role.CUSTOMER) for text in texts],
    )
    return history_of(fold([said]))


def test_topics_are_those_of_the_domain() -> None:
    names = OWN.column_names(SOFTWARE)
    assert "customer on budget" in names
    assert not [name for name in names if "test drive" in name or "trade-in" in name]
    assert counted(OWN, call("We have no budget."), SOFTWARE)["customer on budget"] == 1


def test_all_that_was_said_is_counted_and_not_a_summary_of_it() -> None:
    history = call(*(f"This is sentence number {n} of many." for n in range(80)))
    assert counted(OWN, history, SOFTWARE)["turns of the customer"] == 80
    assert counted(OWN, history, first_rendering())["turns of the customer"] < 80


@given(long_histories())
def test_columns_of_before_count_by_the_summary_whoever_reads_them(
    events: list[EventBase],
) -> None:
    """What was fitted before is served as it was fitted."""
    history = history_of(fold(events))
    before = [*Aggregates().numbers(history, START_MS, SOFTWARE)]
    now = [*OWN.numbers(history, START_MS, first_rendering())]
    assert str(before) == str(now)  # NaN is NaN
    assert Aggregates().column_names(SOFTWARE) == OWN.column_names(first_rendering())

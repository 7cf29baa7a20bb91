"""Events in temporary files are the events that were added, in order of time."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    Role,
    Segment,
    StageChanged,
    TranscriptReady,
)
from schemas.ids import LeadKey
from streams.importers.spool import events as spool
from streams.importers.spool.events import EventSpool

START = datetime(2026, 3, 1, tzinfo=UTC)


def _event(kind: int, number: int, same: dict[str, Any]) -> EventBase:
    said = Segment(role=Role.AGENT, start_s=0.1, end_s=2.25, text=f"Grüezi {number}\n")
    match kind:
        case 0:
            return LeadUpserted(**same, profile={"Größe": 1.5, "Ort": "Köln", "neu": True})
        case 1:
            return InteractionLogged(**same, channel=Channel.CALL, duration_s=0.1 + number)
        case 2:
            at = same["occurred_at"]
            return TranscriptReady(**same, call_id="c", started_at=at, segments=(said,))
        case 3:
            return StageChanged(**same, stage="order")
        case _:
            return LeadClosed(**same, reason="lost")


@st.composite
def some_events(draw: st.DrawFn) -> list[EventBase]:
    """Some of the same moment and the same id, as of a row of several leads."""
    return [
        _event(
            draw(st.integers(0, 4)),
            number,
            {
                "id": f"{number // 2:03}{draw(st.sampled_from(['', ':talk']))}",
                "source": draw(st.sampled_from(["try/calls", "try/leads"])),
                "tenant": "try",
                "lead": draw(st.sampled_from(["1", "12", "k%C3%B6ln"])),
                "occurred_at": START + timedelta(milliseconds=draw(st.integers(0, 3)) * 40_000_001),
            },
        )
        for number in range(draw(st.integers(0, 30)))
    ]


@given(some_events(), st.sampled_from([1, 3_000, 10**9]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_order_is_that_of_a_list(events: list[EventBase], held_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "HELD_BYTES", held_bytes)
        patch.setattr(spool, "SORTED_BYTES", 500)
        kept = EventSpool()
        for event in events:
            kept.append(event)
        kept.sort()
        in_order = sorted(events, key=lambda event: (event.occurred_at, event.source, event.id))
        assert [*kept] == in_order
        assert [*kept] == in_order, "read again"
        assert len(kept) == len(events)
        if held_bytes != 3_000:  # which may be enough
            assert kept.are_filed == (held_bytes == 1 and bool(events))
        if events:
            assert (kept[0], kept[-1], kept[:2]) == (in_order[0], in_order[-1], in_order[:2])
        of_lead: defaultdict[LeadKey, list[EventBase]] = defaultdict(list)
        for event in in_order:
            of_lead[event.key].append(event)
        by_lead = [*kept.by_lead()]
        assert dict(by_lead) == of_lead
        assert len(by_lead) == len(of_lead)

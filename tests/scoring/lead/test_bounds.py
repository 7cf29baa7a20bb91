"""What one lead may hold is bounded, whatever its sources send, and a record of `leads.state` holds
it."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from schemas.events import (
    MAX_PROFILE_FIELDS,
    EventBase,
    InteractionLogged,
    LeadUpserted,
    TranscriptReady,
)
from schemas.outputs import LeadSnapshot
from schemas.topics import MIB, STATE
from scoring.lead.fold import evolve, fold
from scoring.lead.join import left_out
from scoring.lead.state import BOUNDS
from scoring.lead.state_bytes import to_bytes, to_text
from tests.scoring.histories import START, event, segment


def test_two_events_of_forty_fields_keep_all_eighty() -> None:
    halves = [
        event(
            LeadUpserted,
            id=str(half),
            profile={f"Column {half * 40 + n}": float(n) for n in range(40)},
            occurred_at=START + timedelta(days=half),
        )
        for half in range(2)
    ]
    state = fold(halves)
    assert len([name for name, value in state.values().items() if value is not None]) == 80
    assert left_out(state) == ()


def test_a_source_that_invents_names_fills_a_bounded_state() -> None:
    """Also as a record of `leads.state`, with the longest names and texts, and with all that may be
    said in words that nothing compresses."""
    state = fold(_fullest_talk())
    for day in range(6):
        names = [f"{day}-{n}-".ljust(64, "\U0001f699") for n in range(MAX_PROFILE_FIELDS // 2)]
        profile = dict.fromkeys(names, "\U0001f699" * 200)
        at = START + timedelta(days=day)
        state = evolve(state, event(LeadUpserted, id=str(day), profile=profile, occurred_at=at))
    kept = [name for name, value in state.values().items() if value is not None]
    assert len(kept) == BOUNDS.profile
    assert len(left_out(state)) == BOUNDS.names_left_out
    cursor = {"crm.events": 6}
    snapshot = LeadSnapshot(
        tenant="t", lead="l", cursor=cursor, frontier=cursor, state=to_text(to_bytes(state))
    )
    size = len(snapshot.model_dump_json().encode())
    assert MIB < size < STATE.max_message_bytes / 2


def _fullest_talk() -> list[EventBase]:
    """As many calls, messages and notes as a state keeps, each over its cap; a random letter of a
    large script at a time."""
    draw = Random(1)

    def text(n: int) -> str:
        return "".join(chr(draw.randrange(0x4E00, 0x9FA5)) for _ in range(n))

    calls = [
        event(
            TranscriptReady,
            id=f"call-{n}",
            call_id=f"call-{n}",
            started_at=START + timedelta(days=n),
            segments=[segment(text(100)) for _ in range(120)],
        )
        for n in range(BOUNDS.calls)
    ]
    writings = [
        event(
            InteractionLogged,
            id=f"mail-{n}",
            channel="email",
            occurred_at=START + timedelta(days=n),
            text=text(3_000),
            note=text(3_000),
        )
        for n in range(BOUNDS.writings)
    ]
    return [*calls, *writings]

"""An event of which a part was mended gives way to the same event sent whole, in any order."""

from __future__ import annotations

from itertools import permutations

import pytest

from schemas.events import EventBase, InteractionLogged, LeadUpserted, StageChanged, TranscriptReady
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes

BASE = {"id": "e-1", "source": "crm", "tenant": "t", "lead": "l"}
AT = "2026-01-31T09:30:00Z"
LATER = "2026-01-31T09:30:01Z"


def pair(
    model: type[EventBase], mended: dict[str, object], whole: dict[str, object]
) -> list[EventBase]:
    first = model(**BASE, occurred_at=AT, mended=True, **mended)
    return [first, model(**BASE, occurred_at=AT, **whole)]


def spoken(text: str) -> dict[str, object]:
    segment = {"role": "customer", "start_s": 0.0, "end_s": 1.0, "text": text}
    return {"call_id": "c", "started_at": AT, "segments": [segment]}


WORDS = [f"word {n}" for n in range(20)]
PAIRS = [
    *(
        pair(InteractionLogged, {"channel": "other"}, {"channel": "visit", "note": w})
        for w in WORDS
    ),
    *(pair(LeadUpserted, {"profile": {"a": "cut"}}, {"profile": {"a": w}}) for w in WORDS),
    *(pair(StageChanged, {"stage": "Won"}, {"stage": f"won{n}"}) for n in range(20)),
    *(pair(TranscriptReady, spoken("cut"), spoken(w)) for w in WORDS),
]


@pytest.mark.parametrize("events", PAIRS)
def test_whole_event_counts_instead_of_its_mended_twin(events: list[EventBase]) -> None:
    """Twenty contents of each kind: a digest of chance would lose some."""
    mended, whole = events
    for order in permutations(events):
        state = fold(order)
        assert state.newest == fold([whole]).newest
        assert state.values() == fold([whole]).values()
        assert state.facts == fold([whole]).facts
        assert state.talk == fold([whole]).talk
    assert fold([mended]).newest != fold([whole]).newest


def test_a_later_time_counts_more_than_being_whole() -> None:
    whole = InteractionLogged(**BASE, occurred_at=AT, channel="visit")
    mended = InteractionLogged(**BASE, occurred_at=LATER, mended=True, channel="call")
    assert fold([mended, whole]).facts == fold([whole, mended]).facts == fold([mended]).facts


def test_two_mended_contents_of_one_event_give_the_same_bytes_in_any_order() -> None:
    """They share a digest; what they say decides."""
    twins: list[EventBase] = [
        *(
            InteractionLogged(**BASE, occurred_at=AT, mended=True, channel=channel, note=note)
            for channel, note in (("call", "a"), ("visit", None), ("visit", "b"))
        ),
        *(
            LeadUpserted(**BASE, occurred_at=AT, mended=True, profile=profile)
            for profile in ({"a": 1.0}, {"a": "x", "b": 2.0})
        ),
    ]
    assert len({to_bytes(fold(order)) for order in permutations(twins)}) == 1

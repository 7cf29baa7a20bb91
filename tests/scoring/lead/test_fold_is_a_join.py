"""Law 1: a lead's state does not depend on order, duplication or grouping of its events."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import (
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadReopened,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import from_ms, to_ms
from scoring.lead.fold import evolve, fold, initial_state, lift, listing
from scoring.lead.join import join, left_out
from scoring.lead.state import ERASED, Bounds, LeadState
from scoring.lead.state_bytes import from_bytes, to_bytes
from tests.scoring.histories import START, event, histories, segment

SMALL = Bounds(facts=2, calls=2, writings=2, profile=2, names_left_out=1, stages=2)
"""Small enough that many drawn histories overflow them, as a test below holds."""


def folded(events: list[EventBase]) -> bytes:
    return to_bytes(fold(events, SMALL))


def grouped(data: st.DataObject, events: list[EventBase]) -> LeadState:
    """A random tree of joins over `events`, some of its states written and read again."""
    if len(events) <= 1:
        state = fold(events, SMALL)
    else:
        cut = data.draw(st.integers(1, len(events) - 1))
        state = join(grouped(data, events[:cut]), grouped(data, events[cut:]), SMALL)
    return from_bytes(to_bytes(state)) if data.draw(st.booleans()) else state


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.data(), histories(erased=True, min_size=8))
def test_any_order_duplication_and_grouping_gives_the_same_bytes(
    data: st.DataObject, events: list[EventBase]
) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=6)) if events else []
    arrived = data.draw(st.permutations(events + again))
    assert folded(arrived) == folded(events)
    assert to_bytes(grouped(data, arrived)) == folded(events)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(*[histories(min_size=2, max_size=8)] * 3)
def test_join_is_commutative_associative_and_idempotent(
    a: list[EventBase], b: list[EventBase], c: list[EventBase]
) -> None:
    x, y, z = fold(a, SMALL), fold(b, SMALL), fold(c, SMALL)
    assert to_bytes(join(x, y, SMALL)) == to_bytes(join(y, x, SMALL))
    assert to_bytes(join(join(x, y, SMALL), z, SMALL)) == to_bytes(
        join(x, join(y, z, SMALL), SMALL)
    )
    assert join(x, x, SMALL) == x
    assert join(x, initial_state(), SMALL) == x


def test_drawn_histories_overflow_their_bounds() -> None:
    """Or the properties here would hold for a state that evicts nothing."""
    n_overflowing: Counter[str] = Counter()

    @settings(max_examples=800, deadline=None, derandomize=True, database=None)
    @given(histories(erased=True, min_size=8))
    def draw(events: list[EventBase]) -> None:
        kept, whole = fold(events, SMALL), fold(events)
        n_overflowing["facts"] += len(kept.facts) < len(whole.facts)
        n_overflowing["calls"] += len(kept.transcripts) < len(whole.transcripts)
        n_overflowing["writings"] += len(kept.writings) < len(whole.writings)
        n_overflowing["values"] += bool(left_out(kept, SMALL))
        n_overflowing["names"] += len(kept.register_names()) < len(whole.register_names())
        n_overflowing["drawn"] += 1

    draw()
    for what in ("facts", "calls", "writings", "values", "names"):
        assert n_overflowing[what] > n_overflowing["drawn"] / 10, n_overflowing


@settings(deadline=None)
@given(histories(erased=True), histories(erased=True))
def test_bytes_are_canonical(a: list[EventBase], b: list[EventBase]) -> None:
    x, y = fold(a, SMALL), fold(b, SMALL)
    assert from_bytes(to_bytes(x)) == x
    assert (to_bytes(x) == to_bytes(y)) == (x == y)


@settings(deadline=None)
@given(histories(), histories())
def test_an_erased_lead_never_comes_back(before: list[EventBase], after: list[EventBase]) -> None:
    state = fold([*before, event(LeadErased), *after], SMALL)
    assert state is ERASED
    assert from_bytes(to_bytes(state)) == ERASED
    assert listing(state).queue is None


@settings(deadline=None)
@given(histories())
def test_a_state_tells_all_its_values_as_it_tells_each(history: list[EventBase]) -> None:
    state = fold(history)
    assert state.values() == {name: state.value(name) for name in state.register_names()}


@pytest.mark.parametrize("data", [b"", b'{"v":3,"facts":1}', b'{"v":3,"talk":7}'])
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a lead state of format 3"):
        from_bytes(data)


def interaction(minute: int, **fields: object) -> InteractionLogged:
    at = START + timedelta(minutes=minute)
    return event(
        InteractionLogged, **{"id": f"i{minute}", "channel": "web"} | fields, occurred_at=at
    )


def transcript(day: int, revision: int, text: str, **fields: object) -> TranscriptReady:
    at = START + timedelta(days=day)
    return event(
        TranscriptReady,
        **{"id": f"t{day}-{revision}", "call_id": f"c{day}", "occurred_at": at} | fields,
        started_at=at,
        revision=revision,
        segments=[segment(text)],
    )


def test_an_event_older_than_the_memory_is_dropped_whenever_it_arrives() -> None:
    """Seven distinct events, a memory of six, then the oldest again: a duplicate and an event
    that comes late are the same thing, and neither is counted."""
    bounds = Bounds(facts=6, calls=6)
    events = [interaction(minute) for minute in range(7)]
    state = fold(events, bounds)
    assert to_bytes(evolve(state, events[0], bounds)) == to_bytes(state)
    assert to_bytes(fold([*events[1:], events[0]], bounds)) == to_bytes(state)


def test_two_sources_one_time_one_id_have_one_stage_in_any_order() -> None:
    crm = event(StageChanged, id="x", source="crm", stage="visit")
    dms = event(StageChanged, id="x", source="dms", stage="quote")
    assert folded([crm, dms]) == folded([dms, crm])
    assert fold([crm, dms]).value("stage") in ("visit", "quote")


def test_one_source_and_id_with_two_contents_is_one_fact_in_any_order() -> None:
    web, app = interaction(0, channel="web"), interaction(0, channel="app")
    assert folded([web, app]) == folded([app, web])
    assert len(fold([web, app]).facts) == 1


def test_one_source_and_id_with_two_times_is_one_fact_even_when_it_moves_out_of_memory() -> None:
    early, late = interaction(0, id="x"), interaction(9, id="x")
    others = [interaction(minute) for minute in (5, 6)]
    for order in ([early, *others, late], [late, *others, early], [*others, late, early]):
        assert folded(order) == folded([late, *others])


def test_a_calls_crm_part_and_its_transcript_are_evicted_apart() -> None:
    logged = interaction(0, channel="call", call_id="c0")
    spoken = transcript(0, 0, "hello")
    clicks = [interaction(minute) for minute in (1, 2, 3)]
    state = fold([logged, spoken, *clicks], SMALL)
    assert [call.call_id for call in state.transcripts] == ["c0"]
    assert all(fact.channel == "web" for fact in state.facts)
    assert folded([*clicks, spoken, logged]) == to_bytes(state)


def test_a_lower_revision_that_says_a_later_time_neither_wins_nor_saves_its_call() -> None:
    """A transcript's identity decides its eviction, not when one of its revisions occurred."""
    final = transcript(0, 10, "final")
    stale = transcript(0, 9, "partial", occurred_at=START + timedelta(days=9))
    newer = [transcript(day, 0, "later") for day in (1, 2)]
    assert fold([final, stale]).transcripts[0].revision == 10
    assert folded([final, *newer, stale]) == folded([stale, final, *newer])
    assert [c.call_id for c in fold([final, *newer, stale], SMALL).transcripts] == ["c1", "c2"]


def test_a_call_whose_start_was_corrected_is_evicted_as_two_in_any_order() -> None:
    """As one, which of its starts counts would depend on what else was kept at the time."""
    early, other, late = (
        transcript(0, 9, "early"),
        transcript(1, 0, "other"),
        transcript(2, 0, "late"),
    )
    late = late.model_copy(update={"call_id": early.call_id})
    kept = {to_bytes(fold(order, Bounds(calls=1))) for order in permutations((early, other, late))}
    assert len(kept) == 1


def test_a_final_text_beats_interim_ones_of_any_number_in_any_order() -> None:
    interim = transcript(0, 9, "interim", final=False)
    final = transcript(0, 1, "final")
    for order in ([interim, final], [final, interim]):
        assert fold(order).transcripts[0].turns[0].text == "final"
    assert folded([interim, final]) == folded([final, interim, final])
    better = transcript(0, 2, "final, mended")
    assert fold([final, better, interim]).transcripts[0].turns[0].text == "final, mended"


def test_a_revision_replaces_its_own_call_only() -> None:
    state = fold([transcript(0, 0, "draft"), transcript(1, 0, "other"), transcript(0, 1, "better")])
    assert [call.turns[0].text for call in state.transcripts] == ["better", "other"]


def test_a_record_that_changes_nothing_leaves_the_bytes_alone() -> None:
    events = [interaction(0), transcript(0, 1, "hello")]
    state = fold(events)
    for old in (*events, transcript(0, 0, "stale", occurred_at=START - timedelta(days=1))):
        assert to_bytes(evolve(state, old)) == to_bytes(state)


def test_events_may_precede_the_profile() -> None:
    upsert = event(LeadUpserted, profile={"age_band": "forties"}, queue="q1")
    assert folded([interaction(5), upsert]) == folded([upsert, interaction(5)])


def test_a_null_profile_field_means_unknown_again() -> None:
    known = event(LeadUpserted, id="1", profile={"age_band": "forties"})
    unknown = event(
        LeadUpserted, id="2", profile={"age_band": None}, occurred_at=START + timedelta(days=1)
    )
    assert fold([unknown, known]).value("profile.age_band") is None


def test_a_profile_keeps_its_newest_fields_and_every_other_register() -> None:
    old = event(LeadUpserted, id="1", profile={"a": 1.0, "b": 2.0}, queue="q1", consent=True)
    new = event(
        LeadUpserted,
        id="2",
        profile={"c": 3.0, "d": 4.0},
        occurred_at=START + timedelta(days=1),
    )
    state = fold([old, new], SMALL)
    kept = {"queue": "q1", "consent": True, "profile.c": 3.0, "profile.d": 4.0}
    assert state.values() == kept | {"profile.b": None}
    assert left_out(state, SMALL) == ("b",)
    assert folded([new, old, new]) == to_bytes(state)


def test_a_field_that_was_left_out_comes_back_when_it_is_sent_again() -> None:
    days = [
        event(LeadUpserted, id=name, profile={name: 1.0}, occurred_at=START + timedelta(days=day))
        for day, name in enumerate("abcda")
    ]
    again = days[4].model_copy(update={"id": "again"})
    before, after = fold(days[:4], SMALL), fold([*days[:4], again], SMALL)
    assert left_out(before, SMALL) == ("b",)
    assert left_out(after, SMALL) == ("c",)
    assert after.value("profile.a") == 1.0


@pytest.mark.parametrize(
    ("events", "queue", "why"),
    [
        ([], None, "no event"),
        ([event(LeadUpserted)], "default", "listed in queue default"),
        ([event(LeadUpserted, queue="q1", consent=True)], "q1", "listed in queue q1"),
        ([event(LeadUpserted, consent=False)], None, "no consent"),
        ([event(LeadClosed, reason="sold elsewhere")], None, "closed: sold elsewhere"),
        ([event(StageChanged, stage="order")], None, "stage is order"),
        ([event(LeadErased)], None, "erased"),
    ],
)
def test_listing_says_where_or_why_not(
    events: list[EventBase], queue: str | None, why: str
) -> None:
    found = listing(fold(events))
    assert found.queue == queue
    assert why in found.why


def test_a_reopened_lead_is_listed_again() -> None:
    closed = event(LeadClosed, id="1")
    reopened = event(LeadReopened, id="2", occurred_at=START + timedelta(days=1))
    assert listing(fold([reopened, closed])).queue == "default"


@given(st.integers(-(10**13), 10**14))
def test_milliseconds_survive_the_way_to_a_datetime_and_back(time_ms: int) -> None:
    assert to_ms(from_ms(time_ms)) == time_ms


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_rounded_down_to_the_millisecond(time: datetime) -> None:
    assert timedelta(0) <= time - from_ms(to_ms(time)) < timedelta(milliseconds=1)


@settings(deadline=None)
@given(histories())
def test_lifting_an_event_is_folding_it_alone(events: list[EventBase]) -> None:
    for one in events:
        assert lift(one) == fold([one])

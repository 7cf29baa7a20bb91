"""A record that is sent again, corrected, under the same source and id: the later time counts, but
of a call's transcripts (final, revision), in any order of arrival."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import (
    EventBase,
    InteractionLogged,
    LeadUpserted,
    Role,
    Segment,
    StageChanged,
    TranscriptReady,
)
from scoring.lead.fold import fold
from scoring.lead.history import all_said, history_of
from scoring.lead.state_bytes import to_bytes

BASE = {"source": "crm", "tenant": "t", "lead": "l"}
AT = [f"2026-01-31T09:30:00.{n:03}Z" for n in range(4)]


def logged(id_: str, at: str, **data: object) -> InteractionLogged:
    return InteractionLogged(id=id_, occurred_at=at, **{"channel": "visit"} | BASE | data)


@pytest.mark.parametrize("gap", [1, 3])
def test_correction_that_is_a_millisecond_later_counts(gap: int) -> None:
    """Of twenty contents a digest of chance would choose some wrong ones."""
    for n in range(20):
        wrong = logged("1", AT[0], duration_s=1.0, note="wrong")
        right = logged("1", AT[gap], duration_s=float(n), note=f"right {n}")
        for order in permutations([wrong, right, right]):
            history = history_of(fold(order))
            assert [one.note for one in history.writings] == [f"right {n}"]
            assert [fact.duration_s for fact in history.state.facts] == [float(n)]


def test_text_is_taken_back_by_the_same_record_without_it() -> None:
    other = logged("2", AT[1], note="stays")
    before, after = logged("1", AT[0], text="sent to the wrong lead"), logged("1", AT[2])
    bytes_ = set()
    for order in permutations([before, after, other]):
        state = fold(order)
        bytes_.add(to_bytes(state))
        history = history_of(state)
        assert [one.note or one.text for one in history.writings] == ["stays"]
        assert [said.kind for said in all_said(history)] == ["note"]
    assert len(bytes_) == 1
    alone = history_of(fold([before, after]))
    assert alone.talk is None


def test_text_that_came_after_the_record_without_it_is_read() -> None:
    before, after = logged("1", AT[0]), logged("1", AT[2], text="now with its text")
    for order in permutations([before, after]):
        assert [one.text for one in history_of(fold(order)).writings] == ["now with its text"]


def test_at_equal_times_the_content_decides_and_not_who_came_last() -> None:
    for n in range(20):
        twins = logged("1", AT[0], note="one"), logged("1", AT[0], note=f"other {n}")
        assert len({to_bytes(fold(order)) for order in permutations(twins)}) == 1


def test_patch_takes_back_only_what_it_names() -> None:
    """A field that the correction leaves out stays: null takes it back."""
    first = LeadUpserted(id="1", occurred_at=AT[0], profile={"a": 1.0, "b": 2.0}, **BASE)
    second = LeadUpserted(id="1", occurred_at=AT[1], profile={"a": None}, **BASE)
    stages: list[EventBase] = [
        StageChanged(id="3", occurred_at=at, stage=stage, **BASE)
        for at, stage in zip(AT, ("order", "visit"), strict=False)
    ]
    for order in permutations([first, second, *stages]):
        state = fold(order)
        assert (state.value("profile.a"), state.value("profile.b")) == (None, 2.0)
        assert state.value("stage") == "visit"


def heard(version: tuple[bool, int], at: str, id_: str, started_at: str = AT[0]) -> TranscriptReady:
    return TranscriptReady(
        id=id_,
        occurred_at=at,
        call_id="c",
        started_at=started_at,
        language="en",
        final=version[0],
        revision=version[1],
        segments=[Segment(role=Role.AGENT, start_s=0, end_s=1, text=f"{version} at {at}")],
        **BASE,
    )


versions = st.tuples(st.booleans(), st.integers(0, 3))
sent = st.builds(heard, versions, st.sampled_from(AT), st.sampled_from(["1", "2"]))


@given(st.data(), st.lists(sent, min_size=1, max_size=6))
def test_of_a_calls_transcripts_final_and_revision_decide_and_never_the_time(
    data: st.DataObject, events: list[TranscriptReady]
) -> None:
    """Whatever their ids, how often they come, and in which order."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=4))
    state = fold(data.draw(st.permutations(events + again)))
    assert to_bytes(state) == to_bytes(fold(events))
    (kept,) = state.transcripts
    assert (kept.final, kept.revision) == max((each.final, each.revision) for each in events)


def test_a_final_text_is_taken_back_by_a_final_one_of_a_higher_revision_only() -> None:
    first, later = heard((True, 1), AT[0], "1"), heard((True, 1), AT[3], "1")
    interim, right = heard((False, 9), AT[3], "1"), heard((True, 2), AT[0], "1")
    for order in permutations([first, interim, right]):
        assert fold(order).transcripts[0].revision == 2
    assert len({to_bytes(fold(order)) for order in permutations([first, later])}) == 1


def test_a_transcript_of_another_beginning_is_of_another_call() -> None:
    one, other = heard((True, 0), AT[0], "1"), heard((True, 5), AT[1], "1", started_at=AT[1])
    for order in permutations([one, other]):
        assert len(fold(order).transcripts) == 2

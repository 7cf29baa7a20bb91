"""A record that is sent again, corrected, under the same source and id: the later time counts, in
any order of arrival."""

from __future__ import annotations

from itertools import permutations

import pytest

from schemas.events import EventBase, InteractionLogged, LeadUpserted, StageChanged
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

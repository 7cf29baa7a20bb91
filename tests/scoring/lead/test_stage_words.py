"""Stages and channels are words of the business; a stage may say that it ends the funnel."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schemas.events import Ending, InteractionLogged, StageChanged
from schemas.timestamps import to_ms
from scoring.lead.fold import ending_of, fold, listing
from scoring.lead.state import Bounds
from scoring.lead.state_bytes import from_bytes, to_bytes
from tests.scoring.histories import START, event


def stage(day: int, name: str, ends: str | None = None) -> StageChanged:
    at = START + timedelta(days=day)
    return event(StageChanged, id=f"s-{day}", occurred_at=at, stage=name, ends=ends)


@pytest.mark.parametrize(
    ("name", "ends", "ending"),
    [
        ("order", None, Ending.WON),
        ("lost", None, Ending.LOST),
        ("signed", "won", Ending.WON),
        ("churned", "lost", Ending.LOST),
        ("signed", None, None),
        ("order", "lost", Ending.LOST),
        ("Vertrag.unterschrieben", "won", Ending.WON),
    ],
)
def test_a_stage_ends_the_funnel_as_it_says_or_as_its_word_is_known(
    name: str, ends: str | None, ending: Ending | None
) -> None:
    state = fold([stage(0, "new"), stage(1, name, ends)])
    assert ending_of(state) is ending
    assert ending_of(from_bytes(to_bytes(state))) is ending
    assert (listing(state).queue is None) == (ending is not None)


def test_an_ending_does_not_outlive_its_stage() -> None:
    """Whatever order the events come in."""
    won, back = stage(1, "signed", "won"), stage(2, "trial")
    assert ending_of(fold([won, back])) is ending_of(fold([back, won])) is None
    assert listing(fold([won, back])).queue == "default"


def test_a_late_report_of_an_earlier_ending_ends_nothing() -> None:
    trial = stage(2, "trial")
    assert listing(fold([trial, stage(1, "signed", "won")])).queue == "default"


def test_a_word_of_a_business_is_a_contact() -> None:
    held = event(InteractionLogged, channel="demo_held")
    state = fold([held])
    assert state.contact is not None
    assert state.contact.last_ms == to_ms(held.occurred_at)
    assert state.facts[0].channel == "demo_held"


def test_an_event_that_says_no_ending_is_the_bytes_it_was() -> None:
    """`ends` left out is no part of the content that a state's stamps are taken of."""
    (patch,) = fold([stage(0, "order")]).registers
    assert patch.values == {"stage": "order"}


def test_invented_stages_do_not_grow_a_state_without_end() -> None:
    state = fold(stage(n, f"s{n:03}") for n in range(200))
    assert len(state.stages) == Bounds().stages
    assert state.value("stage") == "s199"

"""A profile field that is a number: what counts as one, and how long its words can be."""

from __future__ import annotations

import math

import pytest

from schemas.events import LeadUpserted
from schemas.timestamps import DAY_MS
from scoring.domain.reading import pack
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.declaration import encode, possible_words, words
from scoring.prompt.from_domain import features_of
from scoring.prompt.sources import ProfileNumber
from tests.scoring.histories import START_MS, event

SEATS = next(one for one in features_of(pack("software")) if one.name == "seats")


def _raw(sent: object) -> object:
    state = fold([event(LeadUpserted, id="1", profile={"seats": sent})])
    return SEATS.source.value(history_of(state), START_MS + DAY_MS)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (0, 0.0),
        (12, 12.0),
        (12.5, 12.5),
        (" 12 ", 12.0),
        ("12.50", 12.5),
        (10**12, 999_999_999.0),
        (-1, None),
        (True, None),
        ("12 seats", None),
        ("1,200", None),
        ("nan", None),
        ("٣", None),
        (None, None),
    ],
)
def test_a_number_or_text_that_is_only_a_number_counts(sent: object, read: float | None) -> None:
    assert _raw(sent) == read


def test_it_is_worded_as_itself_and_its_bin_and_is_a_number_in_the_vector() -> None:
    assert words(SEATS, 30.0) == "30 many"
    assert words(SEATS, 2.0) == "few"
    assert encode(SEATS, 30.0) == 30.0
    assert math.isnan(encode(SEATS, None))


def test_the_longest_of_its_words_is_among_those_that_are_possible() -> None:
    assert words(SEATS, _raw(10**12)) in possible_words(SEATS)


def test_time_does_not_change_it() -> None:
    assert list(ProfileNumber("seats").edges(history_of(fold([])))) == []

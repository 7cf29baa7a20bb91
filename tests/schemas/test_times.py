"""A time has one meaning, whichever of its spellings a producer sends."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from schemas.events import TIMESTAMP_PATTERN, Timestamp

read = TypeAdapter[datetime](Timestamp).validate_python
reference = TypeAdapter[datetime](AwareDatetime).validate_python

FIRST = datetime(1970, 1, 2, tzinfo=UTC).replace(tzinfo=None)
LAST = datetime(2999, 12, 30, tzinfo=UTC).replace(tzinfo=None)


@given(st.from_regex(TIMESTAMP_PATTERN[:-1], fullmatch=True))
def test_a_time_is_the_moment_that_pydantic_reads(text: str) -> None:
    try:
        expected = reference(text).astimezone(UTC)
    except ValidationError:  # no such day
        expected = None
    if expected is None or not 1970 <= expected.year <= 2999:
        with pytest.raises(ValidationError):
            read(text)
    else:
        found = read(text)
        assert found == expected
        assert found.tzinfo is UTC


@given(st.datetimes(FIRST, LAST, timezones=st.timezones()))
@example(datetime(2000, 4, 2, 2, 0, tzinfo=ZoneInfo("America/Boise")))
def test_an_aware_datetime_becomes_utc(time: datetime) -> None:
    # Python never holds a time of a clock change equal to one of another zone (PEP 495).
    assert (read(time) - time).total_seconds() == 0
    assert read(time).tzinfo is UTC


@pytest.mark.parametrize("value", [17, "17", "2026-01-31", None, FIRST])
def test_what_names_no_moment_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        read(value)

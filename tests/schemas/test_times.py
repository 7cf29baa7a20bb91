"""A time has one meaning, whichever of its spellings a producer sends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from schemas.events import TIMESTAMP_PATTERN, Timestamp
from schemas.record_check import BadRecord, decode_recorded
from schemas.topics import ASR_TRANSCRIPTS

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


FOREIGN = {
    1_769_851_800: ("seconds since 1970", "fromtimestamp(t, UTC)"),
    "1769851800.25": ("seconds since 1970", "fromtimestamp(t, UTC)"),
    "1769851800000": ("milliseconds since 1970", "new Date(t).toISOString()"),
    1_769_851_800_000_000: ("microseconds since 1970", "t / 1e6"),
    "1769851800000000000": ("nanoseconds since 1970", "t / 1e9"),
    "2026-01-31T09:30:00": ("without a zone", "Z or an offset"),
    "2026-01-31 09:30:00.123": ("without a zone", "Z or an offset"),
    "2026-01-31": ("a day without a time", "2026-01-31T09:30:00Z"),
    "2026-01-31 09:30:00Z": ("not an RFC 3339 time", "a T between"),
    "31.01.2026 SECRET": ("not an RFC 3339 time", "such as 2026-01-31T09:30:00Z"),
    "9" * 400: ("not an RFC 3339 time", "such as"),
    True: ("not a text", "such as"),
    None: ("is missing", "when it happened"),
}


@pytest.mark.parametrize("value", FOREIGN)
@pytest.mark.parametrize("name", ["ce_time (time in structured mode)", "started_at"])
def test_time_in_another_form_says_what_it_looks_like_and_what_to_send(
    value: Any, name: str
) -> None:
    time = {"time": value} if name != "started_at" else {}
    data = {"call_id": "c", "segments": [], "started_at": "2026-01-31T09:30:00Z"}
    body = {
        "specversion": "1.0",
        "id": "1",
        "source": "crm",
        "subject": "t/l",
        "type": "asllr.TranscriptReady.v1",
        "time": "2026-01-31T09:30:00Z",
        "data": data if time else data | {"started_at": value},
    }
    with pytest.raises(BadRecord) as caught:
        decode_recorded(ASR_TRANSCRIPTS.name, 5_000_000_000_000, body | time)
    kind, fix = FOREIGN[value]
    assert caught.value.reason == "invalid"
    assert caught.value.detail.startswith(f"{name} is ")
    assert kind in caught.value.detail
    assert fix in caught.value.fix
    assert "SECRET" not in caught.value.detail + caught.value.fix

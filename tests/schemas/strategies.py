"""Hypothesis strategies of valid events, wide on purpose: every script, every edge of a bound."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

from hypothesis import strategies as st

from schemas.events import (
    Channel,
    Direction,
    Ending,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadReopened,
    LeadUpserted,
    Role,
    Segment,
    Stage,
    StageChanged,
    TranscriptReady,
)
from schemas.field_names import MAX_NAME_CHARS, is_field_name

ids = st.from_regex(r"\A[A-Za-z0-9._:-]{1,128}\Z")
words = st.sampled_from((*Channel, *Stage)) | st.from_regex(r"\A[A-Za-z0-9._:-]{1,64}\Z")
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC) | zones)  # noqa: DTZ001 - hypothesis adds the zone
traceparents = st.from_regex(r"\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")
seconds = st.floats(0, 7 * 86_400) | st.integers(0, 7 * 86_400)


def texts(max_size: int, min_size: int = 0) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
    return st.text(characters, min_size=min_size, max_size=max_size)


field_names = st.one_of(
    st.from_regex(r"\A[a-z][a-z0-9_]{0,63}\Z"),
    texts(MAX_NAME_CHARS, 1).map(str.strip).map(partial(unicodedata.normalize, "NFC")),
).filter(is_field_name)
"""In composed form, so that no two of one profile are the same."""

envelopes = st.fixed_dictionaries(
    {
        "id": texts(200, 1),
        "source": texts(200, 1),
        "tenant": ids,
        "lead": ids,
        "occurred_at": times,
        "traceparent": st.none() | traceparents,
    }
)
segments = st.builds(
    lambda start, length, **rest: Segment(start_s=start, end_s=start + length, **rest),
    start=st.floats(0, 86_400),
    length=st.floats(0, 86_400),
    role=st.sampled_from(Role),
    text=texts(200),
    confidence=st.none() | st.floats(0, 1),
)
payloads: dict[type[EventBase], dict[str, st.SearchStrategy[Any]]] = {
    LeadUpserted: {
        "profile": st.dictionaries(
            field_names,
            st.none()
            | st.booleans()
            | st.floats(-1e12, 1e12)
            | st.integers(-(10**12), 10**12)
            | texts(200),
            max_size=8,
        ),
        "queue": st.none() | ids,
        "consent": st.none() | st.booleans(),
        "owner": st.none() | texts(200),
    },
    InteractionLogged: {
        "channel": words,
        "direction": st.none() | st.sampled_from(Direction),
        "duration_s": st.none() | seconds,
        "note": st.none() | texts(400),
        "call_id": st.none() | ids,
        "codes": st.lists(ids, max_size=8).map(tuple),
    },
    TranscriptReady: {
        "call_id": ids,
        "started_at": times,
        "revision": st.integers(0, 1_000_000),
        "final": st.booleans(),
        "language": st.from_regex(r"\A[A-Za-z0-9-]{1,35}\Z"),
        "segments": st.lists(segments, max_size=4).map(tuple),
        "vendor": st.none() | texts(200),
    },
    StageChanged: {"stage": words, "ends": st.none() | st.sampled_from(Ending)},
    LeadClosed: {"reason": st.none() | texts(200)},
    LeadReopened: {},
    LeadErased: {},
}


def events_of(model: type[EventBase]) -> st.SearchStrategy[EventBase]:
    fields = st.fixed_dictionaries(payloads[model])
    return st.builds(lambda envelope, data: model(**envelope, **data), envelopes, fields)


events: st.SearchStrategy[EventBase] = st.one_of(*map(events_of, payloads))

"""One bad corner never costs a record: the part is mended or left out, the rest is kept as it was
sent, and every change is named with its place. What cannot be placed is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import ENVELOPE, TYPE_PREFIX, TYPE_SUFFIX, Record, encode
from schemas.dead_letter import MENDED, dead_letter, entry, original, warning
from schemas.events import (
    EVENT_TYPES,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from schemas.field_names import field_id
from schemas.mended_values import MAX_NOTES
from schemas.outputs import DeadLetter
from schemas.record_check import BadRecord, Reading, decode_recorded, read_recorded
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS, DEAD_LETTER
from tests.schemas.test_strictness import mutated_payloads

LATE_MS = 5_000_000_000_000
CALL = {"call_id": "c-1", "started_at": "2026-01-31T09:30:00Z"}
SILENT = CALL | {"segments": []}
CONTACT = {"channel": "call"}
GOOD = {"role": "customer", "start_s": 1.0, "end_s": 2.0, "text": "I want a test drive"}


def cloudevent(name: str, data: Any, **attributes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "crm",
        "type": f"{TYPE_PREFIX}{name}{TYPE_SUFFIX}",
        "subject": "north/4711",
        "time": "2026-01-31T09:30:00Z",
        "data": data,
    } | attributes


def topic_for(name: str) -> str:
    return (ASR_TRANSCRIPTS if name == "TranscriptReady" else CRM_EVENTS).name


def read(model: type[EventBase], **data: Any) -> Reading:
    name = model.__name__
    return read_recorded(topic_for(name), LATE_MS, cloudevent(name, data))


def spoken(*segments: Any, **data: Any) -> Reading:
    return read(TranscriptReady, **CALL | data, segments=list(segments))


SEGMENTS = [
    ({"end_s": 0.98}, {"end_s": 1.0}, "end_s"),
    ({"start_s": -0.02}, {"start_s": 0.0}, "start_s"),
    ({"confidence": 1.0000001}, {"confidence": 1.0}, "confidence"),
    ({"confidence": -0.0001}, {"confidence": 0.0}, "confidence"),
    ({"confidence": 87}, {"confidence": None}, "confidence"),
    ({"confidence": "high"}, {"confidence": None}, "confidence"),
    ({"role": "spouse"}, {"role": "unknown"}, "role"),
    ({"role": "Customer "}, {"role": "customer"}, "role"),
    ({"role": "Kunde"}, {"role": "customer"}, "role"),
    ({"role": "client"}, {"role": "customer"}, "role"),
    ({"role": "Agent 1"}, {"role": "agent"}, "role"),
    ({"role": "BERATER"}, {"role": "agent"}, "role"),
    ({"role": "Virtual Agent"}, {"role": "bot"}, "role"),
    ({"role": "agent customer"}, {"role": "unknown"}, "role"),
    ({"role": "agent " * 1_000}, {"role": "unknown"}, "role"),
    ({"role": None}, {"role": "unknown"}, "role"),
    ({"start_s": "1.5"}, {"start_s": 1.5}, "start_s"),
    ({"end_s": 1e300}, {"end_s": 1.0}, "end_s"),
    ({"end_s": None}, {"end_s": 1.0}, "end_s"),
    ({"text": "yes\x00no"}, {"text": "yesno"}, "text"),
    ({"text": 42}, {"text": "42"}, "text"),
]


@pytest.mark.parametrize(("wrong", "right", "place"), SEGMENTS)
def test_segment_with_one_bad_corner_keeps_the_rest(
    wrong: dict[str, Any], right: dict[str, Any], place: str
) -> None:
    event, parts, n = spoken(GOOD, GOOD | wrong, GOOD)
    assert isinstance(event, TranscriptReady)
    before, mended, after = (segment.model_dump(mode="json") for segment in event.segments)
    assert before == after == GOOD | {"confidence": None}
    assert mended == GOOD | {"confidence": None} | right
    assert ([part.path for part in parts], n) == ([f"$.segments[1].{place}"], 1)


@pytest.mark.parametrize("segment", ["hello", None, {}, GOOD | {"text": None}, GOOD | {"text": []}])
def test_segment_without_words_is_left_out_alone(segment: Any) -> None:
    event, parts, _ = spoken(GOOD, segment)
    assert isinstance(event, TranscriptReady)
    assert [one.text for one in event.segments] == [GOOD["text"]]
    assert [part.path for part in parts] == ["$.segments[1]"]


def test_long_call_keeps_both_its_ends() -> None:
    many = [GOOD | {"text": str(i)} for i in range(5_003)]
    event, parts, _ = spoken(*many)
    assert isinstance(event, TranscriptReady)
    kept = [int(one.text) for one in event.segments]
    assert (len(kept), kept[0], kept[2_499], kept[2_500], kept[-1]) == (
        5_000,
        0,
        2_499,
        2_503,
        5_002,
    )
    assert [part.path for part in parts] == ["$.segments"]


FIELDS: list[tuple[type[EventBase], dict[str, Any], dict[str, Any], list[str]]] = [
    (LeadUpserted, {"owner": 7}, {"owner": "7"}, ["$.owner"]),
    (LeadUpserted, {"owner": "x" * 201}, {"owner": "x" * 200}, ["$.owner"]),
    (LeadUpserted, {"consent": "No"}, {"consent": False}, ["$.consent"]),
    (LeadUpserted, {"consent": 1}, {"consent": True}, ["$.consent"]),
    (LeadUpserted, {"consent": "perhaps"}, {"consent": None}, ["$.consent"]),
    (LeadUpserted, {"queue": {}}, {"queue": None}, ["$.queue"]),
    (LeadUpserted, {"queue": 7}, {"queue": "7"}, ["$.queue"]),
    (LeadUpserted, {"profile": None}, {"profile": {}}, ["$.profile"]),
    (
        LeadUpserted,
        {"profile": {"a": "x" * 201, "b": [], "c": {"d": 1}, "e": 1e300, "f": ["x", 2], "g": 1}},
        {"profile": {"a": "x" * 200, "f": "x, 2", "g": 1}},
        [f"$.profile['{name}']" for name in "abcef"],
    ),
    (
        LeadUpserted,
        {"profile": {" Plan ": "a", "Plan": "b", "n" * 65: 1, "\x00": 2}},
        {"profile": {"Plan": "a", "n" * 64: 1}},
        ["$.profile[?]", "$.profile['Plan']", "$.profile[?]", "$.profile[?]"],
    ),
    (InteractionLogged, {}, {"channel": "other"}, ["$.channel"]),
    (InteractionLogged, {"channel": "Test Drive"}, {"channel": "Test_Drive"}, ["$.channel"]),
    (
        InteractionLogged,
        {"channel": "call", "direction": "IN"},
        {"direction": "inbound"},
        ["$.direction"],
    ),
    (
        InteractionLogged,
        {"channel": "call", "direction": "up"},
        {"direction": None},
        ["$.direction"],
    ),
    (
        InteractionLogged,
        {"channel": "call", "duration_s": -1},
        {"duration_s": None},
        ["$.duration_s"],
    ),
    (
        InteractionLogged,
        {"channel": "call", "duration_s": "31.5"},
        {"duration_s": 31.5},
        ["$.duration_s"],
    ),
    (
        InteractionLogged,
        {"channel": "call", "duration_s": 604_801},
        {"duration_s": None},
        ["$.duration_s"],
    ),
    (
        InteractionLogged,
        {"channel": "call", "duration_s": True},
        {"duration_s": None},
        ["$.duration_s"],
    ),
    (
        InteractionLogged,
        {"channel": "call", "codes": ["a", "", "b c", *"defghi"]},
        {"codes": ("a", "b%20c", "d", "e", "f", "g", "h")},
        ["$.codes", "$.codes[1]"],
    ),
    (StageChanged, {"stage": "Closed Won"}, {"stage": "Closed_Won"}, ["$.stage"]),
    (StageChanged, {"stage": "成交"}, {"stage": field_id("成交")}, ["$.stage"]),
    (StageChanged, {"stage": "signed", "ends": "Won"}, {"ends": "won"}, ["$.ends"]),
    (StageChanged, {"stage": "signed", "ends": "sold"}, {"ends": None}, ["$.ends"]),
    (LeadClosed, {"reason": []}, {"reason": None}, ["$.reason"]),
    (
        TranscriptReady,
        SILENT | {"revision": "3"},
        {"revision": 3},
        ["$.revision"] * 1,
    ),
    (
        TranscriptReady,
        SILENT | {"revision": 10**300},
        {"revision": 1_000_000},
        ["$.revision"],
    ),
    (TranscriptReady, SILENT | {"final": "false"}, {"final": False}, ["$.final"]),
    (
        TranscriptReady,
        SILENT | {"language": "de_AT"},
        {"language": "de-AT"},
        ["$.language"],
    ),
    (
        TranscriptReady,
        SILENT | {"language": "?"},
        {"language": "und"},
        ["$.language"],
    ),
    (TranscriptReady, SILENT | {"call_id": 881}, {"call_id": "881"}, ["$.call_id"]),
]


@pytest.mark.parametrize(("model", "data", "right", "places"), FIELDS)
def test_field_that_is_nearly_right_is_mended_or_left_out(
    model: type[EventBase], data: dict[str, Any], right: dict[str, Any], places: list[str]
) -> None:
    event, parts, n = read(model, **data)
    assert {name: getattr(event, name) for name in right} == right
    assert ([part.path for part in parts], n) == (places, len(places))


def test_long_message_keeps_its_beginning_and_its_end() -> None:
    event, _, _ = read(InteractionLogged, channel="email", text=f"first {'x' * 30_000} last")
    assert isinstance(event, InteractionLogged)
    assert event.text is not None
    assert len(event.text) <= 20_000
    assert (event.text[:6], event.text[-5:]) == ("first ", " last")


REFUSED: list[tuple[type[EventBase], dict[str, Any], dict[str, Any]]] = [
    (StageChanged, {}, {}),
    (StageChanged, {"stage": " "}, {}),
    (TranscriptReady, {"segments": [GOOD], "started_at": CALL["started_at"]}, {}),
    (TranscriptReady, {"segments": [GOOD], "call_id": "c"}, {}),
    (TranscriptReady, {"segments": [GOOD], "call_id": "c", "started_at": "yesterday"}, {}),
    (TranscriptReady, CALL | {"segments": [GOOD | {"text": None}]}, {}),
    (TranscriptReady, CALL | {"segments": None}, {}),
    (LeadUpserted, {}, {"time": "2026-01-31"}),
    (LeadUpserted, {}, {"id": ""}),
    (LeadUpserted, {}, {"source": None}),
    (LeadUpserted, {}, {"subject": "4711"}),
    (LeadUpserted, {}, {"subject": "north/a\u202eb"}),
]


@pytest.mark.parametrize(("model", "data", "attributes"), REFUSED)
def test_what_cannot_be_placed_is_refused(
    model: type[EventBase], data: dict[str, Any], attributes: dict[str, Any]
) -> None:
    body = cloudevent(model.__name__, data, **attributes)
    with pytest.raises(BadRecord) as caught:
        decode_recorded(topic_for(model.__name__), LATE_MS, body)
    assert caught.value.reason in ("invalid", "bad-subject")


def test_warnings_of_one_record_are_bounded_and_counted() -> None:
    event, parts, n = spoken(*[GOOD | {"role": "x" * 9_000, "confidence": 2}] * 5_000)
    assert isinstance(event, TranscriptReady)
    assert (len(parts), n) == (MAX_NOTES, 10_000)
    record = Record(ASR_TRANSCRIPTS.name, 3, 17, 1, b"north/4711", b"{}", (("h", b"v"),))
    letter = warning(record, Reading(event, parts, n))
    key, value = entry(letter)
    assert len(key) + len(value) < 4_000 < DEAD_LETTER.max_message_bytes
    assert DeadLetter.model_validate_json(value) == letter
    assert letter.detail.endswith("(+9992 more)")
    assert (letter.reason, letter.value, letter.headers) == (MENDED, None, ())
    with pytest.raises(ValueError, match="nothing to send again"):
        original(letter)


def test_other_letters_have_no_mended_parts() -> None:
    bad = BadRecord("not-json", "expected a value", "send JSON")
    assert dead_letter(Record("crm.events", 0, 0, 1, b"t/l", b"x"), bad).mended == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", EVENT_TYPES)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_payload_is_read_mended_or_refused_and_the_same_again(
    name: str, data: st.DataObject
) -> None:
    payload = data.draw(mutated_payloads(EVENT_TYPES[name]))
    body = cloudevent(name, payload)
    try:
        event, parts, n = read_recorded(topic_for(name), LATE_MS, body)
    except BadRecord as bad:
        assert bad.fix  # noqa: PT017 - all three outcomes are right
        return
    assert read_recorded(topic_for(name), LATE_MS, body) == (event, parts, n)
    assert bool(parts) is bool(n)
    assert event.mended is bool(n)
    _, _, headers = encode(event)
    wire = event.model_dump(mode="json", exclude=set(ENVELOPE))
    again = cloudevent(name, wire, mended="true" if event.mended else None)
    assert read_recorded(topic_for(name), LATE_MS, again) == (event, (), 0)
    assert (b"true" in dict(headers).get("ce_mended", b"")) is event.mended

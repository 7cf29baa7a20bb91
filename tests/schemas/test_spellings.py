"""Libraries spell one record in several ways: those that lose nothing are the same event, and of
those that cannot be read the fix names the library's setting."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import STRUCTURED, Record, encode, encode_structured, structured
from schemas.events import EventBase, LeadClosed, StageChanged
from schemas.partitioner import partition_for
from schemas.record_check import BadRecord, decode, decode_recorded
from schemas.record_check import read as read_record
from schemas.topics import CRM_EVENTS
from scoring.lead.fold import fold
from tests.schemas.strategies import texts

N_PARTITIONS = 8
LATE_MS = 5_000_000_000_000
VISIT = StageChanged(
    id="e-1",
    source="crm/europe",
    tenant="north",
    lead="4711",
    occurred_at="2026-01-31T09:30:00Z",
    stage="visit",
)
KEY, VALUE, HEADERS = encode(VISIT)

Headers = list[tuple[str, bytes]]


def read(value: bytes, headers: Headers, key: bytes = KEY) -> EventBase:
    partition = partition_for(key, N_PARTITIONS)
    record = Record(CRM_EVENTS.name, partition, 0, LATE_MS, key, value, tuple(headers))
    return decode(record, n_partitions=N_PARTITIONS)


def in_quotes(headers: Headers) -> Headers:
    return [(name, json.dumps(content.decode()).encode()) for name, content in headers]


def named(change: Callable[[str], str]) -> Headers:
    return [(change(name), content) for name, content in HEADERS]


def structured_as(**attributes: object) -> bytes:
    body = structured(VISIT)
    del body["data"]
    return json.dumps(body | attributes).encode()


PACKED = b64encode(VALUE).decode()
SPELLINGS: dict[str, tuple[bytes, Headers]] = {
    "headers in JSON quotes": (VALUE, in_quotes(HEADERS)),
    "headers as HTTP names them": (VALUE, named(lambda name: name.replace("ce_", "ce-"))),
    "headers as AMQP names them": (VALUE, named(lambda name: name.replace("ce_", "cloudEvents:"))),
    "header names in capitals and quotes": (VALUE, named(lambda name: f'"{name.upper()}"')),
    "JSON in a string": (json.dumps(VALUE.decode()).encode(), HEADERS),
    "data_base64": (structured_as(data_base64=PACKED), [("content-type", STRUCTURED.encode())]),
    "data_base64 in lines": (
        structured_as(data_base64=f"{PACKED[:9]}\n{PACKED[9:]}\n", data=None),
        [("content-type", STRUCTURED.encode())],
    ),
    "data as a string": (structured_as(data=VALUE.decode()), in_quotes([("content-type", b"x")])),
    "content type lost": (encode_structured(VISIT)[1], []),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_spelling_is_the_same_event_and_counts_once(spelling: str) -> None:
    event = read(*SPELLINGS[spelling])
    assert event == VISIT
    assert fold([event, VISIT]) == fold([VISIT])


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
def test_one_attribute_alone_may_be_in_quotes(name: str) -> None:
    headers = [in_quotes([one])[0] if one[0] == f"ce_{name}" else one for one in HEADERS]
    assert read(VALUE, headers) == VISIT


@pytest.mark.slow
@given(source=texts(60, 1))
def test_any_source_is_the_same_in_quotes_and_raw(source: str) -> None:
    event = VISIT.model_copy(update={"source": source})
    key, value, headers = encode(event)
    raw = read(value, headers, key)
    assert read(value, in_quotes(headers), key) == event
    if not (source.startswith('"') and source.endswith('"')):
        assert raw == event


def test_quotes_that_hold_no_json_string_belong_to_the_source() -> None:
    headers = [(n, b'"a"b"' if n == "ce_source" else v) for n, v in HEADERS]
    assert read(VALUE, headers).source == '"a"b"'


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time"])
def test_attribute_of_structured_mode_may_be_in_quotes_too(name: str) -> None:
    quoted = structured(VISIT) | {name: json.dumps(structured(VISIT)[name])}
    assert read(json.dumps(quoted).encode(), [("content-type", STRUCTURED.encode())]) == VISIT


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time"])
def test_two_headers_of_one_name_that_differ_are_refused_and_equal_ones_are_one(name: str) -> None:
    header = f"ce_{name}"
    content = dict(HEADERS)[header]
    for same in (content, json.dumps(content.decode()).encode(), None):
        assert read(VALUE, [*HEADERS, (header.upper(), same)]) == VISIT
    for headers in ([*HEADERS, (header, b"other")], [(header, b"other"), *HEADERS]):
        with pytest.raises(BadRecord, match=f"two headers {header} that differ") as caught:
            read(VALUE, headers)
        assert "send each ce_ header once" in caught.value.fix


def test_recorded_event_may_hold_its_data_in_base64() -> None:
    body = json.loads(structured_as(data_base64=PACKED))
    assert decode_recorded(CRM_EVENTS.name, LATE_MS, body) == VISIT


REFUSED = {
    "data and data_base64": (
        structured_as(data_base64=PACKED, data={"stage": "visit"}),
        "not-a-cloudevent",
        "send one of them",
    ),
    "no base64": (structured_as(data_base64="{}"), "not-a-cloudevent", "RFC 4648"),
    "a number as base64": (structured_as(data_base64=7), "not-a-cloudevent", "RFC 4648"),
    "base64 of no JSON": (structured_as(data_base64="AAAA"), "not-json", "UTF-8 JSON"),
    "framed by Confluent": (
        b"\x00\x00\x00\x00\x07" + VALUE,
        "not-json",
        "HeaderSchemaIdSerializer",
    ),
    "framed by Apicurio": (b"\x00" + bytes(7) + b"\x07" + VALUE, "not-json", "StringSerializer"),
    "framed Avro": (b"\x00\x00\x00\x00\x07\x0avisit", "not-json", "StringSerializer"),
    "byte order mark": (b"\xef\xbb\xbf" + VALUE, "not-json", "UTF8Encoding(false)"),
    "UTF-16 with its mark": (VALUE.decode().encode("utf-16"), "not-json", "encode as UTF-8"),
    "UTF-16 without": (VALUE.decode().encode("utf-16-be"), "not-json", "encode as UTF-8"),
    "gzip": (gzip.compress(VALUE), "not-json", "compression.type=gzip"),
    "a Java object": (b"\xac\xed\x00\x05t\x00\x02{}", "not-json", "JsonSerializer"),
    "a word for an object": (b"[object Object]", "not-json", "JSON.stringify"),
    "a Python dict": (b"{'stage': 'visit'}", "not-json", "json.dumps"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_names_the_producers_setting(case: str) -> None:
    value, reason, fix = REFUSED[case]
    headers = [("content-type", STRUCTURED.encode())] if b"specversion" in value else HEADERS
    with pytest.raises(BadRecord) as caught:
        read(value, headers)
    assert caught.value.reason == reason
    assert fix in caught.value.fix
    assert "visit" not in caught.value.detail


@pytest.mark.parametrize("content_type", ["application/cloudevents-batch+json", STRUCTURED, "x"])
def test_batch_of_events_is_refused_with_what_to_send(content_type: str) -> None:
    batch = b"[" + encode_structured(VISIT)[1] + b"]"
    with pytest.raises(BadRecord, match="a batch of CloudEvents") as caught:
        read(batch, [("content-type", content_type.encode())])
    assert "one event a record" in caught.value.fix


ROW = {"before": None, "after": {"id": 1, "note": "visit"}, "op": "c"}


@pytest.mark.parametrize(
    "body", [ROW, {"schema": {}, "payload": ROW}, {"schema": None, "payload": ROW["after"]}]
)
@pytest.mark.parametrize("content_type", [STRUCTURED, "application/json"])
def test_change_of_a_row_names_the_transform(body: object, content_type: str) -> None:
    with pytest.raises(BadRecord, match=r"^not-a-cloudevent: .*Debezium") as caught:
        read(json.dumps(body).encode(), [("content-type", content_type.encode())])
    assert "ExtractNewRecordState" in caught.value.fix


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        (b'"north/4711"', "JSON.stringify"),
        (b"\x00\x00\x00\x00\x01north/4711", "without a registry"),
        (b"", "key every record by its ce_subject"),
    ],
)
def test_key_that_a_serializer_wrapped_names_the_serializer(key: bytes, fix: str) -> None:
    with pytest.raises(BadRecord, match=r"^wrong-key") as caught:
        read(VALUE, HEADERS, key)
    assert fix in caught.value.fix


def test_other_hash_names_the_setting_of_each_client() -> None:
    partition = (partition_for(KEY, N_PARTITIONS) + 1) % N_PARTITIONS
    record = Record(CRM_EVENTS.name, partition, 0, LATE_MS, KEY, VALUE, tuple(HEADERS))
    with pytest.raises(BadRecord, match=r"^wrong-partition") as caught:
        decode(record, n_partitions=N_PARTITIONS)
    assert "sarama.NewMurmur2Partitioner" in caught.value.fix


LEFT_OUT = {
    b"NaN": (None, "$.reason"),
    b"-Infinity": (None, "$.reason"),
    b"9" * 5_000: (None, "$.reason"),
    rb'"no \ud83d"': ("no \ufffd", "$.reason"),
    rb'"\\ud83d \ud83d\ude00", "x": [{"\udfff": NaN}]': ("\\ud83d \U0001f600", "$.x[0].?"),
}


@pytest.mark.parametrize("written", LEFT_OUT, ids=range(len(LEFT_OUT)))
@pytest.mark.parametrize("mode", ["binary", "structured", "in a string", "in base64"])
def test_what_json_has_not_costs_its_part_and_not_the_record(written: bytes, mode: str) -> None:
    event = LeadClosed(
        **VISIT.model_dump(include={"id", "source", "tenant", "lead", "occurred_at"})
    )
    payload = b'{"reason": ' + written + b"}"
    key, _, headers = encode(event)
    body = {name: content for name, content in structured(event).items() if name != "data"}
    open_body = json.dumps(body).encode()[:-1]
    value = {
        "binary": payload,
        "structured": open_body + b', "data": ' + payload + b"}",
        "in a string": json.dumps(payload.decode()).encode(),
        "in base64": json.dumps(body | {"data_base64": b64encode(payload).decode()}).encode(),
    }[mode]
    partition = partition_for(key, N_PARTITIONS)
    sent = [] if b"specversion" in value else headers
    record = Record(CRM_EVENTS.name, partition, 0, LATE_MS, key, value, tuple(sent))
    reading = read_record(record, n_partitions=N_PARTITIONS)
    right, place = LEFT_OUT[written]
    assert reading.event == event.model_copy(update={"reason": right, "mended": True})
    assert place in [part.path for part in reading.mended]
    assert encode(reading.event)


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "time", "specversion"])
def test_half_a_character_in_an_attribute_is_refused(name: str) -> None:
    body = structured(VISIT) | {name: str(structured(VISIT)[name]) + "\ud800"}
    with pytest.raises(BadRecord, match=r"missing|subject"):
        read(json.dumps(body).encode(), [])


def test_what_is_nearly_json_is_not_nested_deeper_than_json() -> None:
    for n in (201, 100_000):
        with pytest.raises(BadRecord, match=r"^not-json: .*(200 deep|recursion)") as caught:
            read(b'{"a": NaN, "stage": "visit", "x": ' + b"[" * n + b"]" * n + b"}", HEADERS)
        assert "allow_nan=False" in caught.value.fix


@pytest.mark.slow
@given(st.binary(max_size=40))
def test_any_value_is_an_event_or_refused_with_a_fix(value: bytes) -> None:
    try:
        read(value, HEADERS)
    except BadRecord as bad:
        assert bad.fix  # noqa: PT017 - both outcomes are right

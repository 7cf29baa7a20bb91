"""Any name is an id through one escape: the same for every spelling, and back again."""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.codec import Record, encode
from schemas.events import InteractionLogged, LeadUpserted
from schemas.ids import ID_PATTERN, LeadKey, id_of, lead_of, name_of, record_key
from schemas.partitioner import partition_for
from schemas.record_check import BadRecord, decode
from schemas.topics import CRM_EVENTS
from streams.importers.tables.ids import id_text
from tests.schemas.strategies import ids, texts

N_PARTITIONS = 8
LATE_MS = 5_000_000_000_000

NAMES = {
    "4711": "4711",
    "crm:2311": "crm:2311",
    "jane@example.com": "jane%40example.com",
    "{8f14e45f-ceea-467f-9b5a-1a2b3c4d5e6f}": "%7B8f14e45f-ceea-467f-9b5a-1a2b3c4d5e6f%7D",
    "Jörg Müller": "J%C3%B6rg%20M%C3%BCller",
    "李雷": "%E6%9D%8E%E9%9B%B7",
    "a~b": "a%7Eb",
    "100%": "100%25",
}


@pytest.mark.parametrize("name", NAMES)
def test_name_becomes_its_id_and_comes_back(name: str) -> None:
    assert id_of(name) == NAMES[name]
    assert name_of(NAMES[name]) == name


def test_spellings_of_one_name_are_one_id() -> None:
    spellings = ("Jörg", "Jo\u0308rg", "J%C3%B6rg", "J%c3%b6rg", "%4a%C3%B6rg", " Jörg ")
    assert {id_of(name) for name in spellings} == {"J%C3%B6rg"}


UNSEEN = ("\u00ad", "\u200b", "\u200d", "\u200f", "\u2060", "\u2064", "\ufeff")
BLANKS = ("\u00a0", "\u2003", "\u202f", "\u3000")


@pytest.mark.parametrize("mark", UNSEEN)
def test_marks_that_nobody_sees_are_nothing(mark: str) -> None:
    for name in (f"47{mark}11", f"{mark}4711{mark}", f"47{quote(mark)}11"):
        assert id_of(name) == "4711"
    assert id_of(f"Jo{mark}\u0308rg") == "J%C3%B6rg"
    with pytest.raises(ValueError, match="empty"):
        id_of(mark)


@pytest.mark.parametrize("blank", BLANKS)
def test_every_blank_is_one(blank: str) -> None:
    assert id_of(f"J{blank}M") == id_of(f"{blank}J M{blank}") == "J%20M"


@pytest.mark.parametrize("name", ["47\u200b11", "J\u00a0M", "\ufeff\u3000Jo\u0308rg\u00ad"])
def test_id_of_a_subject_with_such_marks_is_the_same_as_that_of_an_export(name: str) -> None:
    assert id_of(id_of(name)) == id_of(name) == id_of(id_text(name))
    key = record_key(f"north/{id_of(name)}")
    assert lead_of(key) == f"north/{id_of(name)}"
    event = decode(_record(f"north/{name}", key), n_partitions=N_PARTITIONS)
    assert event.key == LeadKey("north", id_of(name))


@pytest.mark.parametrize("name", ["47\u200b11", "J\u00a0M"])
def test_key_with_such_marks_is_refused_and_they_are_named(name: str) -> None:
    with pytest.raises(BadRecord, match=r"^wrong-key: .*width 0") as caught:
        decode(_record(f"north/{name}", f"north/{name}".encode()), n_partitions=N_PARTITIONS)
    assert "U+200B" in caught.value.fix


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "a\u202eb", "x" * 129, "ö" * 65, "%00", "x" * 999]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        id_of(name)


@pytest.mark.slow
@given(texts(40) | st.text(max_size=40) | ids)
@example("%2525")
@example("%25%32%46")
@example("a%2Fb")
@example("%E2%80%8B%25%C2%A0a")
@example("a\u00ad%\u200b41\u0308")
def test_every_id_is_its_own_and_has_one_key(name: str) -> None:
    try:
        id_ = id_of(name)
    except ValueError:
        return
    assert re.fullmatch(ID_PATTERN, id_)
    assert id_of(id_) == id_
    if "%" not in name_of(id_):
        assert id_of(name_of(id_)) == id_
    key = record_key(f"north/{id_}")
    assert lead_of(key) == f"north/{id_}"
    assert key.count(b"/") == 1


@pytest.mark.slow
@given(ids)
def test_what_was_an_id_before_is_the_same_id_and_the_same_key(plain: str) -> None:
    assert id_of(plain) == name_of(plain) == plain
    assert record_key(f"t/{plain}") == f"t/{plain}".encode()


def _record(subject: str, key: bytes, value: bytes = b'{"channel": "visit"}') -> Record:
    event = InteractionLogged(
        id="1",
        source="crm",
        tenant="t",
        lead="l",
        occurred_at="2026-01-31T09:30:00Z",
        channel="visit",
    )
    _, _, headers = encode(event)
    headers = [(n, subject.encode() if n == "ce_subject" else v) for n, v in headers]
    partition = partition_for(key, N_PARTITIONS)
    return Record(CRM_EVENTS.name, partition, 0, LATE_MS, key, value, tuple(headers))


@pytest.mark.parametrize("name", NAMES)
def test_crm_keys_a_record_by_the_name_it_has(name: str) -> None:
    """And may write the subject either way: both are the same lead on the same partition."""
    id_ = id_of(name)
    key = record_key(f"north/{id_}")
    for subject in (f"north/{id_}", key.decode()):
        event = decode(_record(subject, key), n_partitions=N_PARTITIONS)
        assert event.key == LeadKey("north", id_)
        assert encode(event)[0] == key


@pytest.mark.parametrize(
    "key", [b"north/jane%40example.com", unicodedata.normalize("NFD", "north/Jörg").encode()]
)
def test_key_in_another_spelling_is_refused_with_how_to_write_it(key: bytes) -> None:
    """It would put one lead on two partitions."""
    with pytest.raises(BadRecord, match=r"^wrong-key") as caught:
        decode(_record(key.decode(), key), n_partitions=N_PARTITIONS)
    assert "not percent-encoded" in caught.value.fix


@pytest.mark.parametrize(
    ("value", "field", "right"),
    [
        (b'{"channel": "call", "call_id": "call 1"}', "call_id", "call%201"),
        (b'{"channel": "call", "codes": ["r\\u00fcckruf", "b"]}', "codes", ("r%C3%BCckruf", "b")),
    ],
)
def test_ids_of_a_payload_may_be_names_too(value: bytes, field: str, right: Any) -> None:
    event = decode(_record("t/l", b"t/l", value), n_partitions=N_PARTITIONS)
    assert (getattr(event, field), event.mended) == (right, False)


def test_escaped_ids_are_ids_of_an_event_that_is_made_here() -> None:
    event = LeadUpserted(
        id="1",
        source="crm",
        tenant="t",
        lead="jane%40example.com",
        occurred_at="2026-01-31T09:30:00Z",
    )
    assert encode(event)[0] == b"t/jane@example.com"

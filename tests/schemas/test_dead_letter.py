"""A dead letter keeps the record as it came, within bounds, and can send it again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Record
from schemas.dead_letter import MAX_VALUE_BYTES, dead_letter, entry, original
from schemas.outputs import DeadLetter
from schemas.record_check import BadRecord
from schemas.topics import DEAD_LETTER

BAD = BadRecord("not-json", "expected value at line 1 column 1", "send JSON")

records = st.builds(
    Record,
    topic=st.just("crm.events"),
    partition=st.integers(0, 11),
    offset=st.integers(0, 2**62),
    timestamp_ms=st.integers(-1, 2**42),
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=200),
    headers=st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=20))).map(
        tuple
    ),
)


@pytest.mark.slow
@given(records)
def test_original_record_comes_back_byte_for_byte(record: Record) -> None:
    key, value = entry(dead_letter(record, BAD))
    assert original(DeadLetter.model_validate_json(value)) == record
    key.decode("ascii")


def test_letter_of_an_enormous_record_fits_its_topic_and_says_it_was_cut() -> None:
    headers = [("\x00" * 500, b"\xff" * 9_000)] * 500
    record = Record("crm.events", 3, 17, 1, b"k" * 99_999, b"\xff" * 9_000_000, headers)
    key, value = entry(dead_letter(record, BAD))
    letter = DeadLetter.model_validate_json(value)
    assert len(key) + len(value) < DEAD_LETTER.max_message_bytes * 0.9
    assert letter.truncated
    assert letter.value_bytes == 9_000_000
    with pytest.raises(ValueError, match="only the first bytes of 9000000"):
        original(letter)


@pytest.mark.parametrize(
    ("n_bytes", "is_cut"), [(MAX_VALUE_BYTES, False), (MAX_VALUE_BYTES + 1, True)]
)
def test_value_is_cut_only_past_the_limit(n_bytes: int, is_cut: bool) -> None:
    record = Record("crm.events", 0, 0, 1, b"t/l", b"x" * n_bytes)
    assert dead_letter(record, BAD).truncated is is_cut


@pytest.mark.parametrize(
    ("key", "expected"),
    [(b"acme/lead-1", b"acme/lead-1"), (b"\xff", b"crm.events:3:17"), (None, b"crm.events:3:17")],
)
def test_letter_is_keyed_by_its_origin(key: bytes | None, expected: bytes) -> None:
    assert entry(dead_letter(Record("crm.events", 3, 17, 1, key, b"x"), BAD))[0] == expected

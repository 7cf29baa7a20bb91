"""Names of profile fields as people write them, and the identifiers made of them."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.codec import payload_json
from schemas.events import LeadUpserted
from schemas.field_names import field_id, is_field_name
from tests.schemas.strategies import field_names

ENVELOPE = {
    "id": "1",
    "source": "crm",
    "tenant": "t",
    "lead": "l",
    "occurred_at": "2026-01-31T09:30:00Z",
}


def upserted(*names: str) -> LeadUpserted:
    return LeadUpserted(**ENVELOPE, profile=dict.fromkeys(names, 1.0))


@pytest.mark.parametrize("name", ["Lead Source", "größe", "2nd visit", "預算", "m² (net)", "🚙"])
def test_a_name_is_kept_as_it_was_written(name: str) -> None:
    assert list(upserted(name).profile) == [name]


@given(field_names)
def test_any_name_that_is_one_is_accepted_and_stays(name: str) -> None:
    assert list(upserted(name).profile) == [name]


def test_two_spellings_in_unicode_are_one_field_with_one_digest() -> None:
    composed, decomposed = upserted("größe"), upserted(unicodedata.normalize("NFD", "größe"))
    assert composed == decomposed
    assert payload_json(composed) == payload_json(decomposed)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("größe", "gro\u0308ße"), "two fields have one name in Unicode's composed form"),
        (("\u0958" * 64,), "has 128 characters in Unicode's composed form .NFC., at most 64"),
    ],
)
def test_what_composing_breaks_is_refused(names: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        upserted(*names)


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "\xa0a", "a\tb", "a\u2028b", "a\u202eb"])
def test_a_name_that_cannot_be_seen_whole_is_refused(name: str) -> None:
    assert not is_field_name(name)
    with pytest.raises(ValidationError):
        upserted(name)


@given(field_names)
@example("Lead Source")
@example("x_0123abcd")
def test_an_id_is_an_identifier_that_only_its_name_has(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", field_id(name))
    assert field_id(unicodedata.normalize("NFD", name)) == field_id(name)


@given(st.lists(field_names, unique=True, max_size=20))
def test_names_that_differ_have_ids_that_differ(names: list[str]) -> None:
    assert len(set(map(field_id, names))) == len(names)


def test_a_name_that_looks_like_an_id_does_not_take_it() -> None:
    written = "Lead Source"
    assert field_id(field_id(written)) != field_id(written)


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("Lead Source", "lead_source"),
        ("größe", "grosse"),
        ("2nd visit", "field_2nd_visit"),
        ("預算", "field"),
        ("A" * 64, "a" * 55),
    ],
)
def test_an_id_can_be_read(name: str, readable: str) -> None:
    assert field_id(name).rpartition("_")[0] == readable


@pytest.mark.parametrize("name", ["age_band", "a", "x" * 64])
def test_a_name_that_is_an_identifier_is_its_own(name: str) -> None:
    assert field_id(name) == name

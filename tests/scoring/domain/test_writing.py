"""A domain that was written reads as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.field_names import is_field_name
from scoring.domain.model import Domain
from scoring.domain.reading import DomainError, domain_digest, pack, pack_names, parse_domain
from scoring.domain.writing import domain_toml

LINES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda text: text.isprintable() and text.strip() and not set(text) & set("<>|#{}")
)
FIELDS = LINES.map(str.strip).filter(is_field_name)
WORDS = st.from_regex(r"[A-Za-z0-9._:-]{1,20}", fullmatch=True)


def read_again(domain: Domain) -> Domain:
    return parse_domain(domain_toml(domain).encode(), "domain.toml")


@pytest.mark.parametrize("name", pack_names())
def test_every_pack_reads_as_it_was(name: str) -> None:
    assert read_again(pack(name)) == pack(name)
    assert domain_digest(read_again(pack(name))) == domain_digest(pack(name))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_a_domain_says_reads_as_it_was(data: st.DataObject) -> None:
    channels = data.draw(st.lists(WORDS, min_size=1, max_size=12, unique=True))
    values = data.draw(
        st.lists(LINES.map(str.lower).map(str.strip).filter(bool), min_size=1, max_size=9).map(
            lambda texts: list(dict.fromkeys(text.lower() for text in texts))
        )
    )
    said: dict[str, Any] = pack("generic").model_dump(mode="json") | {
        "instruction": data.draw(LINES),
        "question": data.draw(LINES),
        "channels": [{"name": name, "kind": "contact"} for name in channels],
        "features": [
            {
                "name": "counted",
                "section": "behaviour",
                "meaning": data.draw(LINES),
                "kind": "number",
                "wording": data.draw(LINES),
                "source": {"of": "count", "channels": channels, "window_days": 7},
                "bins": [[0, data.draw(LINES)], [3, data.draw(LINES)]],
            },
            {
                "name": "field",
                "section": "profile",
                "meaning": data.draw(LINES),
                "kind": "category",
                "wording": data.draw(LINES),
                "source": {"of": "profile", "field": data.draw(FIELDS)},
                "values": [values[0], *([value, data.draw(LINES)] for value in values[1:])],
            },
        ],
    }
    domain = Domain.model_validate(said)
    assert read_again(domain) == domain


def test_more_dots_than_a_line_may_have_are_written_so_that_they_are_read() -> None:
    said = pack("generic").model_dump(mode="json") | {"instruction": "a" + "." * 150}
    domain = Domain.model_validate(said)
    assert read_again(domain) == domain


def test_a_domain_that_is_too_large_for_a_file_is_refused() -> None:
    phrases = [f"{n:05d}{'x' * 54}" for n in range(2_000)]
    topics = [{"name": f"topic {n}", "phrases": {"en": phrases}} for n in range(5)]
    said = pack("generic").model_dump(mode="json") | {"topics": topics}
    with pytest.raises(DomainError, match=r"domain generic takes .* bytes as a file, at most "):
        domain_toml(Domain.model_validate(said))

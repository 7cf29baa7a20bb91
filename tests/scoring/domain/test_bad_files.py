"""Whatever a file holds, it is a domain or refused with one sentence; none makes asllr hang."""

from __future__ import annotations

import copy
import random
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scoring.domain.mistakes import sentence_of
from scoring.domain.model import Domain
from scoring.domain.reading import (
    MAX_BYTES,
    PACKS,
    DomainError,
    pack_names,
    parse_domain,
    read_domain,
)

AUTO = (PACKS / "auto.toml").read_text(encoding="utf-8")

FILES: dict[str, tuple[bytes, str]] = {
    "cut short": (AUTO.encode()[:5_000], "x.toml is not TOML: "),
    "not UTF-8": (
        b'name = "stra\xdfe"',
        "x.toml is not UTF-8 text at byte 13; save it as UTF-8",
    ),
    "too large": (
        b"#" * (MAX_BYTES + 1),
        "x.toml has more than 262,144 bytes, the most of a domain; shorten it, or name the right "
        "file",
    ),
    "nested deeply": (
        b"a = " + b"[" * 50_000,
        "x.toml is nested too deeply for a domain; flatten it",
    ),
    "a key of many parts": (
        b".".join([b"a"] * 100_000) + b" = 1",
        "x.toml has more than 10 dots in line 1; break the line in two, or mend the key that has "
        "them",
    ),
    "a number of many digits": (
        b"horizon_days = " + b"9" * 5_000,
        "x.toml holds a number of thousands of digits; shorten it",
    ),
    "empty": (b"", "x.toml: the domain has no name; add name = "),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_holds_no_domain_is_named_with_what_is_wrong(case: str) -> None:
    content, sentence = FILES[case]
    with pytest.raises(DomainError) as refused:
        parse_domain(content, "x.toml")
    assert str(refused.value).startswith(sentence)
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 400


def test_a_file_of_10_mb_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "domain.toml"
    path.write_bytes(b"#" * 10_000_000)
    with pytest.raises(DomainError, match="more than 262,144 bytes"):
        read_domain(path)


def test_a_file_that_is_not_there_is_named_with_the_packs(tmp_path: Path) -> None:
    with pytest.raises(DomainError, match=r"cannot be read: No such file .*auto"):
        read_domain(tmp_path / "domain.toml")


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse_domain(b"\xef\xbb\xbf" + AUTO.encode(), "x") == parse_domain(AUTO.encode(), "x")


PIECES = st.sampled_from(
    [
        *('"', "'", '"""', "'''", "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "\n", "#", "\\"),
        *("0x", "1e9", "-1", "99999999999", "1979-05-27", "true", "inf", "nan", "\\u0000", "\x7f"),
        *("name", "features", "topics", "phrases", "en", "source", "of", "count", "bins", "ages"),
        *("[[features]]\n", "[topics.phrases]\n", "a.a.a.a.a.a", "ä", "\u2028", "\u202e", "*"),
    ]
)


def _loads_or_is_refused(text: str) -> None:
    try:
        parse_domain(text.encode("utf-8", "surrogatepass"), "x.toml")
    except DomainError as error:
        sentence = str(error)
    else:
        sentence = ""
    assert len(sentence.splitlines()) <= 1


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join)))
def test_any_text_loads_or_is_refused(text: str) -> None:
    _loads_or_is_refused(text)


@pytest.mark.slow
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.data())
def test_any_change_of_a_pack_loads_or_is_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(pack_names()))
    text = (PACKS / f"{name}.toml").read_text(encoding="utf-8")
    begin = data.draw(st.integers(0, len(text)))
    end = min(len(text), begin + data.draw(st.integers(0, 60)))
    put = data.draw(st.one_of(PIECES, st.just(""), st.just(text[begin:end] * 2)))
    _loads_or_is_refused(text[:begin] + put + text[end:])


MOST = {
    "values": 'values = ["' + '", "'.join(map(str, range(30_000))) + '"]',
    "keys": "\n".join(f"k{i} = 1" for i in range(25_000)),
    "tables": "\n".join(["[[features]]"] * 20_000),
    "dots": "\n".join(f"x{i}" + ".a" * 10 + " = 1" for i in range(6_000)),
    "hexadecimal": "horizon_days = 0x" + "f" * 260_000,
    "digits after the point": "horizon_days = 1." + "3" * 260_000,
    "quotes": 'name = "' + '\\"' * 130_000 + '"',
    "phrases": "\n".join(
        f'[[topics]]\nname = "t{i}"\nphrases.en = ["'
        + '", "'.join(f"w{j}" for j in range(1_100))
        + '"]'
        for i in range(26)
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", MOST)
def test_the_largest_of_files_does_not_hang(case: str) -> None:
    """Each takes a second or less; work that grew with the square of the length takes an hour."""
    content = MOST[case].encode()[:MAX_BYTES]
    with pytest.raises(DomainError):
        parse_domain(content, "x.toml")


JUNK: list[Any] = [
    *(0, -1, 10**400, 1.5, float("nan"), True, date(2020, 1, 1), "", "x", "X y", "\n", "*", "#"),
    *("[key]", "a" * 5_000, [], [[]], ["x"], [1, "a"], {}, {"name": 5}, {"of": []}, {"": 1}),
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in pairs:
        yield (*path, key)
        if isinstance(below, dict | list):
            yield from _places(below, (*path, key))


@pytest.mark.slow
@pytest.mark.parametrize("name", pack_names())
def test_whatever_stands_where_has_its_sentence(name: str) -> None:
    raw = tomllib.loads((PACKS / f"{name}.toml").read_text(encoding="utf-8"))
    places = list(_places(raw))
    rng = random.Random(5)
    n_refused = 0
    for *path, last in rng.sample(places, 300):
        changed = copy.deepcopy(raw)
        inner: Any = changed
        for key in path:
            inner = inner[key]
        if rng.random() < 0.2:
            del inner[last]
        else:
            inner[last] = rng.choice(JUNK)
        try:
            Domain.model_validate(changed)
        except ValidationError as error:
            n_refused += 1
            sentence = sentence_of(error, changed)
            is_one_line = sentence.isprintable() and len(sentence) < 500
        else:
            is_one_line = True
        assert is_one_line
    assert n_refused > 100

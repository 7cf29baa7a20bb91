"""A domain as TOML, so that it can travel in an artifact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scoring.domain.model import Domain, Part
from scoring.domain.reading import MAX_BYTES, MAX_DOTS, DomainError

WIDTH = 100
TABLES = ("stages", "channels", "features", "topics")


def domain_toml(domain: Domain) -> str:
    """The content of a file that reads as `domain`. Raises DomainError for one that is too large.

    >>> from scoring.domain.reading import pack, parse_domain
    >>> text = domain_toml(pack("software"))
    >>> parse_domain(text.encode(), "domain.toml") == pack("software")
    True
    """
    text = "\n".join(_lines(domain)) + "\n"
    if len(text.encode()) > MAX_BYTES:
        raise DomainError(
            f"domain {domain.name} takes {len(text.encode()):,} bytes as a file, at most "
            f"{MAX_BYTES:,}; keep the phrases that decide a sale"
        )
    return text


def _lines(domain: Domain) -> Iterator[str]:
    yield from head_lines(domain)
    for table in TABLES:
        for part in getattr(domain, table):
            yield ""
            yield from part_lines(table, part)


def head_lines(domain: Domain) -> Iterator[str]:
    """What stands before the tables."""
    said = domain.model_dump(mode="json", exclude_defaults=True, exclude=set(TABLES))
    for key, value in said.items():
        yield from _pair(key, value)


def part_lines(table: str, part: Part) -> Iterator[str]:
    """One stage, channel, feature or topic, by the name of its list."""
    said = part.model_dump(mode="json", exclude_defaults=True)
    yield f"[[{table}]]"
    phrases = said.pop("phrases", None)
    for key, value in said.items():
        yield from _pair(key, value)
    if phrases:
        yield from ("", f"[{table}.phrases]")
        for language, words in phrases.items():
            yield from _pair(language, words)


def _pair(key: str, value: Any) -> Iterator[str]:
    """A long list stands one value a line."""
    line = f"{key} = {_value(value)}"
    if not isinstance(value, list) or len(line) <= WIDTH:
        yield _readable(line)
        return
    yield f"{key} = ["
    yield from (_readable(f"  {_value(each)},") for each in value)
    yield "]"


def _value(value: Any) -> str:
    """Every string of JSON is one of TOML."""
    match value:
        case Mapping():
            return f"{{ {', '.join(f'{key} = {_value(each)}' for key, each in value.items())} }}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _readable(line: str) -> str:
    """Only strings have dots; too many in one line are escaped: see MAX_DOTS."""
    return line if line.count(".") <= MAX_DOTS else line.replace(".", "\\u002e")

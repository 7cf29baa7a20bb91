"""The rows of a JSON export: an object a line, an array of objects, or an object that holds one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.importers.outcomes import ImportFault
from streams.importers.tables.files.csv_lines import MAX_CELL_CHARS, heard, text_lines
from streams.importers.tables.files.opening import ExportText

MAX_ARRAY_CHARS = 300_000_000
"""The longest JSON that is one value: all of it is parsed at once. An object a line has no such
limit."""

ENVELOPES = ("data", "records", "results", "value", "items", "rows", "result", "leads", "contacts",
             "deals", "calls", "outcomes", "entry_list")  # fmt: skip
"""The fields in which programs put the array."""

MAX_DEPTH = 2

MAX_NESTED = 100
"""Objects and arrays in each other, so many at most: a vendor's transcript has a dozen."""

TOO_DEEP = (
    f"JSON with more than {MAX_NESTED} objects or arrays in each other: export an object a row, "
    "its columns as its fields"
)

TALK = ("transcript", "segments", "utterances", "turns", "messages", "words", "results", "phrases")
"""Arrays that are a part of one row."""

INNER = ("properties", "fields", "attributes")
"""The fields of an object in which interfaces put its columns."""


@dataclass(frozen=True, slots=True)
class Unread:
    reason: str


def json_objects(
    path: Path, text: ExportText, advance: Callable[[int], None]
) -> Iterator[tuple[int, dict[str, Any] | Unread]]:
    """Each object with its line, or in an array its number. `advance` hears of characters that are
    read. Raises ImportFault."""
    whole, has_escapes = _one_value(path, text)
    if whole is None:
        for number, line in enumerate(heard(text_lines(text.parts()), advance), start=1):
            if line.strip():
                yield number, _object_of(line)
        return
    rows = _array_in(whole)
    if rows is None:
        raise ImportFault(
            f"{path}: no array of objects in it: export an array with an object a row, or an "
            "object a line"
        )
    for number, row in enumerate(rows, start=1):
        yield number, _checked(row, has_escapes)


def is_json(text: str) -> bool:
    return re.match(r'\s*(\{\s*["}]|\[\s*[\[{"\]\d])', text) is not None


def _one_value(path: Path, text: ExportText) -> tuple[Any, bool]:
    """The whole file as one value, None where it is an object a line; and whether it has escapes of
    characters."""
    start = text.head.lstrip()[:1]
    if start == "{":
        lines = (line for line in text_lines(text.parts()) if line.strip())
        line = next(lines)
        try:
            first = _loaded(line)
        except RecursionError:
            return None, False  # told where the line itself is read
        if first is not None:
            is_all = next(lines, None) is None and _array_in(first) is not None
            return first if is_all else None, "\\u" in line
    elif start != "[":
        return None, False
    if text.n_chars > MAX_ARRAY_CHARS:
        raise ImportFault(
            f"{path}: {text.n_chars:,} characters of one JSON value, at most {MAX_ARRAY_CHARS:,}: "
            "export an object a line"
        )
    content = text.whole()
    try:
        whole = _loaded(content)
    except RecursionError:
        raise ImportFault(f"{path}: {TOO_DEEP}") from None
    if whole is None and start == "[":
        raise ImportFault(f"{path}: not JSON: need an array of objects, or an object a line")
    return whole, "\\u" in content


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, _TwoOfOneName):
        return None


def _array_in(value: Any, depth: int = 0) -> list[Any] | None:
    """The array that is the table: the value itself, in an envelope, or the only one of objects."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return None
    for name in ENVELOPES:
        if (found := _array_in(value.get(name), depth + 1)) is not None:
            return found
    tables = [
        inner
        for name, inner in value.items()
        if name not in TALK and isinstance(inner, list) and inner and isinstance(inner[0], dict)
    ]
    return tables[0] if len(tables) == 1 else None


def _object_of(line: str) -> dict[str, Any] | Unread:
    if len(line) > MAX_CELL_CHARS:
        return Unread(f"longer than {MAX_CELL_CHARS:,} characters")
    try:
        return _checked(json.loads(line, object_pairs_hook=_object), "\\u" in line)
    except _TwoOfOneName:
        return Unread("two fields have one name: rename one")
    except RecursionError:
        return Unread(TOO_DEEP)
    except json.JSONDecodeError:
        return Unread("not JSON: need one object a line")
    except ValueError:
        return Unread("a number of thousands of digits")


def _checked(row: Any, has_escapes: bool) -> dict[str, Any] | Unread:
    if not isinstance(row, dict):
        return Unread("not an object: need one object a line")
    if _is_too_deep(row):
        return Unread(TOO_DEEP)
    if has_escapes:
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return Unread("half a character, such as \\ud83d without \\ude00 after it")
    flat = {name: cell for name, cell in row.items() if name not in INNER}
    for name in INNER:
        inner = row.get(name)
        if isinstance(inner, dict):
            flat = {**inner, **flat}
        elif name in row:
            flat[name] = inner
    return flat


def _is_too_deep(row: dict[str, Any]) -> bool:
    """Whether objects and arrays lie deeper in each other than who reads them bears."""
    level: list[Any] = [row]
    for _ in range(MAX_NESTED):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


class _TwoOfOneName(Exception):
    """Two fields of a JSON object have the same name."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwoOfOneName
    return found

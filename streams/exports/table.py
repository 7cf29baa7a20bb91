"""A CSV or JSON-lines export as rows of columns. What cannot be read is one sentence that names the
file and the line, and quotes no cell.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.importers.outcomes import ImportFault

MAX_FILE_BYTES = 1_000_000_000
"""What is read is held: a table of this size takes a few times as much memory."""
MAX_CELL_CHARS = 1_000_000
JSON_LINES = (".jsonl", ".ndjson")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """`lines`: where each of `rows` begins. A cell that is empty or absent is not in its row."""

    path: Path
    columns: tuple[str, ...]
    rows: list[Row]
    lines: list[int]


def read_table(path: Path) -> Table:
    """By the file's name: .jsonl and .ndjson hold an object a line, all others are CSV with a line
    of column names. Raises ImportFault, OSError."""
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise ImportFault(
            f"{path}: {size:,} bytes, at most {MAX_FILE_BYTES:,}: export a part of it"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFault(
            f"{path}: not UTF-8 at byte {error.start:,}: export it as UTF-8 "
            f"(or `iconv -f WINDOWS-1252 -t UTF-8`)"
        ) from None
    if "\0" in text:
        raise ImportFault(f"{path}: holds NUL characters: export it as UTF-8 text")
    if not text.strip():
        raise ImportFault(f"{path}: empty: export it with its line of column names")
    table = _json_lines(path, text) if path.suffix.lower() in JSON_LINES else _csv(path, text)
    if not table.rows:
        raise ImportFault(f"{path}: has column names and no row")
    return table


def _csv(path: Path, text: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[Row] = []
    lines: list[int] = []
    before = csv.field_size_limit(MAX_CELL_CHARS)
    try:
        columns = _checked(path, [name.strip() for name in next(reader)])
        for start, cells in _numbered(reader):
            if len(cells) > len(columns):
                raise ImportFault(
                    f"{path}: line {start}: {len(cells)} cells for {len(columns)} columns: quote "
                    "cells that hold the separator"
                )
            row = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.strip()}
            if row:
                rows.append(row)
                lines.append(start)
    except csv.Error as error:
        raise ImportFault(
            f"{path}: line {reader.line_num}: not CSV ({error}); a cell holds at most "
            f"{MAX_CELL_CHARS:,} characters and its quotes are doubled"
        ) from None
    finally:
        csv.field_size_limit(before)
    return Table(path, columns, rows, lines)


def _numbered(reader: Any) -> Any:
    start = reader.line_num + 1
    for cells in reader:
        yield start, cells
        start = reader.line_num + 1


def _delimiter(text: str) -> str:
    """The one of four that the line of names holds most often."""
    first = text.lstrip().partition("\n")[0]
    return max(",;\t|", key=first.count)


def _checked(path: Path, names: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            raise ImportFault(f"{path}: column {number} has no name")
        if name in seen:
            raise ImportFault(
                f"{path}: columns {seen[name]} and {number} are both named {name[:80]!r}"
            )
        seen[name] = number
    return tuple(names)


def _json_lines(path: Path, text: str) -> Table:
    rows: list[Row] = []
    lines: list[int] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        if len(line) > MAX_CELL_CHARS:
            raise ImportFault(f"{where}: longer than {MAX_CELL_CHARS:,} characters")
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except _TwoOfOneName:
            raise ImportFault(f"{where}: two fields have one name: rename one") from None
        except (json.JSONDecodeError, RecursionError):
            raise ImportFault(f"{where}: not JSON; need one object a line") from None
        if not isinstance(row, dict):
            raise ImportFault(f"{where}: not an object; need one object a line")
        columns |= dict.fromkeys(row)
        rows.append({name: cell for name, cell in row.items() if cell not in (None, "")})
        lines.append(number)
    return Table(path, tuple(columns), rows, lines)


class _TwoOfOneName(Exception):
    """Of an object's fields."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwoOfOneName
    return found

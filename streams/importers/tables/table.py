"""Reads a CSV or JSON-lines export as rows of columns. What cannot be read is one sentence that
names the file and the line, and quotes no cell."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.importers.outcomes import ImportFault

MAX_FILE_BYTES = 1_000_000_000
"""The largest export. All of it is held in memory, which takes a few times as much."""
MAX_CELL_CHARS = 1_000_000
JSON_LINES = (".jsonl", ".ndjson")
LEGACY = "cp1252"
"""The encoding that Excel writes in western Europe where it does not write UTF-8."""

Row = Mapping[str, Any]


@dataclass(slots=True)
class ExportTable:
    """The rows of one export. `lines`: where each of `rows` begins. A cell that is empty or absent
    is not in its row. `unreadable`: lines that are not a row, by reason. `encoding`: what the bytes
    were read as."""

    path: Path
    columns: tuple[str, ...]
    encoding: str
    rows: list[Row] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    unreadable: dict[str, list[int]] = field(default_factory=dict)

    def add(self, line: int, row: Row) -> None:
        self.rows.append(row)
        self.lines.append(line)

    def refuse(self, line: int, reason: str) -> None:
        self.unreadable.setdefault(reason, []).append(line)


def read_table(path: Path) -> ExportTable:
    """Reads an export. By the file's name: .jsonl and .ndjson hold an object a line, all others are
    CSV with a line of column names. Raises ImportFault, OSError."""
    if (size := path.stat().st_size) > MAX_FILE_BYTES:
        raise ImportFault(
            f"{path}: {size:,} bytes, at most {MAX_FILE_BYTES:,}: export a part of it"
        )
    text, encoding = _decoded(path, path.read_bytes())
    if "\0" in text:
        raise ImportFault(f"{path}: holds NUL characters: export it as UTF-8 text")
    if not text.strip():
        raise ImportFault(f"{path}: empty: export it with its line of column names")
    is_json = path.suffix.lower() in JSON_LINES
    table = _json_lines(path, text, encoding) if is_json else _csv(path, text, encoding)
    if not table.rows:
        for reason, lines in table.unreadable.items():
            raise ImportFault(f"{path}: line {lines[0]}: {reason}; no line of it can be read")
        raise ImportFault(f"{path}: has column names and no row")
    return table


def _decoded(path: Path, content: bytes) -> tuple[str, str]:
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    likely = ("utf-16",) if content.startswith(marks) else ("utf-8-sig", LEGACY)
    for encoding in likely:
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError as error:
            at = error.start
    raise ImportFault(
        f"{path}: neither {' nor '.join(likely)} at byte {at:,}: export it as UTF-8"
    ) from None


def _csv(path: Path, text: str, encoding: str) -> ExportTable:
    first = next(line for line in _lines(text) if line.strip())
    separator = _SEPARATOR.fullmatch(first)
    reader = csv.reader(
        _lines(text), delimiter=separator[1] if separator else _likely(first), strict=True
    )
    before = csv.field_size_limit(MAX_CELL_CHARS)
    try:
        heads = (cells for cells in reader if any(cell.strip() for cell in cells))
        if separator:
            next(heads)
        columns = _checked(path, [name.strip() for name in next(heads, [])])
        table = ExportTable(path, columns, encoding)
        for start, cells in _numbered(reader):
            row = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.strip()}
            if len(cells) > len(columns) and any(cells[len(columns) :]):
                table.refuse(
                    start,
                    f"{len(cells)} cells for {len(columns)} columns: quote cells that hold the "
                    "separator",
                )
            elif row:
                table.add(start, row)
    except csv.Error as error:
        raise ImportFault(
            f"{path}: line {reader.line_num}: not CSV ({_reason(error)}); a cell holds at most "
            f"{MAX_CELL_CHARS:,} characters and its quotes are doubled"
        ) from None
    finally:
        csv.field_size_limit(before)
    return table


def _reason(error: csv.Error) -> str:
    """The error of the csv module without its question how the file was opened, which is meant for
    the programmer."""
    return str(error).partition(" - do you")[0]


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their line breaks, which are as the first one, a carriage return
    alone in some exports; a StringIO would take four bytes for each character."""
    first = re.search("\r\n|\n|\r", text)
    last = first[0][-1] if first else "\n"
    start = 0
    while start < len(text):
        end = text.find(last, start) + 1 or len(text)
        yield text[start:end]
        start = end


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    start = reader.line_num + 1
    for cells in reader:
        yield start, cells
        start = reader.line_num + 1


_SEPARATOR = re.compile(r"sep=(\t|[^\w\s\"])\s*")
"""A first line that names the separator: Excel reads it, and other programs write it for Excel."""


def _likely(names: str) -> str:
    """The likely separator: the one of four that the line of names holds most often."""
    return max(",;\t|", key=names.count)


def _checked(path: Path, names: list[str]) -> tuple[str, ...]:
    number_of: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            raise ImportFault(
                f"{path}: column {number} has no name: give it one in the first line, or remove it"
            )
        if name in number_of:
            raise ImportFault(
                f"{path}: columns {number_of[name]} and {number} are both named {name[:80]!r}: "
                "rename one in the first line"
            )
        number_of[name] = number
    return tuple(names)


def _json_lines(path: Path, text: str, encoding: str) -> ExportTable:
    table = ExportTable(path, (), encoding)
    columns: dict[str, None] = {}
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip():
            continue
        if len(line) > MAX_CELL_CHARS:
            table.refuse(number, f"longer than {MAX_CELL_CHARS:,} characters")
            continue
        try:
            row = json.loads(line, object_pairs_hook=_object)
            if "\\u" in line:
                json.dumps(row, ensure_ascii=False).encode()
        except _TwoOfOneName:
            table.refuse(number, "two fields have one name: rename one")
        except (json.JSONDecodeError, RecursionError):
            table.refuse(number, "not JSON: need one object a line")
        except UnicodeEncodeError:
            table.refuse(number, "half a character, such as \\ud83d without \\ude00 after it")
        except ValueError:
            table.refuse(number, "a number of thousands of digits")
        else:
            if isinstance(row, dict):
                columns |= dict.fromkeys(row)
                table.add(number, {name: cell for name, cell in row.items() if cell not in _EMPTY})
            else:
                table.refuse(number, "not an object: need one object a line")
    table.columns = tuple(columns)
    return table


_EMPTY: tuple[Any, ...] = (None, "")


class _TwoOfOneName(Exception):
    """Two fields of a JSON object have the same name."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwoOfOneName
    return found

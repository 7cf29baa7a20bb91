"""Reads an export as rows of columns: CSV, a workbook or JSON, by what it holds. What cannot be
read is one sentence that names the file and the line, and quotes no cell."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from streams.importers.outcomes import ImportFault
from streams.importers.spool.rows import Row as Row
from streams.importers.spool.rows import RowSpool
from streams.importers.tables.files.csv_lines import BrokenLine, csv_lines
from streams.importers.tables.files.frame import (
    MAX_FOOT,
    N_TRIED,
    is_below,
    names_at,
    shown_name,
)
from streams.importers.tables.files.json_objects import Unread, is_json, json_objects
from streams.importers.tables.files.opening import LEGACY as LEGACY
from streams.importers.tables.files.opening import ExportText, Workbook, opened
from streams.importers.tables.files.sheet_lines import sheet_lines
from streams.importers.tables.words import empty_cells

MAX_COLUMNS = 16_384
"""As many as a sheet of Excel has."""

MAX_CELLS = 1_000_000_000
"""Cells with a value that one export may have: an hour's work."""

MAX_ROWS = 5_000_000
"""Rows that one export may have: of each some hundred bytes stay in memory."""

GridLines = Iterator[tuple[int, Sequence[Any] | BrokenLine]]


@dataclass(slots=True)
class ExportTable:
    """The rows of one export. `lines`: where each of `rows` begins. A cell that is empty or absent
    is not in its row. `unreadable`: lines that are not a row, by reason. `encoding`: what the bytes
    were read as. `doubled`: a column's name -> the numbers of the two columns that have it.
    `remarks`: what was read otherwise than it stands there, a sentence each."""

    path: Path
    columns: tuple[str, ...]
    encoding: str
    rows: RowSpool | list[Row] = field(default_factory=RowSpool)
    lines: MutableSequence[int] = field(default_factory=lambda: array("q"))
    unreadable: dict[str, list[int]] = field(default_factory=dict)
    doubled: dict[str, tuple[int, int]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(self, line: int, row: Row) -> None:
        self.rows.append(row)
        self.lines.append(line)

    def refuse(self, line: int, reason: str) -> None:
        self.unreadable.setdefault(reason, []).append(line)


def read_table(path: Path, advance: Callable[[int], None] = lambda _n: None) -> ExportTable:
    """Reads an export, packed with gzip or not. `advance` hears of the file's bytes that are read.
    Raises ImportFault, OSError."""
    content = opened(path)
    if isinstance(content, ExportText):
        advance = _in_bytes(advance, path.stat().st_size, content.n_chars)
    if isinstance(content, Workbook):
        lines, sheet = sheet_lines(path, content)
        table = _table(path, "xlsx", lines)
        if sheet:
            table.remarks.append(f"{path}: read of its sheet {sheet!r}, which has the rows")
    elif is_json(content.head):
        table = _of_objects(path, content, advance)
    else:
        table = _table(path, content.encoding, csv_lines(path, content, advance))
    if isinstance(content, ExportText) and content.n_mended:
        table.remarks.append(
            f"{path}: {content.n_mended:,} bytes are no text and left out or shown as \ufffd"
        )
    _check_some(table)
    return table


def _in_bytes(advance: Callable[[int], None], n_bytes: int, n_chars: int) -> Callable[[int], None]:
    """Tells characters as bytes of the file, which is packed or has more than one for each."""
    n_heard = n_told = 0

    def told(n: int) -> None:
        nonlocal n_heard, n_told
        n_heard += n
        n_now = min(n_bytes, n_heard * n_bytes // max(1, n_chars))
        advance(n_now - n_told)
        n_told = n_now

    return told


def _check_some(table: ExportTable) -> None:
    """Raises ImportFault where no row could be read."""
    if table.rows:
        return
    for reason, lines in table.unreadable.items():
        raise ImportFault(f"{table.path}: line {lines[0]}: {reason}; no line of it can be read")
    raise ImportFault(f"{table.path}: has column names and no row")


def _whole_lines(table: ExportTable, lines: GridLines) -> Iterator[tuple[int, Sequence[Any]]]:
    for start, cells in lines:
        if isinstance(cells, BrokenLine):
            table.refuse(start, cells.reason)
        else:
            yield start, cells


@dataclass(slots=True)
class _Cells:
    """Counts cells as they are read, and takes out those that are marks of nothing."""

    path: Path
    n: int = 0
    marks: Counter[str] = field(default_factory=Counter)
    n_rows: int = 0
    named_na: Counter[str] = field(default_factory=Counter)

    def of(self, pairs: Iterator[tuple[str, Any]]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for name, cell in pairs:
            if cell is None or cell == "" or (isinstance(cell, str) and not cell.strip()):
                continue
            if cell == empty_cells.A_COUNTRY_TOO:
                self.named_na[name] += 1
            elif empty_cells.is_nothing(cell):
                self.marks[str(cell).strip()] += 1
                continue
            row[name] = cell
        self.n += len(row)
        if self.n > MAX_CELLS:
            raise ImportFault(
                f"{self.path}: more than {MAX_CELLS:,} cells: export fewer rows or columns"
            )
        self.n_rows += 1
        if self.n_rows > MAX_ROWS:
            raise ImportFault(f"{self.path}: more than {MAX_ROWS:,} rows: export a shorter time")
        return row

    def finish(self, table: ExportTable, rows: RowSpool) -> None:
        for name, n in self.named_na.items():
            if not empty_cells.is_of_countries(row[name] for row in table.rows if name in row):
                self.marks[empty_cells.A_COUNTRY_TOO] += n
                rows.columns_of_marks[name] = empty_cells.A_COUNTRY_TOO
        if self.marks:
            table.remarks.append(f"{table.path}: {empty_cells.said_of(self.marks)}")


def _table(path: Path, encoding: str, lines: GridLines) -> ExportTable:
    rows, cells_read = RowSpool(), _Cells(path)
    table = ExportTable(path, (), encoding, rows)
    whole = _whole_lines(table, lines)
    first = list(islice(whole, N_TRIED))
    if not first:
        _check_some(table)
    at = names_at([cells for _, cells in first])
    broken = [(lines[0], reason) for reason, lines in table.unreadable.items()]
    if broken and min(broken)[0] < first[at][0]:
        raise ImportFault(f"{path}: line {min(broken)[0]}: {min(broken)[1]}")
    heads = [shown_name(name) for name in first[at][1]]
    if len(heads) > MAX_COLUMNS:
        raise ImportFault(f"{path}: {len(heads):,} columns, at most {MAX_COLUMNS:,}: export fewer")
    names, doubled = _distinct(heads)
    n_names_again = 0
    filled: set[str] = set()
    pairs = {head: (names[one - 1], names[two - 1]) for head, (one, two) in doubled.items()}
    for start, cells in chain(first[at + 1 :], whole):
        if len(cells) > len(names) and any(map(_is_filled, cells[len(names) :])):
            table.refuse(
                start,
                f"{len(cells)} cells for {len(names)} columns: quote cells that hold the separator",
            )
        elif str(cells[0]).strip() == heads[0] and list(map(shown_name, cells)) == heads:
            n_names_again += 1
        elif row := cells_read.of(zip(names, cells, strict=False)):
            table.add(start, row)
            filled.update(row)
            for head in [h for h, (one, two) in pairs.items() if row.get(one) != row.get(two)]:
                table.doubled[head] = doubled[head]
                del pairs[head]
    table.columns = tuple(
        name for name, head in zip(names, heads, strict=True) if head or name in filled
    )
    table.doubled = {head: doubled[head] for head in doubled if head in table.doubled}
    _without_foot(table)
    cells_read.finish(table, rows)
    if at:
        table.remarks.append(f"{path}: {at:,} lines above the column names are left out")
    if n_names_again:
        table.remarks.append(f"{path}: {n_names_again:,} lines repeat the column names")
    return table


def _is_filled(cell: Any) -> bool:
    return bool(str(cell).strip())


def _distinct(heads: Sequence[str]) -> tuple[list[str], dict[str, tuple[int, int]]]:
    """A name for each column. Of two that are alike the second gets a number, as one without a name
    does."""
    number_of: dict[str, int] = {}
    doubled: dict[str, tuple[int, int]] = {}
    names = []
    for number, head in enumerate(heads, start=1):
        name = head or f"column {number}"
        if head in number_of and head:
            doubled.setdefault(head, (number_of[head], number))
        while name in number_of:
            name = f"{head or 'column'} ({number})"
            head = name
        number_of[name] = number
        names.append(name)
    return names, doubled


def _without_foot(table: ExportTable) -> None:
    """Takes the lines below the table off its rows."""
    n_rows = len(table.rows)
    while (
        len(table.rows) > max(1, n_rows - MAX_FOOT)
        and table.rows[-1]
        and is_below(table.rows[-1], len(table.columns))
    ):
        table.rows.pop()
        table.lines.pop()
    if n_below := n_rows - len(table.rows):
        what = "line" if n_below == 1 else "lines"
        table.remarks.append(
            f"{table.path}: {n_below:,} {what} below the rows, such as a total, left out"
        )


def _of_objects(path: Path, content: ExportText, advance: Callable[[int], None]) -> ExportTable:
    rows, cells_read = RowSpool(), _Cells(path)
    table = ExportTable(path, (), content.encoding, rows)
    columns: dict[str, str] = {}
    for number, found in json_objects(path, content, advance):
        if isinstance(found, Unread):
            table.refuse(number, found.reason)
            continue
        for name in found:
            if name not in columns:
                columns[name] = shown_name(name) or f"column {len(columns) + 1}"
        if len(columns) > MAX_COLUMNS:
            raise ImportFault(f"{path}: more than {MAX_COLUMNS:,} columns: export fewer")
        table.add(number, cells_read.of((columns[name], cell) for name, cell in found.items()))
    table.columns = tuple(dict.fromkeys(columns.values()))
    cells_read.finish(table, rows)
    return table

"""Reads a user's exports: their tables, which column means what, and the events that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from streams.importers.outcomes import ImportFault
from streams.importers.tables.events import Read, events_of
from streams.importers.tables.fields import FieldsRead, own_where_unknown
from streams.importers.tables.guessing import guess
from streams.importers.tables.mapping import (
    TIMES,
    ColumnMapping,
    Purpose,
    cells_of,
    complete_mapping,
    listed,
    read_mapping,
)
from streams.importers.tables.phones import busy_number
from streams.importers.tables.table import ExportTable, read_table
from streams.importers.tables.times import parse_time
from streams.importers.tables.words.outcome_words import OutcomeWords, unread_words

DRAFT = Path("asllr-mapping.json")


@dataclass(frozen=True, slots=True)
class Exports:
    """What `asllr try` and `asllr dataset` read. `tables` by kind: leads, and where given calls and
    outcomes; `mapping` says which of their columns means what, `remarks` what a person should know
    of it, `read` are the events they make."""

    tables: Mapping[str, ExportTable]
    mapping: ColumnMapping
    remarks: tuple[str, ...]
    read: Read

    @property
    def has_times(self) -> bool:
        """Whether it is known when leads came in."""
        return self.read.has_times


def read_exports(
    paths: Mapping[str, Path | None],
    mapping_path: Path | None,
    fields: FieldsRead,
    now: datetime,
    purpose: Purpose = Purpose.RANK,
    advance: Callable[[int], None] = lambda _n: None,
) -> Exports:
    """Reads CSV, .xlsx or JSON, a row a lead, a call or an outcome; rows later than `now` are left
    out. Without a mapping the columns are guessed, and the guess is written to `mapping_path` where
    that is given. `advance` hears of bytes that are read, more or less. Raises ImportFault,
    OSError."""
    return exports_of(read_tables(paths, advance), mapping_path, fields, now, purpose)


def read_tables(
    paths: Mapping[str, Path | None], advance: Callable[[int], None] = lambda _n: None
) -> dict[str, ExportTable]:
    """The tables of the files that there are, by kind. Raises ImportFault, OSError."""
    tables: dict[str, ExportTable] = {}
    for kind, path in paths.items():
        if path is not None:
            same = [table for table in tables.values() if table.path == path]
            tables[kind] = same[0] if same else read_table(path, advance)
    _check_distinct(tables)
    return tables


def exports_of(
    tables: Mapping[str, ExportTable],
    mapping_path: Path | None,
    fields: FieldsRead,
    now: datetime,
    purpose: Purpose,
) -> Exports:
    """As `read_exports`, of tables that were read. Raises ImportFault, OSError."""
    mapping, remarks = _mapping(tables, mapping_path, fields, now, purpose)
    read = events_of(tables, mapping, fields, now, purpose)
    if not read.has_times:
        remarks = (*remarks, "leads have no dates: no date counts, and nothing is said of an order")
    return Exports(tables, mapping, remarks, read)


def _check_distinct(tables: Mapping[str, ExportTable]) -> None:
    """Raises ImportFault where one file was given twice by mistake. Outcomes may stand in the file
    of the leads."""
    calls = tables.get("calls")
    for kind in ("leads", "outcomes"):
        other = tables.get(kind)
        if calls is None or other is None or calls.columns != other.columns:
            continue
        if calls.rows == other.rows:
            raise ImportFault(
                f"{calls.path}: holds the same rows as {other.path}, which is --{kind}: give the "
                "export of the calls as --calls, or leave it out"
            )


def _mapping(
    tables: Mapping[str, ExportTable],
    path: Path | None,
    fields: FieldsRead,
    now: datetime,
    purpose: Purpose,
) -> tuple[ColumnMapping, tuple[str, ...]]:
    """The mapping of columns, read from `path` or guessed, and what a person should know of it; a
    doubtful guess becomes a draft and ends the command."""
    if path is not None and path.exists():
        mapping = complete_mapping(read_mapping(path), tables, purpose)
        if doubts := [*_doubts_of_cells(mapping, tables, now)]:
            raise ImportFault(f"{'; '.join(doubts)}: correct {path}")
        profile = own_where_unknown(tables["leads"], mapping.profile, fields)
        return mapping.model_copy(update={"profile": profile.columns}), profile.sentences
    guessed = guess(tables, fields, purpose)
    mapping, doubts = guessed.mapping, [*guessed.doubts]
    if not doubts:
        for name, doubt in _named_doubts(mapping, tables, now):
            doubts.append(doubt)
            mapping = mapping.model_copy(update=dict.fromkeys(OPEN_WORDS[name], ()))
    if not doubts:
        if path is not None:
            _write_new(path, mapping)
        return mapping, guessed.remarks
    draft = path or DRAFT
    where = f"correct {draft} and give it as --mapping {draft}"
    if not _write_new(draft, mapping):
        where = _of_existing(draft, tables)
    hints = "".join(f". {hint}" for hint in guessed.hints)
    raise ImportFault(f"not sure what the columns mean: {'; '.join(doubts)}{hints}. {where}")


def _of_existing(draft: Path, tables: Mapping[str, ExportTable]) -> str:
    """What to do with a draft that exists: it may be of other exports."""
    try:
        there = read_mapping(draft)
    except (ImportFault, OSError):
        return f"{draft} exists already and is not a mapping: remove it, or name another --mapping"
    for kind, table in tables.items():
        columns = there.of(kind)
        named = {*columns.columns.values()} if columns is not None else set()
        if kind == "leads":
            named |= {*there.profile.values()}
        if lacks := sorted(named - {*table.columns, ""}):
            return (
                f"{draft} exists already and is of other exports: {table.path} has no "
                f"{listed(lacks)}: remove it, or name another --mapping"
            )
        if columns is None:
            return f"{draft} exists already and says nothing of {kind}: remove it, or add them"
    return f"{draft} exists already: give it as --mapping {draft}, or remove it"


def _write_new(path: Path, mapping: ColumnMapping) -> bool:
    """Writes a mapping; False where there is a file of that name."""
    text = mapping.model_dump_json(indent=2, exclude_none=True) + "\n"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True


OPEN_WORDS = {"words": ("won", "lost"), "numbers": ("nobody",)}
"""A doubt about cells -> what settles it in a mapping."""


def _doubts_of_cells(
    mapping: ColumnMapping, tables: Mapping[str, ExportTable], now: datetime
) -> Iterator[str]:
    return (doubt for _, doubt in _named_doubts(mapping, tables, now))


def _named_doubts(
    mapping: ColumnMapping, tables: Mapping[str, ExportTable], now: datetime
) -> Iterator[tuple[str, str]]:
    """What a mapping of columns leaves open: outcomes of words that nobody knows, and a telephone
    number that seems to be no lead's."""
    outcomes = tables.get("outcomes")
    if outcomes is not None and not mapping.won:
        words = OutcomeWords((), mapping.lost or ())
        if doubt := unread_words(_outcomes_of_closed(outcomes, mapping, now), words):
            yield "words", f"{outcomes.path}: {doubt}"
    calls, columns = tables.get("calls"), mapping.calls
    if calls is not None and columns is not None and not mapping.nobody:
        numbers = (row[name] for row in calls.rows for name in columns.numbers if name in row)
        is_named = columns.columns.get("lead") or {"from_number", "to_number"} <= {*columns.columns}
        if not is_named and mapping.nobody is None and (busy := busy_number(numbers)):
            yield (
                "numbers",
                f"{calls.path}: {busy[1]:,} calls are of {busy[0]!r}, far more than of any "
                "other number: if it is nobody's, as a switchboard's, name it in the mapping as "
                f'"nobody": ["{busy[0]}"], else write "nobody": []',
            )


def _outcomes_of_closed(table: ExportTable, mapping: ColumnMapping, now: datetime) -> Iterator[Any]:
    """The outcome of each row that is closed, by its date where it has dates."""
    columns = mapping.outcomes
    if columns is None or not columns.columns.get("outcome"):
        return
    column, dates = columns.columns["outcome"], columns.columns.get(TIMES["outcomes"])
    if not any(True for _ in cells_of(table, column)):
        return
    zone = ZoneInfo(mapping.zone)
    for row in table.rows:
        if dates and mapping.has_times:
            try:
                if dates not in row or parse_time(row[dates], columns.times, zone) > now:
                    continue
            except ValueError:
                continue
        elif column not in row:
            continue
        yield row.get(column)

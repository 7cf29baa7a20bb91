"""Guesses which column of an export means what, from names and cells.

A guess is used only where nothing is doubtful; what is doubtful is said, and the draft of a mapping
file leaves it to the user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from streams.importers.tables.by_cells import (
    N_COMPARED,
    column_of_ids,
    says_nothing,
    share_of_ids,
    texts_in,
)
from streams.importers.tables.fields import FieldsRead, every_column, profile_of
from streams.importers.tables.mapping import (
    MAX_LOOKED_AT,
    OPEN,
    REQUIRED,
    TIMES,
    ColumnMapping,
    FileColumns,
    Purpose,
    columns_in_use,
    listed,
    names_shown,
    reading_in,
    reading_of_file,
    unit_doubt,
    with_named_unit,
)
from streams.importers.tables.table import ExportTable
from streams.importers.tables.times import EPOCH_MS, EPOCH_S, EPOCH_US, EXCEL
from streams.importers.tables.words.header_names import (
    NAMES,
    PHONES,
    header_key,
    without_entity,
    without_unit,
)

MIN_SHARED = 0.5
"""The share of a column's cells that are ids of leads from which it names the lead."""

MIN_UNIQUE = 5
"""A column with another cell in each of so many rows may be the id, whatever its name."""

_FRACTION = re.compile(r"-?\d+[.,]\d+")
_NUMBERS_ONLY = {EPOCH_S, EPOCH_MS, EPOCH_US, EXCEL}


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed mapping. `doubts`: what a person has to settle; where there are none, `mapping` may
    be used. `hints`: what there is to settle them with. `remarks`: what a person should know of the
    profile."""

    mapping: ColumnMapping
    doubts: tuple[str, ...]
    hints: tuple[str, ...]
    remarks: tuple[str, ...]


def guess(
    tables: Mapping[str, ExportTable], fields: FieldsRead, purpose: Purpose = Purpose.RANK
) -> Guess:
    """Guesses the mapping from names and cells. `tables` by kind: leads, calls, outcomes."""
    doubts: list[str] = list(_swapped(tables))
    hints: list[str] = []
    columns_of: dict[str, FileColumns] = {}
    has_times = True
    for kind, table in tables.items():
        by_phone = kind == "calls" and "phone" in columns_of["leads"].columns
        open_table = _Open(
            table, tables["leads"], _taken(table, tables["leads"], columns_of), by_phone
        )
        ids = _ids(tables["leads"], columns_of) if kind != "leads" else frozenset()
        required = purpose.required(kind, has_times=has_times)
        before = len(doubts)
        found = _columns(kind, open_table, ids, doubts)
        if kind == "leads" and purpose is Purpose.RANK and "created_at" not in found.columns:
            has_times = bool(_timed_columns(table, {*found.columns.values()}))
            required = purpose.required(kind, has_times=has_times)
        loose = purpose is Purpose.LEARN or not has_times
        if kind == "outcomes" and _says_only_whether(found, open_table):
            required, loose = ("lead",), True
        found = _completed(kind, found, open_table, required, doubts)
        if loose and (unsure := list(_unsure(kind, found, open_table))):
            doubts += unsure
            found = found.model_copy(
                update={"columns": dict.fromkeys(OPEN[kind], "") | found.columns}
            )
        if len(doubts) > before:
            hints.append(f"{table.path} has {names_shown(table)}")
            hints += _would_do(kind, found)
        columns_of[kind] = found
    leads = tables["leads"]
    used = columns_in_use(leads, tables, columns_of)
    choose = profile_of if purpose is Purpose.RANK else every_column
    profile = choose(leads, used, fields)
    return Guess(
        ColumnMapping(
            leads=columns_of["leads"],
            calls=columns_of.get("calls"),
            outcomes=columns_of.get("outcomes"),
            profile=profile.columns,
        ),
        tuple(dict.fromkeys(doubts)),
        tuple(dict.fromkeys(hints)),
        profile.sentences,
    )


@dataclass(frozen=True, slots=True)
class _Open:
    """A table whose columns are open, but for those `taken`. `by_phone`: its rows may name a
    telephone number instead of a lead. `leads`: the table of leads."""

    table: ExportTable
    leads: ExportTable
    taken: set[str]
    by_phone: bool


def _swapped(tables: Mapping[str, ExportTable]) -> Iterator[str]:
    """A question for each pair of files that would be read better the other way round."""
    kinds = list(tables)
    for at, one in enumerate(kinds):
        for other in kinds[at + 1 :]:
            as_given = (_n_required(one, tables[one]), _n_required(other, tables[other]))
            turned = (_n_required(one, tables[other]), _n_required(other, tables[one]))
            if tables[one].path != tables[other].path and sum(turned) > sum(as_given):
                yield f"are the files of --{one} and --{other} swapped?"


def _n_required(kind: str, table: ExportTable) -> int:
    keys = set(map(header_key, table.columns))
    return sum(not keys.isdisjoint(NAMES[kind][field]) for field in REQUIRED[kind])


def _taken(
    table: ExportTable, leads: ExportTable, columns_of: Mapping[str, FileColumns]
) -> set[str]:
    """The columns of one file of leads and outcomes that are not open any more: the date of a lead
    is not that of its order."""
    if "leads" not in columns_of or table.path != leads.path:
        return set()
    shared = ("lead", *PHONES)
    return {c for field, c in columns_of["leads"].columns.items() if field not in shared}


def _unsure(kind: str, found: FileColumns, open_table: _Open) -> Iterator[str]:
    """Doubts about what has no date: is there one under another name, and if not, who was won?"""
    if found.columns.get(TIMES[kind]):
        return
    table = open_table.table
    used = {*found.columns.values(), *open_table.taken}
    if timed := _timed_columns(table, used):
        yield (
            f"{_missing(TIMES[kind], table, used)}: map {timed[0]!r}, or leave {TIMES[kind]} empty "
            "for what has no date"
        )
    elif kind == "outcomes" and "outcome" not in found.columns:
        yield f"{_missing('outcome', table, used)}, and none like ordered_at"


def _columns(kind: str, open_table: _Open, ids: frozenset[str], doubts: list[str]) -> FileColumns:
    """The columns that are named like something."""
    table = open_table.table
    named: dict[str, list[str]] = {}
    for column in table.columns:
        if column not in open_table.taken:
            named.setdefault(header_key(column), []).append(column)
    filled = {name for row in islice(table.rows, N_COMPARED) for name in row}
    of_entities: dict[str, list[str]] = {}
    for key, alike in named.items():
        if key != without_entity(key):
            of_entities.setdefault(without_entity(key), []).extend(alike)
    columns: dict[str, str] = {}
    for field, names in NAMES[kind].items():
        keys = named if field != "duration_s" else _without_units(named)
        hits = [each for name in names for each in keys.get(name, ()) if each not in
                columns.values()]  # fmt: skip
        if field == "outcome" or (not hits and field != "lead"):
            hits += [each for name in names for each in of_entities.get(name, ()) if each not in
                    columns.values()]  # fmt: skip
        hits = [hit for hit in hits if hit in filled] or hits[:1]
        if field == "lead" and ids and len(hits) > 1:
            hits.sort(key=lambda hit: share_of_ids(ids, table, hit) < MIN_SHARED)
        if field == "outcome" and len(hits) > 1:
            hits.sort(key=lambda hit: says_nothing(table, hit))
        if field == "phone" and kind == "leads":
            columns |= dict(zip(PHONES, sorted(hits, key=table.columns.index), strict=False))
        elif hits:
            columns[field] = hits[0]
            if len(alike := named[header_key(hits[0])]) > 1:
                doubts.append(f"{table.path}: {', '.join(alike)} could all be {field}")
            elif hits[0] in table.doubled:
                one, two = table.doubled[hits[0]]
                doubts.append(
                    f"{table.path}: columns {one} and {two} are both named {hits[0][:80]!r}: "
                    "rename one in the line of names"
                )
    if ids and "lead" not in columns:
        named_by_ids = column_of_ids(ids, table, {*columns.values(), *open_table.taken})
        columns |= {"lead": named_by_ids} if named_by_ids else {}
    return FileColumns(columns=_of_both_ends(columns))


def _without_units(named: Mapping[str, list[str]]) -> dict[str, list[str]]:
    bare: dict[str, list[str]] = {}
    for key, columns in named.items():
        bare.setdefault(without_unit(key), []).extend(columns)
    return bare


def _of_both_ends(columns: dict[str, str]) -> dict[str, str]:
    """Numbers of both ends of a call, or one number, whatever it is called."""
    ends = [field for field in ("from_number", "to_number") if field in columns]
    if len(ends) == 1:
        only = columns.pop(ends[0])
        columns.setdefault("phone", only)
    return columns


def _completed(
    kind: str,
    found: FileColumns,
    open_table: _Open,
    required: tuple[str, ...],
    doubts: list[str],
) -> FileColumns:
    """With the lead's column found by its cells where no name is known, and the formats of the
    times; what is missing is a doubt."""
    table, columns = open_table.table, dict(found.columns)
    if "lead" not in columns and kind == "leads" and (unique := _unique_column(table, columns)):
        columns["lead"] = unique
    has_number = any(map(columns.get, ("phone", "from_number")))
    for field in required:
        if field not in columns and not (field == "lead" and open_table.by_phone and has_number):
            columns[field] = ""
            doubts.append(_missing(field, table, {*columns.values()}))
    reading = reading_of_file(columns, kind, table, open_table.leads)
    if reading.doubt is not None:
        doubts.append(f"{table.path}: column {columns[TIMES[kind]]!r} {reading.doubt}")
    times = () if reading.doubt else reading.formats
    found = with_named_unit(FileColumns(columns=columns, times=times), table)
    if doubt := unit_doubt(found, table):
        doubts.append(doubt)
    return found


def _says_only_whether(found: FileColumns, open_table: _Open) -> bool:
    """Whether outcomes say who was won and nowhere when."""
    columns = found.columns
    if "ordered_at" in columns or "outcome" not in columns:
        return False
    return not _timed_columns(open_table.table, {*columns.values(), *open_table.taken})


def _ids(leads: ExportTable, columns_of: Mapping[str, FileColumns]) -> frozenset[str]:
    return frozenset(texts_in(leads, columns_of["leads"].columns.get("lead", "")))


def _unique_column(table: ExportTable, columns: Mapping[str, str]) -> str | None:
    """The only column with another cell in each row that looks like an id: no blanks, and a digit
    or an @ in each."""
    if len(table.rows) < MIN_UNIQUE:
        return None
    used = {*columns.values()}
    found = [
        column
        for column in table.columns[:MAX_LOOKED_AT]
        if column not in used and _is_of_ids(table, column)
    ]
    return found[0] if len(found) == 1 else None


def _is_unique(table: ExportTable, column: str) -> bool:
    if not _are_distinct(table, column):
        return False
    cells = {str(row[column]).strip() for row in table.rows if column in row}
    return len(cells) == len(table.rows) > 1 and not _is_timed(table, column)


def _are_distinct(table: ExportTable, column: str) -> bool:
    """Whether the first rows have another cell each: to look at all of a file may take long."""
    first = table.rows[:N_COMPARED]
    return len({str(row[column]).strip() for row in first if column in row}) == len(first)


def _is_of_ids(table: ExportTable, column: str) -> bool:
    if not _are_distinct(table, column):
        return False
    cells = [str(row.get(column, "")).strip() for row in table.rows]
    is_unique = all(cells) and len(set(cells)) == len(cells)
    return (
        is_unique
        and all(len(cell) <= 64 and " " not in cell for cell in cells)
        and all("@" in cell or any(map(str.isdigit, cell)) for cell in cells)
        and not any(map(_FRACTION.fullmatch, cells))
        and not _is_timed(table, column)
    )


def _missing(field: str, table: ExportTable, used: set[str]) -> str:
    sentence = f"{table.path}: no column is named like {field}"
    if field in TIMES.values():
        timed = _timed_columns(table, used)
        sentence += f"; times stand in {', '.join(map(repr, timed[:12]))}" if timed else ""
    if field == "lead":
        looked_at = (column for column in table.columns[:MAX_LOOKED_AT] if column not in used)
        unique = [column for column in looked_at if _is_unique(table, column)]
        sentence += f"; another value in each row is in {listed(unique)}" if unique else ""
    return sentence


def _would_do(kind: str, found: FileColumns) -> Iterator[str]:
    for field, column in found.columns.items():
        if not column:
            known = [*dict.fromkeys(NAMES[kind][field])][:8]
            yield f"as {field} these names are known: {', '.join(known)}"


def _timed_columns(table: ExportTable, used: set[str]) -> list[str]:
    return [
        column
        for column in table.columns[:MAX_LOOKED_AT]
        if column not in used and _is_timed(table, column)
    ]


def _is_timed(table: ExportTable, column: str) -> bool:
    """Whether a column holds times, not just numbers that could be."""
    found = reading_in(table, column)
    return not found.doubt and not _NUMBERS_ONLY.issuperset(found.formats)

"""The mapping of an export: which of its columns means what, as a file says it.

What a file leaves open is guessed in guessing.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from schemas.events import Role
from schemas.field_names import FieldName, is_field_name
from streams.importers.outcomes import ImportFault
from streams.importers.spool.rows import RowSpool
from streams.importers.tables import durations
from streams.importers.tables.durations import DotMeaning, DurationUnit
from streams.importers.tables.table import ExportTable, Row
from streams.importers.tables.times import FORMATS, TimeReading, orders_of, reading_of
from streams.importers.tables.words.header_names import FIELDS, PHONES

N_SAMPLED = 5_000
MAX_MAPPING_BYTES = 10_000_000
MAX_COLUMNS_SHOWN = 12
MAX_LOOKED_AT = 200
"""Columns that are looked at for times: a file of thousands has them named, if it has any."""

REQUIRED = {"leads": ("lead", "created_at"), "calls": ("lead", "started_at"),
            "outcomes": ("lead", "ordered_at")}  # fmt: skip
OPEN = {"leads": ("created_at",), "calls": ("started_at",), "outcomes": ("outcome", "ordered_at")}
TIMES = {"leads": "created_at", "calls": "started_at", "outcomes": "ordered_at"}
LOST_AT = "lost_at"
"""The date of a loss, where it has a column beside that of orders."""
NUMBERS = (*PHONES, "from_number", "to_number")


class FileColumns(BaseModel):
    """The mapping of one file: what asllr reads -> the export's column. `times`: formats of its
    times (iso, epoch-s, epoch-ms or as in strptime), of which the first that reads a cell counts;
    empty: guessed from the cells. `duration_unit`: of a duration that is a bare number;
    `duration_dots`: what the dots in it are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, str]
    times: tuple[str, ...] = ()
    duration_unit: DurationUnit | None = None
    duration_dots: DotMeaning | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of telephone numbers, in order."""
        return tuple(filter(None, map(self.columns.get, NUMBERS)))

    def cell(self, row: Row, field: str) -> Any:
        return row.get(self.columns.get(field, ""))


class ColumnMapping(BaseModel):
    """Which columns of which file mean what. `zone`: of times without an offset, as Europe/Berlin.
    `profile`: a lead's field -> column. `speakers`: a label in the transcripts -> agent, customer,
    bot, system or unknown, where the label does not say it. `won`, `lost`: words of the outcome
    beside those that asllr knows; with `won` all other words are of open leads. `nobody`: telephone
    numbers that are no lead's, as a switchboard's is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str = "UTC"
    leads: FileColumns
    calls: FileColumns | None = None
    outcomes: FileColumns | None = None
    profile: dict[FieldName, str] = {}
    speakers: dict[str, Role] | None = None
    won: tuple[str, ...] | None = None
    lost: tuple[str, ...] | None = None
    nobody: tuple[str, ...] | None = None

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone such as Europe/Berlin") from None
        return zone

    @property
    def has_times(self) -> bool:
        """Whether it is known when the leads came in; where it is not, no date counts."""
        return bool(self.leads.columns.get("created_at"))

    @property
    def has_dated_outcomes(self) -> bool:
        return self.outcomes is not None and bool(self.outcomes.columns.get("ordered_at"))

    def of(self, kind: str) -> FileColumns | None:
        return {"leads": self.leads, "calls": self.calls, "outcomes": self.outcomes}[kind]


class Purpose(Enum):
    """What exports are read for. RANK: dates are needed, and the profile is what features declare.
    LEARN: what has no date counts as known from the beginning, an outcome without one says only who
    was won, and the profile is every other column."""

    RANK = auto()
    LEARN = auto()

    def required(self, kind: str, *, has_times: bool = True) -> tuple[str, ...]:
        return REQUIRED[kind] if self is Purpose.RANK and has_times else ("lead",)


def read_mapping(path: Path) -> ColumnMapping:
    """Reads a mapping from a file. Raises ImportFault, OSError."""
    try:
        if (size := path.stat().st_size) > MAX_MAPPING_BYTES:
            raise ImportFault(
                f"{path}: {size:,} bytes, a mapping has at most {MAX_MAPPING_BYTES:,}: give the "
                "file that `asllr try` wrote"
            )
        return ColumnMapping.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ImportFault(f"{path}: not a mapping: {_fault(error)}") from None


def _fault(error: ValidationError) -> str:
    """What is wrong first in a mapping, in a plain sentence with the fix."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    kind, message = first["type"], first["msg"]
    if kind == "json_invalid":
        where = re.search(r"line \d+ column \d+", message)
        return (
            f"not JSON{f' at {where[0]}' if where else ''}: a comma, a quote or a bracket is wrong"
        )
    if "[key]" in first["loc"]:
        return "profile has a field of a name that none can have: 1 to 64 characters that are seen"
    parts = [str(part) for part in first["loc"]]
    place = ".".join(part if is_field_name(part) else "?" for part in parts) or "the whole file"
    if kind == "missing":
        return f"{place} is missing: {_SHAPE}"
    if kind == "extra_forbidden":
        known = FileColumns if first["loc"][0] in REQUIRED else ColumnMapping
        return f"{place} is no key of it; there is: {', '.join(known.model_fields)}"
    if kind == "enum":
        return f"{place} {message[:1].lower()}{message[1:120]}".replace("input should", "has to")
    if kind == "value_error":
        return f"{place}: {message.removeprefix('Value error, ')[:120]}"
    wants = next((w for mark, w in _WANTS.items() if mark in kind), "another kind of value")
    return f"{place} has to be {wants}: {_SHAPE}"


_SHAPE = 'it looks like {"leads": {"columns": {"lead": "Lead ID"}}, "profile": {}}'
_WANTS = {
    "string": "a text in quotes",
    "tuple": 'a list of texts, as ["iso"]',
    "model": "an object in braces",
    "dict": "an object in braces",
}


def complete_mapping(
    mapping: ColumnMapping, tables: Mapping[str, ExportTable], purpose: Purpose = Purpose.RANK
) -> ColumnMapping:
    """Checks a mapping against the tables, and adds formats for all times and the unit of
    durations. Every file has its columns, and every column is in its file; leads whose created_at
    it does not name have no dates. Raises ImportFault."""
    has_times = "created_at" in mapping.leads.columns
    full: dict[str, FileColumns] = {}
    for kind, table in tables.items():
        columns = mapping.of(kind)
        if columns is None:
            raise ImportFault(f"the mapping says nothing of {kind}, which is {table.path}")
        if unknown := columns.columns.keys() - {*FIELDS[kind]}:
            raise ImportFault(
                f"the mapping of {kind} names {sorted(unknown)[0]!r}; there is: "
                f"{', '.join(FIELDS[kind])}"
            )
        required = purpose.required(kind, has_times=has_times)
        if kind == "outcomes" and "ordered_at" not in columns.columns:
            required = ("lead",)
        missing = [name for name in required if not columns.columns.get(name)]
        has_phone = bool(columns.numbers) and kind != "leads"
        if missing and not (missing == ["lead"] and has_phone):
            raise ImportFault(f"the mapping of {kind} leaves {', '.join(missing)} open")
        if kind == "outcomes" and not any(map(columns.columns.get, OPEN[kind])):
            raise ImportFault("the mapping of outcomes names neither outcome nor ordered_at")
        named = {*columns.columns.values(), *(mapping.profile.values() if kind == "leads" else ())}
        if absent := named - {*table.columns, ""}:
            raise ImportFault(
                f"{table.path}: no column {sorted(absent)[0][:80]!r}; there is: "
                f"{names_shown(table)}"
            )
        full[kind] = _with_unit(_timed(kind, columns, table, tables["leads"]), table)
    if purpose is Purpose.RANK:
        return mapping.model_copy(update=full)
    used = columns_in_use(tables["leads"], tables, full)
    profile = {name: column for name, column in mapping.profile.items() if column not in used}
    return mapping.model_copy(update={**full, "profile": profile})


def columns_in_use(
    table: ExportTable,
    tables: Mapping[str, ExportTable],
    columns_of: Mapping[str, FileColumns],
) -> set[str]:
    """The columns of this file that have a meaning, in any of the tables it was given as."""
    return {
        column
        for kind, columns in columns_of.items()
        if tables[kind].path == table.path
        for column in columns.columns.values()
    }


def names_shown(table: ExportTable) -> str:
    """The columns of a table, for a sentence."""
    return listed(table.columns)


def listed(columns: Sequence[str]) -> str:
    """Names of columns, for a sentence."""
    more = len(columns) - MAX_COLUMNS_SHOWN
    shown = ", ".join(name[:60] for name in columns[:MAX_COLUMNS_SHOWN])
    return shown + (f" and {more:,} more" if more > 0 else "")


def reading_in(table: ExportTable, column: str, leads: ExportTable | None = None) -> TimeReading:
    """How the times of a column are read; of no column none are. Where day and month could be
    either, other columns of the file say which is which, or those of `leads`."""
    if not column:
        return TimeReading(())
    found = reading_of(sampled_cells(table, column))
    if not found.is_of_two_ways:
        return found
    for other in (table, leads):
        orders = _orders_in(other, column) if other is not None else frozenset()
        settled = reading_of(sampled_cells(table, column), orders)
        if orders and settled.doubt is None:
            return settled
    return found


def reading_of_file(
    columns: Mapping[str, str], kind: str, table: ExportTable, leads: ExportTable | None = None
) -> TimeReading:
    """How the times of a file are read: of its own column, and those of losses beside it."""
    found = reading_in(table, columns.get(TIMES[kind], ""), leads)
    lost = reading_in(table, columns.get(LOST_AT, ""), leads)
    if found.doubt is not None or lost.doubt is not None:
        return found
    return TimeReading(tuple(dict.fromkeys((*found.formats, *lost.formats))))


def _orders_in(table: ExportTable, but: str) -> frozenset[str]:
    """The orders of day and month in the columns of a file, where they do not contradict."""
    orders: set[str] = set()
    for column in table.columns[:MAX_LOOKED_AT]:
        if column != but:
            orders |= orders_of(reading_of(sampled_cells(table, column)))
    return frozenset(orders)


def cells_of(table: ExportTable, column: str) -> Iterable[Any]:
    return (row[column] for row in table.rows if column in row)


def sampled_cells(table: ExportTable, column: str) -> Iterable[Any]:
    """The first N_SAMPLED cells of a column that have a value."""
    if isinstance(table.rows, RowSpool):
        return table.rows.sample(column, N_SAMPLED, table.columns[:MAX_LOOKED_AT])
    return islice(cells_of(table, column), N_SAMPLED)


def unit_doubt(columns: FileColumns, table: ExportTable) -> str | None:
    """What stands against the durations' numbers being seconds, where neither mapping nor column
    says what they are, or against knowing what their dots are."""
    column = columns.columns.get("duration_s", "")
    if not column:
        return None
    dots = columns.duration_dots or durations.dots_in(
        cells_of(table, column), columns.duration_unit
    )
    if dots is None:
        dotted = next((c for c in cells_of(table, column) if "." in str(c)), "")
        return (
            f"{table.path}: column {column!r}: thousands or a fraction behind the dot, as in "
            f'{str(dotted)[:20]!r}? Set "duration_dots" of calls in the mapping to "thousands" or '
            '"fraction"'
        )
    if columns.duration_unit is not None:
        return None
    doubt = durations.doubt_of(cells_of(table, column), dots)
    if doubt is None:
        return None
    return (
        f'{table.path}: column {column!r}: {doubt}: set "duration_unit" of calls in the mapping to '
        '"s", "ms", "min" or "h"'
    )


def with_named_unit(columns: FileColumns, table: ExportTable) -> FileColumns:
    """With the unit that the name of the column of durations ends in, and with what its dots are
    where they part thousands."""
    column = columns.columns.get("duration_s", "")
    if not column:
        return columns
    unit = columns.duration_unit or durations.unit_in(column)
    dots = columns.duration_dots or durations.dots_in(cells_of(table, column), unit)
    said = dots if dots is DotMeaning.THOUSANDS else columns.duration_dots
    return columns.model_copy(update={"duration_unit": unit, "duration_dots": said})


def _with_unit(columns: FileColumns, table: ExportTable) -> FileColumns:
    columns = with_named_unit(columns, table)
    if doubt := unit_doubt(columns, table):
        raise ImportFault(doubt)
    return columns


def _timed(kind: str, columns: FileColumns, table: ExportTable, leads: ExportTable) -> FileColumns:
    if columns.times:
        return columns
    time_column = columns.columns.get(TIMES[kind], "")
    reading = reading_of_file(columns.columns, kind, table, leads)
    if reading.doubt is not None:
        raise ImportFault(
            f"{table.path}: column {time_column!r} {reading.doubt}: set times of {kind} in the "
            f'mapping, such as ["{FORMATS[3]}"]'
        )
    return columns.model_copy(update={"times": reading.formats})

"""Finds which column of an export means what: guessed from names and cells, or read from a file.

A guess is used only where nothing is doubtful; what is doubtful is said, and the draft of a mapping
file leaves it to the user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from schemas.events import Role
from schemas.field_names import FieldName
from schemas.record_check import describe
from streams.importers.outcomes import ImportFault
from streams.importers.tables.fields import FieldsRead, every_column, plain_name, profile_of
from streams.importers.tables.table import ExportTable, Row
from streams.importers.tables.times import FORMATS, TimeReading, reading_of

N_SAMPLED = 5_000

LEAD = ("lead", "lead_id", "leadid", "contact_id", "customer_id", "customer", "contact", "id")
PHONE = ("phone", "phone_number", "telephone", "mobile", "mobile_phone", "tel", "telefon",
         "customer_number", "caller_number", "number")  # fmt: skip
NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "leads": {
        "lead": LEAD,
        "created_at": ("created_at", "created", "created_date", "create_date", "date_created",
                       "created_on", "creation_date", "date"),
        "queue": ("queue", "team", "list"),
        "owner": ("owner", "owner_id", "agent", "assigned_to", "sales_rep"),
        "phone": PHONE,
    },
    "calls": {
        "lead": LEAD[:-1],
        "phone": PHONE,
        "started_at": ("started_at", "start_time", "call_start", "call_time", "called_at", "start",
                       "timestamp", "date", "time"),
        "call_id": ("call_id", "callid", "call", "id"),
        "direction": ("direction", "call_direction"),
        "duration_s": ("duration_s", "duration", "duration_seconds", "call_duration", "seconds"),
        "talk": ("transcript", "segments", "utterances", "turns", "text"),
        "language": ("language", "lang", "language_code", "call_language", "locale"),
    },
    "outcomes": {
        "lead": LEAD,
        "ordered_at": ("ordered_at", "order_date", "ordered", "won_at", "won_date", "close_date",
                       "closed_at", "closed_won_date", "converted_at", "conversion_date", "date"),
        "outcome": ("outcome", "result", "won", "is_won", "converted", "is_converted",
                    "status", "stage", "deal_stage", "target"),
    },
}  # fmt: skip
"""File -> what asllr reads -> names that mean it, the surest first."""

REQUIRED = {"leads": ("lead", "created_at"), "calls": ("lead", "started_at"),
            "outcomes": ("lead", "ordered_at")}  # fmt: skip
OPEN = {"leads": ("created_at",), "calls": ("started_at",), "outcomes": ("outcome", "ordered_at")}
TIMES = {"leads": "created_at", "calls": "started_at", "outcomes": "ordered_at"}


class FileColumns(BaseModel):
    """The mapping of one file: what asllr reads -> the export's column. `times`: formats of its
    times (iso, epoch-s, epoch-ms or as in strptime), of which the first that reads a cell counts;
    empty: guessed from the cells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, str]
    times: tuple[str, ...] = ()

    def cell(self, row: Row, field: str) -> Any:
        return row.get(self.columns.get(field, ""))


class ColumnMapping(BaseModel):
    """Which columns of which file mean what. `zone`: of times without an offset, as Europe/Berlin.
    `profile`: a lead's field -> column. `speakers`: a label in the transcripts -> agent, customer,
    bot, system or unknown, where the label does not say it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str = "UTC"
    leads: FileColumns
    calls: FileColumns | None = None
    outcomes: FileColumns | None = None
    profile: dict[FieldName, str] = {}
    speakers: dict[str, Role] | None = None

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone such as Europe/Berlin") from None
        return zone

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

    def required(self, kind: str) -> tuple[str, ...]:
        return REQUIRED[kind] if self is Purpose.RANK else ("lead",)


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed mapping. `doubts`: what a person has to settle; where there are none, `mapping` may
    be used. `remarks`: what a person should know of the profile."""

    mapping: ColumnMapping
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]


def guess(
    tables: Mapping[str, ExportTable], fields: FieldsRead, purpose: Purpose = Purpose.RANK
) -> Guess:
    """Guesses the mapping from names and cells. `tables` by kind: leads, calls, outcomes."""
    doubts: list[str] = []
    columns_of: dict[str, FileColumns] = {}
    for kind, table in tables.items():
        by_phone = kind == "calls" and "phone" in columns_of["leads"].columns
        taken = _taken(table, tables["leads"], columns_of)
        required = purpose.required(kind)
        found = _columns(kind, _Open(table, taken, by_phone), required, doubts)
        if purpose is Purpose.LEARN and (unsure := list(_unsure(kind, found, table, taken))):
            doubts += unsure
            found = found.model_copy(
                update={"columns": dict.fromkeys(OPEN[kind], "") | found.columns}
            )
        columns_of[kind] = found
    leads = tables["leads"]
    used = _of_file(leads, tables, columns_of)
    choose = profile_of if purpose is Purpose.RANK else every_column
    profile = choose(leads, used, fields)
    return Guess(
        ColumnMapping(
            leads=columns_of["leads"],
            calls=columns_of.get("calls"),
            outcomes=columns_of.get("outcomes"),
            profile=profile.columns,
        ),
        tuple(doubts),
        profile.sentences,
    )


@dataclass(frozen=True, slots=True)
class _Open:
    """A table whose columns are open, but for those `taken`. `by_phone`: its rows may name a
    telephone number instead of a lead."""

    table: ExportTable
    taken: set[str]
    by_phone: bool


def _taken(
    table: ExportTable, leads: ExportTable, columns_of: Mapping[str, FileColumns]
) -> set[str]:
    """The columns of one file of leads and outcomes that are not open any more: the date of a lead
    is not that of its order."""
    if "leads" not in columns_of or table.path != leads.path:
        return set()
    shared = ("lead", "phone")
    return {c for field, c in columns_of["leads"].columns.items() if field not in shared}


def _of_file(
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


def _unsure(kind: str, found: FileColumns, table: ExportTable, taken: set[str]) -> Iterator[str]:
    """Doubts about what has no date: is there one under another name, and if not, who was won?"""
    if found.columns.get(TIMES[kind]):
        return
    used = {*found.columns.values(), *taken}
    if timed := _timed_columns(table, used):
        yield (
            f"{_missing(TIMES[kind], table, used)}: map {timed[0]!r}, or leave {TIMES[kind]} empty "
            "for what has no date"
        )
    elif kind == "outcomes" and "outcome" not in found.columns:
        yield f"{_missing('outcome', table, used)}, and none like ordered_at"


def _columns(
    kind: str, open_table: _Open, required: tuple[str, ...], doubts: list[str]
) -> FileColumns:
    table, by_phone = open_table.table, open_table.by_phone
    named: dict[str, list[str]] = {}
    for column in table.columns:
        if column in open_table.taken:
            continue
        named.setdefault(plain_name(column), []).append(column)
    columns: dict[str, str] = {}
    for field, names in NAMES[kind].items():
        hits = [each for name in names for each in named.get(name, ()) if each not in
                columns.values()]  # fmt: skip
        if hits:
            columns[field] = hits[0]
            if len(named[plain_name(hits[0])]) > 1:
                doubts.append(f"{table.path}: {', '.join(hits)} could all be {field}")
    for field in required:
        if field not in columns and not (field == "lead" and by_phone and "phone" in columns):
            columns[field] = ""
            doubts.append(_missing(field, table, {*columns.values()}))
    reading = _reading(table, columns.get(TIMES[kind], ""))
    if reading.doubt is not None:
        doubts.append(f"{table.path}: column {columns[TIMES[kind]]!r} {reading.doubt}")
    return FileColumns(columns=columns, times=() if reading.doubt else reading.formats)


def _missing(field: str, table: ExportTable, used: set[str]) -> str:
    sentence = f"{table.path}: no column is named like {field}"
    if field in TIMES.values():
        timed = _timed_columns(table, used)
        sentence += f"; times stand in {', '.join(map(repr, timed))}" if timed else ""
    return sentence


def _timed_columns(table: ExportTable, used: set[str]) -> list[str]:
    return [
        column
        for column in table.columns
        if column not in used and (found := _reading(table, column)).formats and not found.doubt
    ]


def _reading(table: ExportTable, column: str) -> TimeReading:
    cells = (row[column] for row in table.rows if column in row)
    return reading_of(islice(cells, N_SAMPLED)) if column else TimeReading(())


def read_mapping(path: Path) -> ColumnMapping:
    """Reads a mapping from a file. Raises ImportFault, OSError."""
    try:
        return ColumnMapping.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ImportFault(f"{path}: not a mapping: {describe(error)}") from None


def complete_mapping(
    mapping: ColumnMapping, tables: Mapping[str, ExportTable], purpose: Purpose = Purpose.RANK
) -> ColumnMapping:
    """Checks a mapping against the tables, and adds formats for all times. Every file has its
    columns, and every column is in its file. Raises ImportFault."""
    timed: dict[str, FileColumns] = {}
    for kind, table in tables.items():
        columns = mapping.of(kind)
        if columns is None:
            raise ImportFault(f"the mapping says nothing of {kind}, which is {table.path}")
        if unknown := columns.columns.keys() - NAMES[kind].keys():
            raise ImportFault(
                f"the mapping of {kind} names {sorted(unknown)[0]!r}; there is: "
                f"{', '.join(NAMES[kind])}"
            )
        missing = [name for name in purpose.required(kind) if not columns.columns.get(name)]
        has_phone = columns.columns.get("phone") and kind != "leads"
        if missing and not (missing == ["lead"] and has_phone):
            raise ImportFault(f"the mapping of {kind} leaves {', '.join(missing)} open")
        if kind == "outcomes" and not any(map(columns.columns.get, OPEN[kind])):
            raise ImportFault("the mapping of outcomes names neither outcome nor ordered_at")
        named = {*columns.columns.values(), *(mapping.profile.values() if kind == "leads" else ())}
        if absent := named - {*table.columns, ""}:
            raise ImportFault(
                f"{table.path}: no column {sorted(absent)[0][:80]!r}; there is: "
                f"{', '.join(table.columns)[:400]}"
            )
        timed[kind] = _timed(kind, columns, table)
    if purpose is Purpose.RANK:
        return mapping.model_copy(update=timed)
    used = _of_file(tables["leads"], tables, timed)
    profile = {name: column for name, column in mapping.profile.items() if column not in used}
    return mapping.model_copy(update={**timed, "profile": profile})


def _timed(kind: str, columns: FileColumns, table: ExportTable) -> FileColumns:
    if columns.times:
        return columns
    time_column = columns.columns.get(TIMES[kind], "")
    reading = _reading(table, time_column)
    if reading.doubt is not None:
        raise ImportFault(
            f"{table.path}: column {time_column!r} {reading.doubt}: set times of {kind} in the "
            f'mapping, such as ["{FORMATS[3]}"]'
        )
    return columns.model_copy(update={"times": reading.formats})

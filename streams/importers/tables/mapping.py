"""Finds which column of an export means what: guessed from names and cells, or read from a file.

A guess is used only where nothing is doubtful; what is doubtful is said, and the draft of a mapping
file leaves it to the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

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
    },
    "outcomes": {
        "lead": LEAD,
        "ordered_at": ("ordered_at", "order_date", "ordered", "won_at", "won_date", "close_date",
                       "closed_at", "closed_won_date", "converted_at", "conversion_date", "date"),
        "outcome": ("outcome", "result", "won", "is_won", "status", "stage", "deal_stage"),
    },
}  # fmt: skip
"""File -> what asllr reads -> names that mean it, the surest first."""

REQUIRED = {"leads": ("lead", "created_at"), "calls": ("lead", "started_at"),
            "outcomes": ("lead", "ordered_at")}  # fmt: skip
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
    `profile`: a lead's field -> column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: str = "UTC"
    leads: FileColumns
    calls: FileColumns | None = None
    outcomes: FileColumns | None = None
    profile: dict[FieldName, str] = {}

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone such as Europe/Berlin") from None
        return zone

    def of(self, kind: str) -> FileColumns | None:
        return {"leads": self.leads, "calls": self.calls, "outcomes": self.outcomes}[kind]


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed mapping. `doubts`: what a person has to settle; where there are none, `mapping` may
    be used. `remarks`: what a person should know of the profile."""

    mapping: ColumnMapping
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]


def guess(tables: Mapping[str, ExportTable], fields: FieldsRead | None) -> Guess:
    """Guesses the mapping from names and cells. `tables` by kind: leads, calls, outcomes. Without
    `fields` every column of the leads is a field."""
    doubts: list[str] = []
    columns_of: dict[str, FileColumns] = {}
    for kind, table in tables.items():
        by_phone = kind == "calls" and "phone" in columns_of["leads"].columns
        columns_of[kind] = _columns(kind, table, by_phone, doubts)
    leads = tables["leads"]
    used = {
        column
        for kind, columns in columns_of.items()
        if tables[kind].path == leads.path
        for column in columns.columns.values()
    }
    profile = every_column(leads, used) if fields is None else profile_of(leads, used, fields)
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


def _columns(kind: str, table: ExportTable, by_phone: bool, doubts: list[str]) -> FileColumns:
    named: dict[str, list[str]] = {}
    for column in table.columns:
        named.setdefault(plain_name(column), []).append(column)
    columns: dict[str, str] = {}
    for field, names in NAMES[kind].items():
        hits = [each for name in names for each in named.get(name, ()) if each not in
                columns.values()]  # fmt: skip
        if hits:
            columns[field] = hits[0]
            if len(named[plain_name(hits[0])]) > 1:
                doubts.append(f"{table.path}: {', '.join(hits)} could all be {field}")
    for field in REQUIRED[kind]:
        if field not in columns and not (field == "lead" and by_phone and "phone" in columns):
            columns[field] = ""
            doubts.append(_missing(field, table, {*columns.values()}))
    reading = _reading(table, columns[TIMES[kind]])
    if reading.doubt is not None:
        doubts.append(f"{table.path}: column {columns[TIMES[kind]]!r} {reading.doubt}")
    return FileColumns(columns=columns, times=() if reading.doubt else reading.formats)


def _missing(field: str, table: ExportTable, used: set[str]) -> str:
    sentence = f"{table.path}: no column is named like {field}"
    if field in TIMES.values():
        timed = [
            column
            for column in table.columns
            if column not in used and (found := _reading(table, column)).formats and not found.doubt
        ]
        sentence += f"; times stand in {', '.join(map(repr, timed))}" if timed else ""
    return sentence


def _reading(table: ExportTable, column: str) -> TimeReading:
    cells = (row[column] for row in table.rows if column in row)
    return reading_of(islice(cells, N_SAMPLED)) if column else TimeReading(())


def read_mapping(path: Path) -> ColumnMapping:
    """Reads a mapping from a file. Raises ImportFault, OSError."""
    try:
        return ColumnMapping.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ImportFault(f"{path}: not a mapping: {describe(error)}") from None


def complete_mapping(mapping: ColumnMapping, tables: Mapping[str, ExportTable]) -> ColumnMapping:
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
        missing = [name for name in REQUIRED[kind] if not columns.columns.get(name)]
        has_phone = columns.columns.get("phone") and kind != "leads"
        if missing and not (missing == ["lead"] and has_phone):
            raise ImportFault(f"the mapping of {kind} leaves {', '.join(missing)} open")
        named = {*columns.columns.values(), *(mapping.profile.values() if kind == "leads" else ())}
        if absent := named - {*table.columns, ""}:
            raise ImportFault(
                f"{table.path}: no column {sorted(absent)[0][:80]!r}; there is: "
                f"{', '.join(table.columns)[:400]}"
            )
        timed[kind] = _timed(kind, columns, table)
    return mapping.model_copy(update=timed)


def _timed(kind: str, columns: FileColumns, table: ExportTable) -> FileColumns:
    if columns.times:
        return columns
    time_column = columns.columns[TIMES[kind]]
    reading = _reading(table, time_column)
    if reading.doubt is not None:
        raise ImportFault(
            f"{table.path}: column {time_column!r} {reading.doubt}: set times of {kind} in the "
            f'mapping, such as ["{FORMATS[3]}"]'
        )
    return columns.model_copy(update={"times": reading.formats})

"""Reads a user's exports: their tables, which column means what, and the events that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from streams.importers.outcomes import ImportFault
from streams.importers.tables.events import Read, events_of
from streams.importers.tables.fields import FieldsRead, own_where_unknown
from streams.importers.tables.mapping import (
    ColumnMapping,
    Purpose,
    complete_mapping,
    guess,
    read_mapping,
)
from streams.importers.tables.table import ExportTable, read_table

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


def read_exports(
    paths: Mapping[str, Path | None],
    mapping_path: Path | None,
    fields: FieldsRead,
    now: datetime,
    purpose: Purpose = Purpose.RANK,
) -> Exports:
    """Reads CSV or JSON lines, a row a lead, a call or an outcome; rows later than `now` are left
    out. Without a mapping the columns are guessed. Raises ImportFault, OSError."""
    return exports_of(read_tables(paths), mapping_path, fields, now, purpose)


def read_tables(paths: Mapping[str, Path | None]) -> dict[str, ExportTable]:
    """The tables of the files that there are. Raises ImportFault, OSError."""
    return {kind: read_table(path) for kind, path in paths.items() if path is not None}


def exports_of(
    tables: Mapping[str, ExportTable],
    mapping_path: Path | None,
    fields: FieldsRead,
    now: datetime,
    purpose: Purpose,
) -> Exports:
    """As `read_exports`, of tables that were read. Raises ImportFault, OSError."""
    mapping, remarks = _mapping(tables, mapping_path, fields, purpose)
    read = events_of(tables, mapping, fields, now, purpose)
    return Exports(tables, mapping, remarks, read)


def _mapping(
    tables: Mapping[str, ExportTable], path: Path | None, fields: FieldsRead, purpose: Purpose
) -> tuple[ColumnMapping, tuple[str, ...]]:
    """The mapping of columns, read from `path` or guessed, and what a person should know of it; a
    doubtful guess becomes a draft and ends the command."""
    if path is not None and path.exists():
        mapping = complete_mapping(read_mapping(path), tables, purpose)
        profile = own_where_unknown(tables["leads"], mapping.profile, fields)
        return mapping.model_copy(update={"profile": profile.columns}), profile.sentences
    guessed = guess(tables, fields, purpose)
    if not guessed.doubts:
        return guessed.mapping, guessed.remarks
    draft = path or DRAFT
    where = f"correct {draft} and give it as --mapping {draft}"
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.write(guessed.mapping.model_dump_json(indent=2, exclude_none=True) + "\n")
    except FileExistsError:
        where = f"{draft} exists already: give it as --mapping {draft}, or remove it"
    raise ImportFault(f"not sure what the columns mean: {'; '.join(guessed.doubts)}. {where}")

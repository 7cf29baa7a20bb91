"""Turns mapped rows into events. A row that cannot be one is counted with its reason; many such
rows mean that the mapping is wrong, and stop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from schemas.events import EventBase, LeadClosed, StageChanged
from schemas.record_check import describe
from streams.importers.outcomes import ImportFault
from streams.importers.spool.events import EventSpool
from streams.importers.tables.cells import LeftOut, Unusable
from streams.importers.tables.counted import CountedRows
from streams.importers.tables.fields import FieldsRead, value_readers
from streams.importers.tables.mapping import ColumnMapping, Purpose
from streams.importers.tables.row_reader import BEGINNING, TENANT, RowReader, RowReading
from streams.importers.tables.table import ExportTable
from streams.importers.tables.talk import TalkColumn
from streams.importers.tables.whose import MAP_IDS, KnownLeads

__all__ = ["TENANT", "Read", "events_of"]

MAX_UNUSABLE = 0.05
"""The share of a file's rows that may be unusable."""

FEW_UNUSABLE = 2
"""So many rows may always be: a short file is not wrong for one of them."""


@dataclass(slots=True)
class Read:
    """What was read of an export. `counts`: rows used, by file. `skipped`: one sentence for each
    reason, with how many rows it took. `n_orders`: leads that ordered; `n_early`: of these, before
    all else that is known of them. `won`: lead -> whether it was won, where outcomes have no date;
    such a lead is closed. `has_times`: whether it is known when leads came in; without, nothing can
    be said of the order in which things happened."""

    events: EventSpool = field(default_factory=EventSpool)
    counts: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    n_orders: int = 0
    n_early: int = 0
    won: dict[str, bool] = field(default_factory=dict)
    has_times: bool = True

    def closings(self) -> list[EventBase]:
        """An end for each lead of which only its outcome is known and not when: at the last moment
        of all, so that it is on no list of today and on all before."""
        last = self.events[-1].occurred_at if self.events else BEGINNING
        return [
            LeadClosed(
                id=f"{number:09}",
                source="try/undated",
                tenant=TENANT,
                lead=lead,
                occurred_at=last,
                reason="won" if is_won else "lost",
            )
            for number, (lead, is_won) in enumerate(sorted(self.won.items()))
        ]


def events_of(
    tables: Mapping[str, ExportTable],
    mapping: ColumnMapping,
    fields: FieldsRead,
    now: datetime,
    purpose: Purpose = Purpose.RANK,
) -> Read:
    """The events of all tables, in order of time; what is later than `now` is a plan and not an
    event. To learn from, leads and calls without dates all are of BEGINNING. Raises ImportFault
    when too much of a file is unusable, or nothing of it is left."""
    if purpose is Purpose.LEARN:
        _check_dates(mapping)
    read = Read(has_times=mapping.has_times)
    leads = KnownLeads(tables["leads"], mapping.leads, mapping.nobody or ())
    values = value_readers(tables["leads"], mapping.profile, fields)
    read.skipped += [f"{tables['leads'].path}: {remark}" for remark in leads.remarks()]
    reading = RowReading(mapping, leads, values, now, purpose, read.won)
    for kind, table in tables.items():
        columns = mapping.of(kind)
        if columns is not None:
            talk = TalkColumn(mapping.speakers or {})
            _read(RowReader(kind, table, columns, reading, talk), read)
    read.events.sort()
    if "outcomes" in tables:
        read.n_orders, read.n_early = _n_orders(read.events)
    return read


def _check_dates(mapping: ColumnMapping) -> None:
    """Raises ImportFault where some things have dates and others have none: nobody could tell what
    came first."""
    has_dates = mapping.has_times
    if mapping.calls is not None and bool(mapping.calls.columns.get("started_at")) != has_dates:
        raise ImportFault(
            f"{'leads' if has_dates else 'calls'} have dates and "
            f"{'calls' if has_dates else 'leads'} have none: map both created_at and started_at, "
            "or neither"
        )
    if mapping.has_dated_outcomes and not has_dates:
        raise ImportFault(
            "outcomes have dates and leads have none: map created_at, or leave ordered_at out"
        )


def _n_orders(events: Iterable[EventBase]) -> tuple[int, int]:
    """How many leads ordered, and how many of them before anything else was known of them. `events`
    in order of time."""
    leads: set[str] = set()
    ordered: set[str] = set()
    early: set[str] = set()
    for event in events:
        if isinstance(event, StageChanged):
            ordered.add(event.lead)
            early |= {event.lead} - leads
        elif not isinstance(event, LeadClosed):
            leads.add(event.lead)
    return len(ordered), len(early & leads)


def _read(reader: RowReader, read: Read) -> None:
    table = reader.table
    unusable, left_out = CountedRows("skipped"), CountedRows("skipped")
    unusable.reasons |= {reason: (lines, None) for reason, lines in table.unreadable.items()}
    advice: Counter[str] = Counter()
    for line, row in zip(table.lines, table.rows, strict=True):
        try:
            for event in reader.events(line, row):
                read.events.append(event)
        except ValidationError as error:
            unusable.add(line, describe(error), None)
        except LeftOut as error:
            left_out.add(line, str(error), error.value)
            advice[error.advice] += 1
        except Unusable as error:
            unusable.add(line, str(error), error.value)
    n_rows = len(table.rows) + sum(map(len, table.unreadable.values()))
    sentences = [*unusable.sentences(table.path), *left_out.sentences(table.path)]
    if unusable.n_rows > max(FEW_UNUSABLE, MAX_UNUSABLE * n_rows) or unusable.n_rows == n_rows:
        raise ImportFault(
            f"{sentences[0]}; with {unusable.n_rows:,} of {n_rows:,} rows unusable the mapping "
            "or the export is wrong"
        )
    if left_out.n_rows == n_rows - unusable.n_rows:
        then = advice.most_common(1)[0][0] or MAP_IDS
        raise ImportFault(f"{left_out.commonest(table.path)}; nothing of it is left: {then}")
    read.skipped += [*table.remarks, *sentences, *reader.doubts()]
    read.counts[reader.kind] = n_rows - unusable.n_rows - left_out.n_rows

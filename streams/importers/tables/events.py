"""Turns mapped rows into events. A row that cannot be one is counted with its reason; many such
rows mean that the mapping is wrong, and stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    Stage,
    StageChanged,
    TranscriptReady,
)
from schemas.record_check import describe
from scoring.lead.language import UNDETERMINED
from scoring.lead.state import Value
from streams.importers.outcomes import ImportFault
from streams.importers.tables.cells import (
    NO,
    YES,
    LeftOut,
    Unusable,
    direction_of,
    is_language,
    language_of,
    lead_id,
    seconds_of,
)
from streams.importers.tables.fields import FieldsRead, value_reader
from streams.importers.tables.mapping import ColumnMapping, FileColumns, Purpose
from streams.importers.tables.table import ExportTable, Row
from streams.importers.tables.talk import TalkColumn
from streams.importers.tables.times import parse_time
from streams.importers.tables.whose import KnownLeads
from streams.importers.transcripts.event import segments_of_call

TENANT = "try"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""The moment of leads and calls that have no date."""

MAX_UNUSABLE = 0.05
"""The share of a file's rows that may be unusable."""


@dataclass(slots=True)
class Read:
    """What was read of an export. `counts`: rows used, by file. `skipped`: one sentence for each
    reason, with how many rows it took. `n_orders`: leads that ordered; `n_early`: of these, before
    all else that is known of them. `won`: lead -> whether it was won, where outcomes have no
    date."""

    events: list[EventBase] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    n_orders: int = 0
    n_early: int = 0
    won: dict[str, bool] = field(default_factory=dict)


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
    read = Read()
    leads = KnownLeads(tables["leads"], mapping.leads)
    values = {
        field: value_reader(tables["leads"], field, column, fields)
        for field, column in mapping.profile.items()
    }
    if leads.n_repeated:
        read.skipped.append(
            f"{tables['leads'].path}: {leads.n_repeated:,} rows are of a lead that has one "
            "already: of each column the newest row with a value counts"
        )
    for kind, table in tables.items():
        columns = mapping.of(kind)
        if columns is not None:
            talk = TalkColumn(mapping.speakers or {})
            reader = _Reader(mapping, columns, leads, values, now, purpose, read.won, talk)
            _read(kind, table, reader, read)
    read.events.sort(key=lambda event: (event.occurred_at, event.source, event.id))
    read.n_orders = len({each.lead for each in read.events if isinstance(each, StageChanged)})
    read.n_early = _n_early(read.events)
    return read


def _check_dates(mapping: ColumnMapping) -> None:
    """Raises ImportFault where some things have dates and others have none: nobody could tell what
    came first."""
    has_dates = bool(mapping.leads.columns.get("created_at"))
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


def _n_early(events: Iterable[EventBase]) -> int:
    """How many leads ordered before anything else was known of them. `events` in order of time."""
    leads: set[str] = set()
    early: set[str] = set()
    for event in events:
        if isinstance(event, StageChanged):
            early |= {event.lead} - leads
        elif not isinstance(event, LeadClosed):
            leads.add(event.lead)
    return len(early & leads)


def _read(kind: str, table: ExportTable, reader: _Reader, read: Read) -> None:
    convert = {"leads": reader.lead, "calls": reader.call, "outcomes": reader.outcome}[kind]
    unusable = _Refused({reason: (lines, None) for reason, lines in table.unreadable.items()})
    left_out = _Refused({})
    for line, row in zip(table.lines, table.rows, strict=True):
        try:
            read.events += convert(line, row)
        except ValidationError as error:
            unusable.add(line, describe(error), None)
        except LeftOut as error:
            left_out.add(line, str(error), error.value)
        except Unusable as error:
            unusable.add(line, str(error), error.value)
    n_rows = len(table.rows) + sum(map(len, table.unreadable.values()))
    sentences = [*unusable.sentences(table), *left_out.sentences(table)]
    if unusable.n_rows > MAX_UNUSABLE * n_rows:
        raise ImportFault(
            f"{sentences[0]}; with {unusable.n_rows:,} of {n_rows:,} rows unusable the mapping "
            "or the export is wrong"
        )
    if left_out.n_rows == n_rows - unusable.n_rows:
        raise ImportFault(
            f"{sentences[-1]}; nothing of it is left: map lead to the columns that hold the same "
            "ids in both files, or phone to those with telephone numbers"
        )
    read.skipped += [*sentences, *reader.doubts(table)]
    read.counts[kind] = n_rows - unusable.n_rows - left_out.n_rows


@dataclass(slots=True)
class _Refused:
    """Reason -> (lines, the first one's cell, where it may be shown)."""

    reasons: dict[str, tuple[list[int], Any]]

    def add(self, line: int, reason: str, value: Any) -> None:
        self.reasons.setdefault(reason, ([], value))[0].append(line)

    @property
    def n_rows(self) -> int:
        return sum(len(lines) for lines, _ in self.reasons.values())

    def sentences(self, table: ExportTable) -> Iterable[str]:
        for reason, (lines, value) in self.reasons.items():
            shown = "" if value is None else f", {str(value)[:40]!r}"
            rows = "row" if len(lines) == 1 else "rows"
            first = "in" if len(lines) == 1 else "the first in"
            yield (
                f"{table.path}: {len(lines):,} {rows} skipped, {first} line {lines[0]}{shown}: "
                f"{reason}"
            )


@dataclass(frozen=True, slots=True)
class _Reader:
    mapping: ColumnMapping
    columns: FileColumns
    leads: KnownLeads
    values: Mapping[str, Callable[[Any], Value]]
    now: datetime
    purpose: Purpose
    won: dict[str, bool]
    talk: TalkColumn

    def lead(self, line: int, row: Row) -> Iterator[EventBase]:
        if (named := self._cell(row, "lead")) is None:
            raise Unusable("no lead")
        profile: dict[str, Value] = {
            name: value
            for name, column in self.mapping.profile.items()
            if column in row and (value := self.values[name](row[column])) is not None
        }
        queue, owner = self._cell(row, "queue"), self._cell(row, "owner")
        yield LeadUpserted(
            **_envelope("leads", line, lead_id(named), self._time(row, "created_at")),
            profile=profile,
            queue=None if queue is None else lead_id(queue),
            owner=None if owner is None else str(owner),
        )

    def call(self, line: int, row: Row) -> Iterator[EventBase]:
        lead = self.leads.whose(row, self.columns)
        started_at = self._time(row, "started_at")
        duration_s = seconds_of(self._cell(row, "duration_s"))
        spoken = self.talk.read(line, self._cell(row, "talk"))
        end = started_at + timedelta(seconds=duration_s or 0.0)
        call_id = lead_id(self._cell(row, "call_id") or f"line-{line}")
        envelope = _envelope("calls", line, lead, end)
        yield InteractionLogged(
            **envelope,
            channel=Channel.CALL,
            direction=direction_of(self._cell(row, "direction")),
            duration_s=duration_s,
            call_id=call_id,
        )
        if spoken is not None:
            told = language_of(self._cell(row, "language"))
            yield TranscriptReady(
                **{**envelope, "id": f"{envelope['id']}:talk"},
                call_id=call_id,
                started_at=started_at,
                revision=spoken.revision,
                final=spoken.is_final,
                language=told if told != UNDETERMINED else spoken.language or told,
                segments=segments_of_call(spoken),
            )

    def doubts(self, table: ExportTable) -> Iterator[str]:
        """What was read otherwise than who wrote it may have meant."""
        yield from self.talk.sentences(table.path)
        told = [cell for row in table.rows if (cell := self._cell(row, "language")) is not None]
        odd = [str(cell) for cell in told if not is_language(cell)]
        if odd:
            yield (
                f"{table.path}: {len(odd):,} of {len(told):,} languages are no tags as de or en-US "
                f"are, the first is {odd[0][:40]!r}: these calls are read as of an unknown language"
            )

    def outcome(self, line: int, row: Row) -> Iterator[EventBase]:
        lead = self.leads.whose(row, self.columns)
        is_dated = self.purpose is Purpose.RANK or self.mapping.has_dated_outcomes
        if is_dated and self._cell(row, "ordered_at") is None:
            raise LeftOut("no date: taken for still open")
        outcome = self._cell(row, "outcome")
        if outcome is None and not is_dated:
            raise LeftOut("no outcome: taken for still open")
        word = str(outcome or "won").strip().lower()
        if word not in YES | NO:
            allowed = ", ".join((*sorted(YES), *sorted(NO)))
            raise LeftOut(f"taken for still open: its outcome is none of {allowed}", outcome)
        if not is_dated:
            self.won[lead] = self.won.get(lead, False) or word in YES
            return
        envelope = _envelope("outcomes", line, lead, self._time(row, "ordered_at"))
        if word in YES:
            yield StageChanged(**envelope, stage=Stage.ORDER)
        else:
            yield LeadClosed(**envelope, reason="lost")

    def _cell(self, row: Row, field: str) -> Any:
        return self.columns.cell(row, field)

    def _time(self, row: Row, field: str) -> datetime:
        if self.purpose is Purpose.LEARN and not self.columns.columns.get(field):
            return BEGINNING
        cell = self._cell(row, field)
        if cell is None:
            raise Unusable(f"no {field}")
        try:
            at = parse_time(cell, self.columns.times, ZoneInfo(self.mapping.zone))
        except ValueError as error:
            raise Unusable(f"{field}: {error}", cell) from None
        if at > self.now:
            raise LeftOut(f"{field}: in the future", cell)
        return at


def _envelope(kind: str, line: int, lead: str, at: datetime) -> dict[str, Any]:
    """The fields that all events of a row share. Of equal times the later line is the newer one."""
    return {
        "id": f"{line:09}",
        "source": f"try/{kind}",
        "tenant": TENANT,
        "lead": lead,
        "occurred_at": at,
    }

"""Turns single rows into events. A part of a row that cannot be read is left out or mended, and the
rest is kept; a row is refused only where nobody can tell whose it is or when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar
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
from streams.importers.tables.cells import (
    LeftOut,
    Unusable,
    direction_of,
    is_language,
    language_of,
    lead_id,
)
from streams.importers.tables.counted import CountedRows
from streams.importers.tables.durations import DurationUnit, seconds_of
from streams.importers.tables.endings import MAP_DATES, EndingReader
from streams.importers.tables.fields import MAX_TEXT
from streams.importers.tables.ids import named
from streams.importers.tables.mapping import TIMES, ColumnMapping, FileColumns, Purpose, cells_of
from streams.importers.tables.table import ExportTable, Row
from streams.importers.tables.talk import TalkColumn
from streams.importers.tables.times import end_of_day, is_midnight, read_time
from streams.importers.tables.whose import KnownLeads
from streams.importers.tables.words.outcome_words import Fate
from streams.importers.transcripts.event import segments_of_call
from streams.importers.transcripts.normal import CallTranscript

TENANT = "try"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""The moment of leads and calls that have no date."""

N_SAMPLED = 5_000
MAX_WORDS_A_SECOND = 8
"""Nobody speaks so fast: conversation has two or three words a second."""

MIN_TIMED = 5

_Made = TypeVar("_Made", bound=EventBase)


@dataclass(frozen=True, slots=True)
class RowReading:
    """What all rows are read with. `won`: lead -> whether it was won, where outcomes have no date;
    it is filled by reading them."""

    mapping: ColumnMapping
    leads: KnownLeads
    values: Mapping[str, Callable[[Any], Value]]
    now: datetime
    purpose: Purpose
    won: dict[str, bool]


@dataclass(frozen=True)
class RowReader:
    """Reads the rows of one file. `mended`: rows of which a part was mended or left out."""

    kind: str
    table: ExportTable
    columns: FileColumns
    reading: RowReading
    talk: TalkColumn
    mended: CountedRows = field(default_factory=lambda: CountedRows("mended"))
    _respelt: Counter[str] = field(default_factory=Counter)
    _bare: Counter[str] = field(default_factory=Counter)
    _spoken: Counter[str] = field(default_factory=Counter)
    _shared: Counter[str] = field(default_factory=Counter)

    def events(self, line: int, row: Row) -> Iterator[EventBase]:
        """The events of a row. Raises LeftOut, Unusable or pydantic's ValidationError."""
        match self.kind:
            case "leads":
                return self._lead(line, row)
            case "calls":
                return self._call(line, row)
            case _:
                return self._outcome(line, row)

    def _lead(self, line: int, row: Row) -> Iterator[EventBase]:
        if (cell := self._cell(row, "lead")) is None:
            raise Unusable("no lead")
        profile: dict[str, Value] = {}
        for name, column in self.reading.mapping.profile.items():
            if column in row and (value := self.reading.values[name](row[column])) is not None:
                profile[name] = value
                is_full = isinstance(value, str) and len(value) == MAX_TEXT
                if is_full and len(str(row[column]).strip()) > MAX_TEXT:
                    self.mended.add(
                        line, f"{column}: only the first {MAX_TEXT} characters are kept"
                    )
        owner = self._cell(row, "owner")
        yield self._event(
            LeadUpserted,
            line,
            _envelope("leads", line, named(cell), self._time(row, "created_at")),
            profile=profile,
            queue=self._part(line, "queue", lead_id, self._cell(row, "queue")),
            owner=None if owner is None else str(owner)[:MAX_TEXT],
        )

    def _call(self, line: int, row: Row) -> Iterator[EventBase]:
        leads = self._whose(row)
        started_at = self._time(row, "started_at")
        unit = self.columns.duration_unit or DurationUnit.SECONDS
        dots, duration = self.columns.duration_dots, self._cell(row, "duration_s")
        duration_s = self._part(line, "", lambda cell: seconds_of(cell, unit, dots), duration)
        spoken = self.talk.read(line, self._cell(row, "talk"))
        end = started_at + timedelta(seconds=duration_s or 0.0)
        call_id = self._part(line, "call_id", named, self._cell(row, "call_id")) or f"line-{line}"
        direction = direction_of(self._cell(row, "direction"))
        if spoken is not None and duration_s:
            n_words = sum(len(each.text.split()) for each in spoken.utterances)
            self._spoken["timed"] += 1
            self._spoken["too fast"] += n_words > MAX_WORDS_A_SECOND * duration_s
        for lead in leads:
            envelope = _envelope("calls", line, lead, end)
            yield self._event(
                InteractionLogged,
                line,
                envelope,
                channel=Channel.CALL,
                direction=direction,
                duration_s=duration_s,
                call_id=call_id,
            )
            if spoken is not None:
                yield from self._talk(line, row, envelope, spoken, call_id, started_at)

    def _talk(
        self,
        line: int,
        row: Row,
        envelope: Mapping[str, Any],
        spoken: CallTranscript,
        call_id: str,
        started_at: datetime,
    ) -> Iterator[TranscriptReady]:
        told = language_of(self._cell(row, "language"))
        try:
            yield TranscriptReady(
                **{**envelope, "id": f"{envelope['id']}:talk"},
                call_id=call_id,
                started_at=started_at,
                revision=spoken.revision,
                final=spoken.is_final,
                language=told if told != UNDETERMINED else spoken.language or told,
                segments=segments_of_call(spoken),
            )
        except ValidationError as error:
            self.mended.add(line, f"its transcript is left out: {describe(error)}")

    def _outcome(self, line: int, row: Row) -> Iterator[EventBase]:
        leads = self._whose(row)
        has_times = self.reading.mapping.has_times
        is_dated = self.reading.mapping.has_dated_outcomes and (
            has_times or self.reading.purpose is Purpose.LEARN
        )
        fate, dated = self._endings.read(row, is_dated=is_dated)
        if not is_dated:
            for lead in leads:
                self.reading.won[lead] = self.reading.won.get(lead, False) or fate is Fate.WON
            return
        ended_at = self._time(row, dated)
        for lead in leads:
            envelope = _envelope("outcomes", line, lead, ended_at)
            if fate is Fate.WON:
                yield StageChanged(**envelope, stage=Stage.ORDER)
            else:
                yield LeadClosed(**envelope, reason="lost")

    def doubts(self) -> Iterator[str]:
        """What was read otherwise than who wrote it may have meant."""
        path = self.table.path
        yield from self.talk.sentences(path)
        yield from self.mended.sentences(path)
        for lost, n in self._respelt.items():
            rows = "row names its lead" if n == 1 else "rows name their lead"
            yield f"{path}: {n:,} {rows} in another spelling ({lost}): read as the lead's own id"
        if n := self._shared["rows"]:
            yield f"{path}: {n:,} rows of several leads: each of these leads has the whole row"
        timed, too_fast = self._spoken["timed"], self._spoken["too fast"]
        if timed >= MIN_TIMED and too_fast > timed / 2:
            yield (
                f"{path}: in {too_fast:,} of {timed:,} calls more is said than fits into their "
                'duration: if its unit is another, set "duration_unit" of calls in the mapping'
            )
        for name, n in self._bare.items():
            what = "date" if n == 1 else "dates"
            yield (
                f"{path}: {n:,} {what} of {name} without a clock: read as the end of that day "
                f"({self.reading.mapping.zone})"
            )
        directions = [*cells_of(self.table, self.columns.columns.get("direction", ""))]
        if odd := [str(cell) for cell in directions if direction_of(cell) is None]:
            yield (
                f"{path}: {len(odd):,} of {len(directions):,} directions are neither inbound nor "
                f"outbound, the first is {odd[0][:40]!r}: read as unknown"
            )
        told = [*cells_of(self.table, self.columns.columns.get("language", ""))]
        odd = [str(cell) for cell in told if not is_language(cell)]
        if odd:
            yield (
                f"{path}: {len(odd):,} of {len(told):,} languages are no tags as de or en-US "
                f"are, the first is {odd[0][:40]!r}: these calls are read as of an unknown language"
            )

    @cached_property
    def _endings(self) -> EndingReader:
        return EndingReader(self.table, self.columns, self.reading.mapping)

    @cached_property
    def _is_of_days(self) -> bool:
        """Whether all times of the file are midnights, as of dates that a program has written as
        times."""
        column = self.columns.columns.get(TIMES[self.kind], "")
        cells = list(islice(cells_of(self.table, column), N_SAMPLED))
        return bool(cells) and all(map(self._is_day, cells))

    def _is_day(self, cell: Any) -> bool:
        try:
            moment, is_bare = read_time(cell, self.columns.times, self._zone)
        except ValueError:
            return True  # told where the row itself is read
        return is_bare or is_midnight(moment, self._zone)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.reading.mapping.zone)

    def _cell(self, row: Row, name: str) -> Any:
        return self.columns.cell(row, name)

    def _time(self, row: Row, name: str) -> datetime:
        """The time of a row. What is known to have happened on a day only counts at its end, so
        that no list of that day knows it; but a lead came in at its beginning."""
        mapping, now = self.reading.mapping, self.reading.now
        is_learning = self.reading.purpose is Purpose.LEARN
        if not (self.columns.columns.get(name) if is_learning else mapping.has_times):
            return BEGINNING
        cell = self._cell(row, name)
        if cell is None:
            raise Unusable(f"no {name}")
        try:
            at, is_bare = read_time(cell, self.columns.times, self._zone)
        except ValueError as error:
            raise Unusable(f"{name}: {error}", cell) from None
        if at > now:
            raise LeftOut(f"{name}: in the future", cell, advice=MAP_DATES)
        if name != "created_at" and (is_bare or self._is_of_days):
            self._bare[name] += 1
            return min(end_of_day(at, self._zone), now)
        return at

    def _whose(self, row: Row) -> tuple[str, ...]:
        leads = self.reading.leads.whose(row, self.columns, self._respelt)
        self._shared["rows"] += len(leads) > 1
        return leads

    def _part(self, line: int, name: str, read: Callable[[Any], Any], cell: Any) -> Any:
        """A part of a row that can be left out: None where it cannot be read, which is counted."""
        if cell is None:
            return None
        try:
            return read(cell)
        except Unusable as error:
            self.mended.add(line, f"{name}: {error}" if name else str(error), error.value)
            return None

    def _event(
        self, event: type[_Made], line: int, envelope: Mapping[str, Any], **parts: Any
    ) -> _Made:
        """An event without the parts that it cannot have; raises ValidationError where it is the
        envelope that is wrong."""
        while True:
            try:
                return event(**envelope, **parts)
            except ValidationError as error:
                self._without(error, line, parts)

    def _without(self, error: ValidationError, line: int, parts: dict[str, Any]) -> None:
        """Takes the first wrong part out of `parts`; raises `error` where there is none."""
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            name, *inner = fault["loc"]
            if name not in parts:
                continue
            if inner and isinstance(parts[name], dict) and inner[0] in parts[name]:
                parts[name] = {k: v for k, v in parts[name].items() if k != inner[0]}
            else:
                del parts[str(name)]
            self.mended.add(line, f"{name} is left out: {describe(error)}")
            return
        raise error


def _envelope(kind: str, line: int, lead: str, at: datetime) -> dict[str, Any]:
    """The fields that all events of a row share. Of equal times the later line is the newer one."""
    return {
        "id": f"{line:09}",
        "source": f"try/{kind}",
        "tenant": TENANT,
        "lead": lead,
        "occurred_at": at,
    }

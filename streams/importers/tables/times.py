"""Reads times as exports write them. Day and month are never guessed where both readings are
possible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any

from streams.importers.tables.words.time_words import clean_time, offset_of

ISO, EPOCH_S, EPOCH_MS, EPOCH_US, EXCEL = "iso", "epoch-s", "epoch-ms", "epoch-us", "excel-days"
_PER_SECOND = {EPOCH_S: 1, EPOCH_MS: 1_000, EPOCH_US: 1_000_000}
_EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001  # a sheet has no zone; the file's comes after
_EXCEL_DAYS = range(32_874, 73_050)
"""1990 to 2099, as days of a sheet. A shorter or longer number is none."""

_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y"),
    *("%Y-%m-%d", "%Y.%m.%d", "%d-%m-%y", "%m-%d-%y", "%d %b %y", "%b %d %Y", "%d/%b/%Y"),
    *("%Y %b %d", "%Y-%b-%d", "%d %m %Y", "%Y%m%d", "%y-%m-%d"),
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S"),
    *(", %I:%M %p", ", %I:%M:%S %p", " %H:%M:%S.%f", " %H.%M", " %H.%M.%S", " %I %p", ":%H:%M:%S"),
    *("T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", "%H%M%S", " %H%M", " %H%M%S"),
)
FORMATS = (
    *(ISO, EPOCH_S, EPOCH_MS),
    *(date + clock for date in _DATES for clock in _CLOCKS),
    *("%H:%M %d.%m.%Y", "%H:%M %d/%m/%Y", "%b %d %H:%M:%S %Y", EPOCH_US, EXCEL),
)
ISO_EXAMPLE = "2026-03-01 09:30+01:00"
_ORDERS = frozenset(f"%{one}{mark}%{two}" for mark in "/.- " for one, two in ("dm", "md"))
_YEARS = range(1990, 2100)
_READS = 0.95
"""A format reads a column when it reads this share of its cells."""

_N_TRIED = 20
"""A format must read one of so many cells of one shape before it is tried on all of them."""

_MAX_SHAPES = 100
"""A column of more shapes holds texts, not times."""

_BARE_ISO = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_PARTS = {
    **dict.fromkeys("dmIHMSy", r"\d{1,2}"),
    "Y": r"\d{4}",
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]+",
    "p": "[APap][Mm]",
    "f": r"\d{1,6}",
}


def parse_time(value: Any, formats: Sequence[str], zone: tzinfo) -> datetime:
    """A cell as a time in UTC, to the millisecond, read by the first format that can; `zone` is for
    times without an offset. Raises ValueError."""
    return read_time(value, formats, zone)[0]


def read_time(value: Any, formats: Sequence[str], zone: tzinfo) -> tuple[datetime, bool]:
    """As `parse_time`, and whether the cell is a date without a clock."""
    for format_ in formats:
        try:
            moment, is_bare = _parse(value, format_)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            continue
        if moment.year not in _YEARS:
            raise ValueError(f"the year is outside {_YEARS[0]} to {_YEARS[-1]}")
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000), is_bare
    raise ValueError(f"not a time in the format {' or '.join(formats)}")


def end_of_day(moment: datetime, zone: tzinfo) -> datetime:
    """The last millisecond of the day that begins at `moment` in `zone`, 23 or 25 hours long where
    the clock is set."""
    begin = moment.astimezone(zone)
    following = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=begin.tzinfo)
    return following.astimezone(UTC) - timedelta(milliseconds=1)


def is_midnight(moment: datetime, zone: tzinfo) -> bool:
    """Whether it is midnight in `zone` or in UTC: how dates look that were written as times."""
    return any(
        (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
        for at in (moment.astimezone(zone), moment)
    )


def _parse(value: Any, format_: str) -> tuple[datetime, bool]:
    text = clean_time(value)
    if format_ == ISO:
        return _iso(text), bool(_BARE_ISO.fullmatch(text))
    if format_ in _PER_SECOND:
        return datetime.fromtimestamp(float(text) / _PER_SECOND[format_], UTC), False
    if format_ == EXCEL:
        days = float(text)
        if int(days) not in _EXCEL_DAYS:
            raise ValueError
        moment = _EXCEL_ZERO + timedelta(seconds=round(days * 86_400))
        return moment, days.is_integer()
    rest, offset = offset_of(text)
    pattern = _pattern_of(format_)
    for written, zone in ((text, None), (rest, offset)):
        if pattern is None or pattern.fullmatch(written):
            moment = datetime.strptime(written, format_)  # noqa: DTZ007  # the zone comes after
            return _with(moment, zone), not re.search(r"%[HIcXTR]", format_)
        if zone is None and offset is None:
            break
    raise ValueError


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        rest, offset = offset_of(text)
        if offset is None:
            raise
        return _with(datetime.fromisoformat(rest), offset)


def _with(moment: datetime, offset: timedelta | None) -> datetime:
    return moment if offset is None else moment.replace(tzinfo=timezone(offset))


@lru_cache(maxsize=2 * len(FORMATS))
def _pattern_of(format_: str) -> re.Pattern[str] | None:
    """What texts of a format look like, which is faster to try than the format; None where the
    format has parts that are not asllr's own."""
    pieces = re.split(r"%(.)", format_)
    if any(part not in _PARTS for part in pieces[1::2]):
        return None
    is_tight = bool(re.search(r"%[YmdHMS]%[mdHMS]", format_))
    parts = [
        (_PARTS[piece].replace("{1,2}", "{2}") if is_tight else _PARTS[piece])
        if number % 2
        else re.escape(piece)
        for number, piece in enumerate(pieces)
    ]
    return re.compile("".join(parts))


@dataclass(frozen=True, slots=True)
class TimeReading:
    """How a column's times are to be read, or what stands against it (`doubt`). `is_of_two_ways`:
    nothing but that day and month could change places, or the like."""

    formats: tuple[str, ...]
    doubt: str | None = None
    is_of_two_ways: bool = False


@dataclass(frozen=True, slots=True)
class _Alike:
    """The cells of one shape, and the formats that read them."""

    cells: list[Any]
    possible: tuple[str, ...]

    @property
    def orders(self) -> frozenset[str]:
        """Of each format the order of its day and month."""
        return frozenset(_order(each) for each in self.possible)


def _order(format_: str) -> str:
    """`%d/%m` or `%m/%d` of a format that has one of them; the format itself of another."""
    found = re.match(r"%[dm](.)%[dm]", format_)
    return found[0] if found else format_


def orders_of(reading: TimeReading) -> frozenset[str]:
    """The orders of day and month in a column of times: `%d/%m` or `%m/%d`, none where it has
    names of months or a doubt."""
    found = frozenset(map(_order, reading.formats)) if reading.doubt is None else frozenset()
    return found & _ORDERS


def reading_of(cells: Iterable[Any], orders: frozenset[str] = frozenset()) -> TimeReading:
    """Finds the formats of a column's times. Cells of one shape (`00.00.0000`) have one format; a
    column may mix shapes, but not the order of day and month. `orders`: of other columns, for cells
    that do not say theirs."""
    shapes: dict[str, list[Any]] = {}
    n_cells = 0
    for cell in cells:
        n_cells += 1
        if len(shapes) <= _MAX_SHAPES:
            shapes.setdefault(_shape(cell), []).append(cell)
    if len(shapes) > _MAX_SHAPES:
        return _no_times(next(iter(shapes.values()))[0])
    by_count = sorted(shapes.values(), key=len, reverse=True)
    groups = [_Alike(alike, tuple(possible_formats(alike))) for alike in by_count]
    settled = {order for group in groups if len(group.orders) == 1 for order in group.orders}
    settled = settled or {*orders}
    formats: dict[str, None] = {}
    n_unread, unread = 0, None
    for group in (_settled(group, settled) for group in groups):
        if len(group.possible) > 1:
            ways = " or ".join(group.possible[:4])
            return TimeReading((), f"could be {ways}, as {_quoted(group.cells[0])}", True)
        formats |= dict.fromkeys(group.possible)
        if not group.possible:
            n_unread += len(group.cells)
            unread = unread or _unreadable(group.cells)
    if not n_cells or n_unread > (1 - _READS) * n_cells:
        return _no_times(unread)
    return TimeReading(tuple(formats))


def _settled(group: _Alike, orders: set[str]) -> _Alike:
    """A group that can be read in two ways, in the way of those that can be read in one only."""
    if len(group.possible) < 2:
        return group
    agreeing = tuple(each for each in group.possible if _order(each) in orders)
    return replace(group, possible=agreeing) if len(agreeing) == 1 else group


def _unreadable(cells: list[Any]) -> Any:
    """A cell that no format reads, if only one of them is at fault; else the first."""
    return next((cell for cell in cells[:1_000] if not _reads_any(cell)), cells[0])


def _reads_any(cell: Any) -> bool:
    return any(_n_read((cell,), format_) for format_ in _like((cell,)))


def _no_times(cell: Any) -> TimeReading:
    said = f"holds what is not a time for asllr, as {_quoted(cell)}; {ISO_EXAMPLE} is one"
    return TimeReading((), said)


def possible_formats(cells: Sequence[Any]) -> list[str]:
    """The formats that read these cells: only ISO where it does, else all that do."""
    if not any(map(str.isdigit, str(cells[0])[:80])):
        return []
    formats = [
        format_
        for format_ in _like(cells[:_N_TRIED])
        if _n_read(cells[:_N_TRIED], format_)
        and _n_read(cells, format_) >= max(1, _READS * len(cells))
    ]
    return [ISO] if ISO in formats else formats


def _like(cells: Sequence[Any]) -> list[str]:
    """The formats that look like one of the cells: four hundred are too many to try on each."""
    cleaned = {clean_time(cell) for cell in cells}
    texts = cleaned | {offset_of(text)[0] for text in cleaned}
    return [
        format_
        for format_ in FORMATS
        if "%" not in format_
        or ((pattern := _pattern_of(format_)) is not None and any(map(pattern.fullmatch, texts)))
    ]


def _n_read(cells: Iterable[Any], format_: str) -> int:
    n = 0
    for cell in cells:
        try:
            parse_time(cell, (format_,), UTC)
        except ValueError:
            continue
        n += 1
    return n


def _shape(cell: Any) -> str:
    text = re.sub(r"[^\W\d_]+", "a", str(cell)[:80].strip())
    return re.sub(r"\d{1,2}(?!\d)", "00", re.sub(r"\d{3,}", "0000", text))


def _quoted(cell: Any) -> str:
    return "an empty column" if cell is None else repr(str(cell)[:40])

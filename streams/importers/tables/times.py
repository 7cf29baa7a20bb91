"""Reads times as exports write them. Day and month are never guessed where both readings are
possible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

ISO, EPOCH_S, EPOCH_MS = "iso", "epoch-s", "epoch-ms"
_DATES = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d-%b-%y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S")
FORMATS = (ISO, EPOCH_S, EPOCH_MS, *(date + clock for date in _DATES for clock in _CLOCKS))
ISO_EXAMPLE = "2026-03-01 09:30+01:00"
_YEARS = range(1990, 2100)
_READS = 0.95
"""A format reads a column when it reads this share of its cells."""

_N_TRIED = 20
"""A format must read one of so many cells of one shape before it is tried on all of them."""


def parse_time(value: Any, formats: Sequence[str], zone: tzinfo) -> datetime:
    """A cell as a time in UTC, to the millisecond, read by the first format that can; `zone` is for
    times without an offset. Raises ValueError."""
    for format_ in formats:
        try:
            moment = _parse(value, format_)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            continue
        if moment.year not in _YEARS:
            raise ValueError(f"the year is outside {_YEARS[0]} to {_YEARS[-1]}")
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    raise ValueError(f"not a time in the format {' or '.join(formats)}")


def _parse(value: Any, format_: str) -> datetime:
    if format_ == ISO:
        return datetime.fromisoformat(re.sub(r" ?(UTC|GMT)$", "+00:00", str(value).strip()))
    if format_ in (EPOCH_S, EPOCH_MS):
        return datetime.fromtimestamp(float(value) / (1 if format_ == EPOCH_S else 1000), UTC)
    return datetime.strptime(str(value).strip(), format_)  # noqa: DTZ007  # the zone comes after


@dataclass(frozen=True, slots=True)
class TimeReading:
    """How a column's times are to be read, or what stands against it (`doubt`)."""

    formats: tuple[str, ...]
    doubt: str | None = None


def reading_of(cells: Iterable[Any]) -> TimeReading:
    """Finds the formats of a column's times. Cells of one shape (`00.00.0000`) have one format; a
    column may mix shapes."""
    shapes: dict[str, list[Any]] = {}
    for cell in cells:
        shapes.setdefault(_shape(cell), []).append(cell)
    n_cells = sum(map(len, shapes.values()))
    formats: dict[str, None] = {}
    n_unread, unread = 0, None
    for alike in sorted(shapes.values(), key=len, reverse=True):
        possible = possible_formats(alike)
        if len(possible) > 1:
            said = f"could be {' or '.join(possible)}, as {_quoted(alike[0])}"
            return TimeReading((), said)
        formats |= dict.fromkeys(possible)
        if not possible:
            n_unread += len(alike)
            unread = unread or alike[0]
    if not n_cells or n_unread > (1 - _READS) * n_cells:
        return TimeReading(
            (), f"holds what is not a time for asllr, as {_quoted(unread)}; {ISO_EXAMPLE} is one"
        )
    return TimeReading(tuple(formats))


def possible_formats(cells: Sequence[Any]) -> list[str]:
    """The formats that read these cells: only ISO where it does, else all that do."""
    formats = [
        format_
        for format_ in FORMATS
        if _n_read(cells[:_N_TRIED], format_)
        and _n_read(cells, format_) >= max(1, _READS * len(cells))
    ]
    return [ISO] if ISO in formats else formats


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
    text = re.sub(r"[A-Za-z]+", "a", str(cell).strip())
    return re.sub(r"\d{1,2}(?!\d)", "00", re.sub(r"\d{3,}", "0000", text))


def _quoted(cell: Any) -> str:
    return "an empty column" if cell is None else repr(str(cell)[:40])

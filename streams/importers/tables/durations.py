"""How long a call took: numbers of a unit that the column's name or the mapping says, clock times,
and numbers that name their unit themselves. A unit that the numbers contradict is a doubt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import islice
from statistics import median
from typing import Any

from streams.importers.tables.cells import Unusable
from streams.importers.tables.thousands import dots_part_thousands, without_thousands

N_SAMPLED = 5_000


class DotMeaning(StrEnum):
    """What dots in numbers are: before a fraction, or between thousands."""

    FRACTION = "fraction"
    THOUSANDS = "thousands"


class DurationUnit(StrEnum):
    MILLISECONDS = "ms"
    SECONDS = "s"
    MINUTES = "min"
    HOURS = "h"


SECONDS_IN = {
    DurationUnit.MILLISECONDS: 0.001,
    DurationUnit.SECONDS: 1.0,
    DurationUnit.MINUTES: 60.0,
    DurationUnit.HOURS: 3600.0,
}
_WORDS = {
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds",
                     "millisekunden"), DurationUnit.MILLISECONDS),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sek", "sekunde", "sekunden"),
                    DurationUnit.SECONDS),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "minuten"), DurationUnit.MINUTES),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"),
                    DurationUnit.HOURS),
}  # fmt: skip
LONG_CALL_S = 3_600
"""Hardly a file of calls has a median of an hour: its numbers may be milliseconds."""

LONGEST_CALL_S = 86_400
"""A longer call is none: the line was left open, or it is in another unit than the rest."""

SHORT_CALL_MIN = 30
LONGEST_MIN = 300
MIN_CELLS = 5
"""Fractions with a median of at most half an hour's minutes may be minutes, in so many cells."""

_NUMBER = re.compile(r"-?(\d+([.,]\d+)?|\d{1,3}([,.' ]\d{3})+)")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+|-?\d{1,3}([.' ]\d{3}){2,}|-?\d{1,3}([' ]\d{3})+")
_ONE_NUMBER = re.compile(r"(-?\d[\d.,]{0,20})\s*[A-Za-z]*\.?")
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*([A-Za-z]+)\.?")
_ISO = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")


def unit_in(column: str) -> DurationUnit | None:
    """The unit that a column's name ends in, as `Duration (ms)` and `CallDurationInSeconds` do."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column).lower())
    if len(words) > 1 and words[-1] in _WORDS and words[-2:] not in (["mm", "ss"], ["hh", "mm"]):
        return _WORDS[words[-1]]
    return None


def dots_in(cells: Iterable[Any], unit: DurationUnit | None) -> DotMeaning | None:
    """What the dots in a column's numbers are; None where nobody can tell. Minutes and hours have
    no thousands, and numbers that would be longer than a day have a fraction."""
    cells = list(islice(cells, N_SAMPLED))
    if unit in (DurationUnit.MINUTES, DurationUnit.HOURS) or any(
        isinstance(cell, float) and not cell.is_integer() for cell in cells
    ):
        return DotMeaning.FRACTION
    texts = [found[1] for cell in cells if (found := _ONE_NUMBER.fullmatch(str(cell).strip()))]
    longest = LONGEST_CALL_S / SECONDS_IN[unit or DurationUnit.SECONDS]
    are_thousands = dots_part_thousands(texts)
    if are_thousands is False or any(
        (value := _bare(without_thousands(text))) is not None and value > longest for text in texts
    ):
        return DotMeaning.FRACTION
    return DotMeaning.THOUSANDS if are_thousands else None


def doubt_of(cells: Iterable[Any], dots: DotMeaning | None = None) -> str | None:
    """What stands against reading a column's bare numbers as seconds; None where nothing does."""
    numbers = [
        value
        for cell in islice(cells, N_SAMPLED)
        if (value := _bare(_plain(cell, dots))) is not None and value > 0
    ]
    if not numbers:
        return None
    middle = median(numbers)
    if middle >= LONG_CALL_S:
        return f"seconds or milliseconds? Half of its numbers are {middle:,.0f} or more"
    is_of_fractions = sum(not value.is_integer() for value in numbers) > len(numbers) / 2
    if (
        len(numbers) >= MIN_CELLS
        and is_of_fractions
        and middle <= SHORT_CALL_MIN
        and max(numbers) <= LONGEST_MIN
    ):
        return f"seconds or minutes? Half of its numbers are {middle:g} or less, with fractions"
    return None


def seconds_of(
    cell: Any, unit: DurationUnit = DurationUnit.SECONDS, dots: DotMeaning | None = None
) -> float | None:
    """A duration in seconds: `312`, `1,234`, `5:12`, `0:05:12`, `5m 12s` or `PT5M12S`; `unit` is
    that of a bare number, `dots` what `1.234` means. Raises Unusable."""
    if cell is None:
        return None
    seconds = _seconds(_plain(cell, dots), unit)
    if seconds is None:
        raise Unusable("duration_s: neither a number of seconds nor h:mm:ss", cell)
    if not 0 <= seconds <= LONGEST_CALL_S:
        raise Unusable(f"duration_s: outside 0 to {LONGEST_CALL_S:,} seconds", cell)
    return seconds


def _plain(cell: Any, dots: DotMeaning | None) -> str:
    text = str(cell).strip()
    is_parted = dots is DotMeaning.THOUSANDS and not isinstance(cell, float)
    return without_thousands(text) if is_parted else text


def _seconds(text: str, unit: DurationUnit) -> float | None:
    if (number := _bare(text)) is not None:
        return number * SECONDS_IN[unit]
    if re.fullmatch(r"\d{1,6}(:\d{1,2}){1,2}([.,]\d+)?", text):
        seconds = 0.0
        for part in text.replace(",", ".").split(":"):
            seconds = 60.0 * seconds + float(part)
        return seconds
    if (found := _ISO.fullmatch(text)) and any(found.groups()):
        days, hours, minutes, rest = (float(part or 0) for part in found.groups())
        return 86_400 * days + 3_600 * hours + 60 * minutes + rest
    parts = _PART.findall(text)
    if (
        not parts
        or _PART.sub("", text).strip(" ,")
        or any(w.lower() not in _WORDS for _, w in parts)
    ):
        return None
    return sum(float(n.replace(",", ".")) * SECONDS_IN[_WORDS[w.lower()]] for n, w in parts)


def _bare(text: str) -> float | None:
    """A number without a unit. A comma before three digits parts thousands: no telephone system
    counts thousandths of a second with a comma."""
    if len(text) > 20 or not _NUMBER.fullmatch(text):
        return None
    if _THOUSANDS.fullmatch(text):
        return float(re.sub(r"[,.' ]", "", text))
    return float(text.replace(",", "."))

"""Single values of a vendor's file as what they mean: seconds, moments, languages, labels. None
where a value means nothing; never an exception, whatever the value is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

TICK_S = 1e-7
"""Azure's unit: 100 nanoseconds."""

MS, US = 1e-3, 1e-6

_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,3}):(\d{1,2}(?:[.,]\d{1,9})?)")
_NUMBER = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{1,18})?(?:[eE][+-]?\d{1,2})?")
_ISO_DURATION = re.compile(
    r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?"
)
_SPEECH_YEARS = range(1990, 2100)
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_NAMES = (
    "english en german de french fr spanish es italian it dutch nl portuguese pt polish pl "
    "chinese zh mandarin zh japanese ja korean ko russian ru turkish tr arabic ar hindi hi "
    "czech cs swedish sv danish da norwegian no finnish fi greek el hungarian hu romanian ro "
    "ukrainian uk hebrew he vietnamese vi thai th indonesian id"
)
_LANGUAGES: dict[str, str] = dict(re.findall(r"(\w+) (\w+)", _NAMES))
"""Names that OpenAI's `verbose_json` writes for languages."""

MAX_LABEL_CHARS = 80
MAX_SPOKEN_NUMBER = 1e15
"""A larger number is no word that somebody said."""


def entry(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """A list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def objects(value: Any, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects of a list, each with its place."""
    for at, one in enumerate(entries(value)):
        if isinstance(one, dict):
            yield f"{name}[{at}]", one


def pick(value: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that is there and not null."""
    return next((value[name] for name in names if value.get(name) is not None), None)


def words_of(value: Any) -> str | None:
    """Text; a number is its digits. None for anything else."""
    if isinstance(value, str):
        return value.replace("\0", "").strip()
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number and abs(value) < MAX_SPOKEN_NUMBER else None


def number(value: Any) -> float | None:
    """A finite number; also one that is written as text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = value.strip().replace(",", ".")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except (OverflowError, ValueError):
        return None
    return found if math.isfinite(found) else None


def seconds(value: Any, unit_s: float = 1.0) -> float | None:
    """A duration in seconds. A bare number is of `unit_s`; `1.2s`, `0:01:02.5`, `PT1.59S` and
    `{"seconds": 1, "nanos": 5}` say what they are."""
    if isinstance(value, dict):
        whole, nanos = number(value.get("seconds", 0)), number(value.get("nanos", 0))
        has_any = "seconds" in value or "nanos" in value
        return None if whole is None or nanos is None or not has_any else whole + nanos * 1e-9
    if (found := number(value)) is not None:
        return found * unit_s
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text[-1:] in ("s", "S") and (found := number(text[:-1])) is not None:
        return found
    if match := _CLOCK.fullmatch(text):
        hours, minutes, rest = match.groups()
        return 3600.0 * int(hours or 0) + 60.0 * int(minutes) + float(rest.replace(",", "."))
    if (match := _ISO_DURATION.fullmatch(text)) and any(match.groups()):
        days, hours, minutes, rest = (float(part or 0) for part in match.groups())
        return 86_400 * days + 3600 * hours + 60 * minutes + rest
    return None


def moment(value: Any) -> datetime | None:
    """A time in UTC: RFC 3339 text, or a number of seconds, milliseconds or microseconds since
    1970. Text without an offset is UTC."""
    try:
        if (since := number(value)) is not None:
            unit_s = 1.0 if since < 1e11 else MS if since < 1e14 else US
            found = datetime.fromtimestamp(since * unit_s, UTC)
        elif isinstance(value, str):
            read = datetime.fromisoformat(value.strip()[:40])
            found = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.year in _SPEECH_YEARS else None


def language(value: Any) -> str | None:
    """A language's tag: `en-US`, `de_AT`, `german`."""
    if not isinstance(value, str):
        return None
    text = value.strip().replace("_", "-")
    if text.lower() in _LANGUAGES:
        return _LANGUAGES[text.lower()]
    return text if _TAG.fullmatch(text) and text.lower() != "und" else None


def label(value: Any) -> str | None:
    """A speaker's label; a number is its digits."""
    if isinstance(value, dict):
        value = pick(value, "name", "label", "id")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if not isinstance(value, str):
        value = f"{value:.0f}" if abs(value) < 1e9 else ""
    text: str = value
    return " ".join(text.replace("\0", "").split())[:MAX_LABEL_CHARS].strip() or None


def mean(values: Iterable[Any]) -> float | None:
    """The mean of those that are numbers."""
    found = [one for value in values if (one := number(value)) is not None]
    return sum(found) / len(found) if found else None


def channel_or_speaker(rows: Iterable[Mapping[str, Any]]) -> tuple[bool, bool]:
    """Whether rows are of several channels, and of several speakers."""
    channels, speakers = set(), set()
    for row in rows:
        channels.add(label(row.get("channel")))
        speakers.add(label(row.get("speaker")))
    return len(channels) > 1, len(speakers) > 1


def channel_label(
    channel: Any, speaker: Any, several_channels: bool, several_speakers: bool
) -> str | None:
    """The label of who spoke: the channel where there are several, the speaker otherwise, both
    where both tell people apart."""
    of_channel, of_speaker = label(channel), label(speaker)
    if several_channels and several_speakers and of_channel and of_speaker:
        return f"{of_channel}.{of_speaker}"
    if several_channels:
        return of_channel
    return of_speaker if of_speaker is not None else of_channel

"""Mends single values of a payload: what is too long, of another type or beyond a bound. Pure.

Each function takes a value, its place and the notes it writes into; it returns a value that the
event admits or raises `NotMended`. A value that is right already comes back as it is, without a
note. No note quotes a value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from functools import partial
from itertools import islice
from typing import Any

from schemas.field_names import MAX_NAME_CHARS, composed_names, field_id, is_field_name
from schemas.ids import id_of

GAP = " … "
"""Where the middle of a long text was left out."""

SHORT = 200
MAX_NUMBER = 1e12
MAX_SECONDS = 7 * 86_400
ROUNDING = 1e-3
"""So far past its bound a confidence is a rounding error of its recogniser."""

LOOKED_AT = 4
"""So many times as many fields as a profile keeps are looked at: the first may be bad ones."""

MAX_NOTES = 8
"""Of one record; how many more there are is counted."""


class NotMended(ValueError):
    """A value cannot be mended; the message says why, and whoever holds it goes on without."""


class Notes:
    """What was mended of one record, by place: the first few, and how many there are."""

    def __init__(self) -> None:
        self.first: list[tuple[str, str]] = []
        self.n = 0

    def add(self, path: str, what: str) -> None:
        self.n += 1
        if len(self.first) < MAX_NOTES:
            self.first.append((path, what))


Mender = Callable[[Any, str, Notes], Any]


def text(most: int) -> Mender:
    """Text of at most `most` characters: a longer one keeps its beginning and, where it is talk,
    its end."""
    return partial(_text, most)


def _text(most: int, value: Any, path: str, notes: Notes) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = _digits(value)
        notes.add(path, "a number, taken as text")
    if not isinstance(value, str):
        raise NotMended("not a text")
    if "\x00" in value:
        value = value.replace("\x00", "")
        notes.add(path, "NUL characters taken out")
    if len(value) > most:
        notes.add(path, f"{len(value):,} characters, cut to {most:,}")
        half = (most - len(GAP)) // 2
        value = value[:most] if most <= SHORT else value[:half] + GAP + value[-half:]
    return str(value)


def _digits(number: float) -> str:
    try:
        return str(number)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        raise NotMended("a number of thousands of digits") from None


def word(value: Any, path: str, notes: Notes) -> str:
    """A stage or channel: `Closed Won` is `Closed_Won`; another script's word gets an id."""
    written = _text(SHORT, value, path, notes)
    joined = "_".join(unicodedata.normalize("NFC", written).split())
    if not joined:
        raise NotMended("empty")
    result = joined if _is_word(joined) else field_id(joined)
    if result != value:
        notes.add(path, "not a word of letters, digits and . _ : -, written as one")
    return result


_is_word = re.compile(r"[A-Za-z0-9._:-]{1,64}").fullmatch


def name(value: Any, path: str, notes: Notes) -> str:
    """An id of a queue, a call or a code."""
    written = _text(3 * SHORT, value, path, notes)
    try:
        return id_of(written)
    except ValueError as why:
        raise NotMended(str(why)) from None


def language(value: Any, path: str, notes: Notes) -> str:
    """A tag such as `de-AT`, from `de_AT` or `de AT`."""
    tag = "-".join(_text(SHORT, value, path, notes).replace("_", " ").split())
    if not _is_tag(tag):
        raise NotMended("no language tag")
    notes.add(path, "written as a tag")
    return tag


_is_tag = re.compile(r"[A-Za-z0-9-]{1,35}").fullmatch


def one_of(choices: Collection[str], synonyms: dict[str, str]) -> Mender:
    return partial(_one_of, choices, synonyms)


def _one_of(
    choices: Collection[str], synonyms: dict[str, str], value: Any, path: str, notes: Notes
) -> str:
    if not isinstance(value, str):
        raise NotMended("not a text")
    if value in choices:
        return value
    plain = value.strip().casefold()
    found = plain if plain in choices else synonyms.get(plain)
    if found is None:
        raise NotMended("not one of " + ", ".join(sorted(choices)))
    notes.add(path, f"taken as {found}")
    return found


_FLAGS = {
    **dict.fromkeys(("true", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "no", "n", "0"), False),
}


def flag(value: Any, path: str, notes: Notes) -> bool:
    if isinstance(value, bool):
        return value
    plain = str(value).strip().casefold() if isinstance(value, str) or value in (0, 1) else ""
    if plain not in _FLAGS:
        raise NotMended("neither true nor false")
    notes.add(path, "a word or a number, taken as true or false")
    return _FLAGS[plain]


def number(value: Any, path: str, notes: Notes) -> float:
    """A finite number, written as one or as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise NotMended("not a number")
    try:
        found = float(value[:SHORT])
    except ValueError:
        raise NotMended("not a number") from None
    if not abs(found) < float("inf"):  # also what is not a number
        raise NotMended("not a finite number")
    notes.add(path, "a number as text, taken as a number")
    return found


def seconds(value: Any, path: str, notes: Notes) -> float:
    found = number(value, path, notes)
    if found < 0:
        raise NotMended("negative")
    if found > MAX_SECONDS:
        raise NotMended(f"over {MAX_SECONDS:,} seconds: is it in milliseconds?")
    return found


def whole(most: int) -> Mender:
    return partial(_whole, most)


def _whole(most: int, value: Any, path: str, notes: Notes) -> int:
    found = number(value, path, notes)
    held = int(min(max(found, 0), most))
    if held != found:
        notes.add(path, f"not a whole number from 0 to {most:,}, the nearest is taken")
    return held


def confidence(value: Any, path: str, notes: Notes) -> float:
    found = number(value, path, notes)
    held = min(max(found, 0), 1)
    if abs(held - found) > ROUNDING:
        raise NotMended("not from 0 to 1")
    if held != found:
        notes.add(path, f"just outside 0 to 1, taken as {held}")
    return held


def codes(most: int) -> Mender:
    return partial(_codes, most)


def _codes(most: int, value: Any, path: str, notes: Notes) -> list[str]:
    if isinstance(value, str):
        value = [value]
        notes.add(path, "a text, taken as a list of one")
    if not isinstance(value, list):
        raise NotMended("not a list")
    if len(value) > most:
        notes.add(path, f"{len(value):,} of them, the first {most} are kept")
    kept = []
    for i, one in enumerate(value[:most]):
        try:
            kept.append(name(one, f"{path}[{i}]", notes))
        except NotMended as why:
            notes.add(f"{path}[{i}]", f"{why}: left out")
    return kept


def profile(most: int) -> Mender:
    return partial(_profile, most)


def _profile(most: int, value: Any, path: str, notes: Notes) -> dict[str, Any]:
    """The fields that can be kept, in the order they were sent: of two that have one name the
    first."""
    if not isinstance(value, dict):
        raise NotMended("not an object")
    kept: dict[str, Any] = {}
    if (n_more := len(value) - LOOKED_AT * most) > 0:
        notes.add(path, f"{n_more:,} fields beyond the first {LOOKED_AT * most:,}: left out")
    for written, one in islice(value.items(), LOOKED_AT * most):
        shown = f"{path}['{written}']" if is_field_name(written) else f"{path}[?]"
        try:
            composed = _field_name(written, shown, notes)
            if composed in kept:
                raise NotMended("a second field of this name")
            if len(kept) == most:
                raise NotMended(f"more than {most:,} fields")
            kept[composed] = _field_value(one, shown, notes)
        except NotMended as why:
            notes.add(shown, f"{why}: left out")
    return kept


def _field_name(written: str, path: str, notes: Notes) -> str:
    if is_field_name(written):
        try:
            return next(iter(composed_names({written: None})))
        except ValueError:
            pass
    line = "".join(
        one if one.isprintable() else " " for one in unicodedata.normalize("NFC", written)
    )
    short = " ".join(line.split())[:MAX_NAME_CHARS].strip()
    if not is_field_name(short):
        raise NotMended("no name of a field")
    notes.add(path, f"its name is no line of 1 to {MAX_NAME_CHARS} characters, made one")
    return short


def _field_value(value: Any, path: str, notes: Notes) -> Any:
    match value:
        case None | bool():
            return value
        case int() | float():
            if abs(value) <= MAX_NUMBER:
                return value
            raise NotMended(f"a number beyond {MAX_NUMBER:,.0f}")
        case str():
            return _text(SHORT, value, path, notes)
        case list() if value and all(isinstance(one, str | int | float) for one in value):
            notes.add(path, "a list, joined to a text")
            return _text(SHORT, ", ".join(map(_item, value[:SHORT])), path, notes)
        case _:
            raise NotMended("neither text nor number nor true or false")


def _item(one: str | float) -> str:
    return one if isinstance(one, str) else _digits(one)

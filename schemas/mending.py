"""Mends a payload that is nearly right, so that one bad corner does not cost a record.

A segment that ends before it starts, a profile text that is too long, an unknown word: the part is
mended or left out, the rest is kept, and every change is noted with its place. What cannot be
placed is not mended: no lead, no source and id, no time, no call. Pure and without choice: the same
bytes give the same event, live, in a replay and in ten years. Called by `schemas.record_check` for
payloads that were refused, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.events import (
    MAX_MESSAGE_CHARS,
    MAX_PROFILE_FIELDS,
    MAX_SEGMENT_CHARS,
    MAX_SEGMENTS,
    UNNAMED_CHANNEL,
    Direction,
    Ending,
    Role,
)
from schemas.mended_values import (
    MAX_SECONDS,
    SHORT,
    Mender,
    Notes,
    NotMended,
    codes,
    confidence,
    flag,
    language,
    name,
    number,
    one_of,
    profile,
    seconds,
    text,
    whole,
    word,
)
from schemas.outputs import MendedPart
from schemas.role_words import role_of_label


class Unmendable(ValueError):
    """A payload cannot be used, whatever is left out of it."""


@dataclass(frozen=True, slots=True)
class Mended:
    """The fields of an event after mending. `parts`: the first of the `n` changes."""

    fields: dict[str, Any]
    parts: tuple[MendedPart, ...]
    n: int


def mend(type_: str, fields: Mapping[str, Any], faulty: Collection[str]) -> Mended:
    """Mends the fields of a payload that are named in `faulty`. Raises `Unmendable`.

    >>> mended = mend("InteractionLogged", {"channel": "call", "duration_s": -3}, {"duration_s"})
    >>> mended.fields
    {'channel': 'call', 'mended': True}
    >>> mended.parts[0].path, mended.parts[0].what
    ('$.duration_s', 'negative: left out')
    """
    menders = _MENDERS.get(type_, {})
    notes = Notes()
    mended = dict(fields)
    for field in sorted(faulty):
        path = f"$.{field}"
        if field not in menders:
            raise Unmendable(path)
        try:
            mended[field] = menders[field](fields.get(field), path, notes)
        except NotMended as why:
            if field in _NEEDED:
                raise Unmendable(path) from None
            mended.pop(field, None)
            if field in fields:
                notes.add(path, f"{why}: left out")
    mended["mended"] = True
    parts = tuple(MendedPart(path=path, what=what) for path, what in notes.first)
    return Mended(mended, parts, notes.n)


_NEEDED = frozenset({"stage", "segments"})
"""Without them nothing is left to say. A transcript's call has its own mender."""


def _channel(value: Any, path: str, notes: Notes) -> str:
    """A contact took place, whatever it was."""
    try:
        return word(value, path, notes)
    except NotMended as why:
        notes.add(path, f"{why}: taken as {UNNAMED_CHANNEL}")
        return UNNAMED_CHANNEL


def _call_id(value: Any, path: str, notes: Notes) -> str:
    try:
        return name(value, path, notes)
    except NotMended:
        raise Unmendable(path) from None  # nobody could say which call it is


def _segments(value: Any, path: str, notes: Notes) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise NotMended("not a list")
    numbered = list(enumerate(value))
    if len(value) > MAX_SEGMENTS:
        notes.add(path, f"{len(value):,} segments, {MAX_SEGMENTS:,} from both ends are kept")
        half = MAX_SEGMENTS // 2
        numbered = numbered[:half] + numbered[-half:]
    kept: list[dict[str, Any]] = []
    for i, one in numbered:
        place = f"{path}[{i}]"
        try:
            kept.append(_segment(one, place, kept[-1]["end_s"] if kept else 0, notes))
        except NotMended as why:
            notes.add(place, f"{why}: left out")
    if value and not kept:
        raise NotMended("no segment can be read")
    return kept


def _segment(value: Any, path: str, before_s: float, notes: Notes) -> dict[str, Any]:
    """One segment. `before_s`: where the one before it ended."""
    if not isinstance(value, dict):
        raise NotMended("not an object")
    try:
        said = _SAID(value.get("text"), f"{path}.text", notes)
    except NotMended as why:
        raise NotMended(f"its text is {why}") from None
    start_s = _moment(value.get("start_s"), f"{path}.start_s", before_s, notes)
    end_s = _moment(value.get("end_s"), f"{path}.end_s", start_s, notes)
    if end_s < start_s:
        notes.add(f"{path}.end_s", "before start_s, taken as start_s")
        end_s = start_s
    segment = {"role": _role(value, path, notes), "start_s": start_s, "end_s": end_s, "text": said}
    if value.get("confidence") is not None:
        try:
            place = f"{path}.confidence"
            segment["confidence"] = confidence(value["confidence"], place, notes)
        except NotMended as why:
            notes.add(f"{path}.confidence", f"{why}: left out")
    return segment


def _role(segment: Mapping[str, Any], path: str, notes: Notes) -> str:
    label = segment.get("role")
    try:
        return str(_ROLE(label, f"{path}.role", notes))
    except NotMended as why:
        if isinstance(label, str) and (role := role_of_label(label)) is not None:
            notes.add(f"{path}.role", f"a word for {role}, taken as {role}")
            return role.value
        notes.add(f"{path}.role", f"{why}: taken as {Role.UNKNOWN}")
        return Role.UNKNOWN.value


def _moment(value: Any, path: str, instead_s: float, notes: Notes) -> float:
    """Seconds since the call began; `instead_s` where they are not said."""
    try:
        found = number(value, path, notes)
    except NotMended as why:
        notes.add(path, f"{why}: taken as {instead_s:g}")
        return instead_s
    if found < 0:
        notes.add(path, "negative, taken as 0")
        return 0
    if found > MAX_SECONDS:
        notes.add(path, f"over {MAX_SECONDS:,}: taken as {instead_s:g}")
        return instead_s
    return found


def _words(choices: Collection[str], **words: str) -> Mender:
    synonyms = {one: choice for choice, all_ in words.items() for one in all_.split()}
    return one_of(choices, synonyms)


_SAID = text(MAX_SEGMENT_CHARS)
_ROLE = _words([role.value for role in Role])
_DIRECTION = _words(
    [direction.value for direction in Direction], inbound="in incoming", outbound="out outgoing"
)
_ENDS = _words([ending.value for ending in Ending])

_MENDERS: dict[str, dict[str, Mender]] = {
    "LeadUpserted": {
        "profile": profile(MAX_PROFILE_FIELDS),
        "queue": name,
        "consent": flag,
        "owner": text(SHORT),
    },
    "InteractionLogged": {
        "channel": _channel,
        "direction": _DIRECTION,
        "duration_s": seconds,
        "text": text(MAX_MESSAGE_CHARS),
        "note": text(4_000),
        "call_id": name,
        "codes": codes(8),
    },
    "TranscriptReady": {
        "call_id": _call_id,
        "revision": whole(1_000_000),
        "final": flag,
        "language": language,
        "segments": _segments,
        "vendor": text(SHORT),
    },
    "StageChanged": {"stage": word, "ends": _ENDS},
    "LeadClosed": {"reason": text(SHORT)},
}
"""Field by event. What is not here is not mended: it says whose the record is, or when."""

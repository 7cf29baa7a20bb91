"""Plain text: a line a turn, `Agent: …`, with or without a time before or after the name
(`[00:12] Kunde: …`, `Kunde (0:12): …`, `Kunde  0:12` above its words), or lines without names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.role_words import role_of_label
from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.values import label, seconds

_CLOCK = r"\d{1,3}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?"
_GAP = r"[ \t]{0,4}"
_BEFORE = re.compile(
    rf"[\[(<]?{_GAP}({_CLOCK})(?:{_GAP}(?:-|–|—|→|->|to){_GAP}({_CLOCK}))?{_GAP}[\])>]?{_GAP}"
    r"(?:[-–—|][ \t]{1,4})?"
)
_NAME = r"[^\s:<>{}\[\]\"|][^:<>{}\[\]\"|]{0,40}?"
_NAMED = re.compile(
    rf"(?:[-–—•*][ \t]{{1,4}})?\*{{0,2}}(?P<name>{_NAME})\*{{0,2}}"
    rf"{_GAP}(?:[\[(]{_GAP}(?P<at>{_CLOCK}){_GAP}[\])])?{_GAP}\*{{0,2}}(?::|：)\*{{0,2}}"
    r"(?:\s|$|(?=[^\x00-\x7f]))"
)
_ABOVE = re.compile(rf"(?!\d)(?P<name>{_NAME})[ \t]{{1,8}}\(?(?P<at>{_CLOCK})\)?")
MAX_HEAD_CHARS = 160
"""Where a line's time and name stand, if it has them."""

MAX_NAME_WORDS = 4
MOST, NEARLY_ALL = 0.6, 0.9
"""The share of lines that names must begin where fewer than two of them are words for a role: with
fewer they are words before a colon. Names that come once count only where nearly all lines begin
with one."""

MOST_ABOVE = 0.3
"""The share of lines that are a name and a time, above what was said."""

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Labelling:
    """The names that begin lines of a text."""

    names: frozenset[str]

    def split(self, line: str) -> tuple[str | None, str]:
        """The line's speaker, where it names one, and its words."""
        speaker, _, words = self.parts(line)
        return speaker, words

    def parts(self, line: str) -> tuple[str | None, str | None, str]:
        """Speaker, time and words of a line."""
        at, rest = None, line.strip()
        if (stamp := _BEFORE.match(rest)) is not None:
            at, rest = stamp[1], rest[stamp.end() :]
        named = _NAMED.match(rest[:MAX_HEAD_CHARS])
        if named is not None and (name := _name(named)) in self.names:
            return name, named["at"] or at, rest[named.end() :].strip()
        above = _ABOVE.fullmatch(line.strip()[: MAX_HEAD_CHARS + 1])
        if above is not None and (name := _name(above)) in self.names:
            return name, above["at"], ""
        return None, at, rest.strip()


def labelling_of(lines: Iterable[str]) -> Labelling:
    """Finds which words before a colon are speakers: words for a role; names where most lines begin
    with one."""
    counts: Counter[str] = Counter()
    above: Counter[str] = Counter()
    n_lines = 0
    for line in map(str.strip, lines):
        if not line:
            continue
        n_lines += 1
        head = line[: MAX_HEAD_CHARS + 1]
        stamp = _BEFORE.match(head)
        named = _NAMED.match(head[stamp.end() :] if stamp else head)
        name = None if named is None else _name(named)
        if name is not None and (_is_like_a_name(name) or role_of_label(name) is not None):
            counts[name] += 1
        if (alone := _ABOVE.fullmatch(head)) is not None and (name := _name(alone)) is not None:
            above[name] += _is_like_a_name(name)
    if above and above.total() >= MOST_ABOVE * n_lines and max(above.values()) > 1:
        return Labelling(frozenset(counts + above))
    known = {name for name in counts if role_of_label(name) is not None}
    if len(known) < 2:
        is_full = n_lines > 1 and sum(counts.values()) >= NEARLY_ALL * n_lines
        names = known | {name for name, n in counts.items() if n > 1 or is_full}
        if sum(counts[name] for name in names) >= MOST * n_lines:
            return Labelling(frozenset(names))
    return Labelling(frozenset(known))


def _is_like_a_name(name: str) -> bool:
    is_written_so = not name[0].islower() or any(c.isdigit() or c == "_" for c in name)
    return len(name.split()) <= MAX_NAME_WORDS and is_written_so


def _name(named: re.Match[str]) -> str | None:
    return label(named["name"].strip(" *"))


def read_lines(text: str, draft: TranscriptDraft) -> str:
    """Reads plain text into `draft`; returns the shape's name."""
    lines = [line for line in text.splitlines() if line.strip()]
    labels = labelling_of(lines)
    turns: list[tuple[int, str | None, str | None, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        speaker, at, words = labels.parts(line)
        if speaker is None and at is None and turns and turns[-1][1] is not None:
            turns[-1][3].append(words)
        else:
            turns.append((number, speaker, at, [words]))
    begin_s = _beginning(at for _, _, at, _ in turns)
    for number, speaker, at, parts in turns:
        start_s = None if at is None else seconds(at)
        draft.say(
            f"line {number}",
            " ".join(part for part in parts if part),
            speaker=speaker,
            start=None if start_s is None else start_s - begin_s,
        )
    return "lines"


def _beginning(stamps: Iterable[str | None]) -> float:
    """What to take from every time: the first one, where the times are of the day and not of the
    call."""
    known = [at_s for at in stamps if at and (at_s := seconds(at)) is not None]
    return known[0] if known and known[0] >= HOUR_S and min(known) == known[0] else 0.0

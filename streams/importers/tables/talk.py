"""Reads the transcripts of a calls export, a cell each, and counts what could not be read or was
mended. A cell is read by its shape or not at all: its source text never becomes talk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.events import Role
from streams.importers.transcripts.normal import CallTranscript, TranscriptError
from streams.importers.transcripts.reading import read_document, read_transcript
from streams.importers.transcripts.roles import GUESSED, NO_SPEAKERS, UNKNOWN, with_roles

_IN_A_MAPPING = {
    UNKNOWN: 'speakers are of an unknown role: say who is who in the mapping, as "speakers": '
    '{"A": "agent", "B": "customer"}',
    NO_SPEAKERS: "no speaker is named: all of it is of an unknown role",
    GUESSED: "what is said tells who is the agent; where that is wrong, the mapping's "
    '"speakers" say otherwise',
}
MAX_REASONS = 5
_FIGURES = re.compile(r"\d[\d,]*")


@dataclass(slots=True)
class TalkColumn:
    """The transcripts of one file as they are read. `speakers`: label -> role, of the mapping."""

    speakers: Mapping[str, Role]
    n_read: int = 0
    _unread: dict[str, tuple[str, list[int]]] = field(default_factory=dict)
    _remarks: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    def read(self, line: int, cell: Any) -> CallTranscript | None:
        """The transcript of a cell; None where it has none, or none that can be read."""
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return None
        try:
            found = read_transcript(cell) if isinstance(cell, str) else read_document(cell)
        except TranscriptError as error:
            self._not_read(line, str(error))
            return None
        if not found.utterances:
            self._not_read(line, "nothing is said in it")
            return None
        self.n_read += 1
        known = with_roles(found, self.speakers)
        for remark in known.remarks:
            self._remarks.setdefault(remark.what, []).append((line, remark.place))
        return known

    def _not_read(self, line: int, reason: str) -> None:
        """Counts a cell; reasons that differ only in their figures are one."""
        self._unread.setdefault(_FIGURES.sub("0", reason), (reason, []))[1].append(line)

    def sentences(self, path: object) -> Iterator[str]:
        """What a person should know, a sentence for each reason."""
        reasons = sorted(self._unread.values(), key=lambda each: -len(each[1]))
        for reason, lines in reasons[:MAX_REASONS]:
            n = _counted(len(lines), "transcript")
            yield f"{path}: {n} not read, {_first(lines[0], lines)}: {reason}"
        if rest := sum(len(lines) for _, lines in reasons[MAX_REASONS:]):
            yield f"{path}: {_counted(rest, 'transcript')} not read for other reasons"
        for what, places in self._remarks.items():
            line, place = places[0]
            of = f"{len(places):,} of {_counted(self.n_read, 'transcript')}"
            first = f"{_first(line, places)} ({place})"
            yield f"{path}: in {of}, {first}: {_IN_A_MAPPING.get(what, what)}"


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _first(line: int, all_of_them: list[Any]) -> str:
    return f"in line {line}" if len(all_of_them) == 1 else f"the first in line {line}"

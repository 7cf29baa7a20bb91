"""The lines of a CSV as cells, whatever separates them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from streams.importers.outcomes import ImportFault
from streams.importers.tables.files.frame import N_TRIED, names_at
from streams.importers.tables.files.opening import ExportText

MAX_CELL_CHARS = 1_000_000
HEARD_CHARS = 100_000
MAX_BROKEN = 200
"""More broken lines than that are no mistake in some of them."""

MAX_CELL_LINES = 100
"""A broken cell of more lines has an open quote: the lines behind are read for themselves."""

SEPARATORS = ",;\t|"
_SEPARATOR = re.compile(r"sep=(\t|[^\w\s\"])\s*")
"""A first line that names the separator: Excel reads it, and other programs write it for Excel."""


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """Lines that are not CSV; what is wrong with them."""

    reason: str


def csv_lines(
    path: Path, text: ExportText, advance: Callable[[int], None]
) -> Iterator[tuple[int, list[str] | BrokenLine]]:
    """Each line that holds anything: where it begins, and its cells or why it has none. `advance`
    hears of characters that are read. Raises ImportFault where hundreds are broken."""
    before = csv.field_size_limit(MAX_CELL_CHARS)
    lines = _Lines(heard(text_lines(text.parts()), advance))
    first = next(line for line in text_lines(text.parts()) if line.strip())
    named = _SEPARATOR.fullmatch(first)
    separator = named[1] if named else likely_separator(text.head)
    n_broken = 0
    try:
        while True:
            start = lines.next_number
            try:
                cells = next(csv.reader(lines, delimiter=separator, strict=True), None)
            except csv.Error as error:
                n_broken += 1
                reason = (
                    f"not CSV ({_reason(error)}); a cell holds at most {MAX_CELL_CHARS:,} "
                    "characters and its quotes are doubled"
                )
                if n_broken > MAX_BROKEN:
                    raise ImportFault(f"{path}: line {start}: {reason}") from None
                lines.resume(start)
                yield start, BrokenLine(reason)
                continue
            if cells is None:
                return
            if named:
                named = None
            elif any(cell.strip() for cell in cells):
                yield start, cells
            lines.forget()
    finally:
        csv.field_size_limit(before)


class _Lines:
    """The lines of a text, numbered, which can be taken up again after a broken one."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._taken: list[str] = []
        self._again: list[str] = []
        self.next_number = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self._taken.append(line)
        self.next_number += 1
        return line

    def forget(self) -> None:
        """What was taken so far is read."""
        self._taken.clear()

    def resume(self, start: int) -> None:
        """Goes on behind the broken lines; a quote that was opened and never closed has taken many
        that are not, so then behind the line that opened it."""
        if len(self._taken) > MAX_CELL_LINES or (not self._again and self._is_over()):
            self._again += reversed(self._taken[1:])
            self.next_number = start + 1
        self._taken.clear()

    def _is_over(self) -> bool:
        following = next(self._lines, None)
        if following is not None:
            self._again.append(following)
        return following is None


def likely_separator(head: str) -> str:
    """The one of four that makes the most columns of the first lines, as many in each."""
    sample = [line for line in text_lines([head]) if line.strip()][:N_TRIED]

    def n_cells(separator: str) -> int:
        try:
            lines = list(islice(csv.reader(sample, delimiter=separator), N_TRIED))
        except csv.Error:
            return 0
        width = len(lines[names_at(lines)])
        return width * sum(len(line) == width for line in lines) if width > 1 else 0

    return max(SEPARATORS, key=n_cells)


def text_lines(parts: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in parts, with their line breaks, which are as the first one,
    a carriage return alone in some exports. Holds one line and one part."""
    last = ""
    pending: list[str] = []
    for part in chain(parts, [""]):
        if not last:
            if part and not re.search("\r?\n|\r(?!$)", part):
                pending.append(part)
                continue
            part, pending = "".join([*pending, part]), []
            first = re.search("\r\n|\n|\r", part)
            last = first[0][-1] if first else "\n"
        *lines, rest = part.split(last)
        if lines:
            yield "".join([*pending, lines[0], last])
            yield from (line + last for line in lines[1:])
            pending = []
        if rest:
            pending.append(rest)
    if pending:
        yield "".join(pending)


def heard(lines: Iterable[str], advance: Callable[[int], None]) -> Iterator[str]:
    """The same lines; `advance` hears of every hundred thousand characters."""
    n = 0
    for line in lines:
        n += len(line)
        if n >= HEARD_CHARS:
            advance(n)
            n = 0
        yield line
    advance(n)


def _reason(error: csv.Error) -> str:
    """The error of the csv module without its question how the file was opened, which is meant for
    the programmer."""
    return str(error).partition(" - do you")[0]

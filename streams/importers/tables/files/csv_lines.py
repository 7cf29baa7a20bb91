"""The lines of a CSV as cells, whatever separates them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from streams.importers.outcomes import ImportFault
from streams.importers.tables.files.frame import N_TRIED, names_at

MAX_CELL_CHARS = 1_000_000
HEARD_CHARS = 100_000
SEPARATORS = ",;\t|"
_SEPARATOR = re.compile(r"sep=(\t|[^\w\s\"])\s*")
"""A first line that names the separator: Excel reads it, and other programs write it for Excel."""

_SAMPLE_CHARS = 200_000


def csv_lines(
    path: Path, text: str, advance: Callable[[int], None]
) -> Iterator[tuple[int, list[str]]]:
    """Each line that holds anything: where it begins, and its cells. `advance` hears of characters
    that are read. Raises ImportFault."""
    before = csv.field_size_limit(MAX_CELL_CHARS)
    first = next(line for line in text_lines(text) if line.strip())
    named = _SEPARATOR.fullmatch(first)
    reader = csv.reader(
        heard(text_lines(text), advance),
        delimiter=named[1] if named else likely_separator(text),
        strict=True,
    )
    try:
        for start, cells in _numbered(reader):
            if named:
                named = None
            elif any(cell.strip() for cell in cells):
                yield start, cells
    except csv.Error as error:
        raise ImportFault(
            f"{path}: line {reader.line_num}: not CSV ({_reason(error)}); a cell holds at most "
            f"{MAX_CELL_CHARS:,} characters and its quotes are doubled"
        ) from None
    finally:
        csv.field_size_limit(before)


def likely_separator(text: str) -> str:
    """The one of four that makes the most columns of the first lines, as many in each."""
    sample = [line for line in text_lines(text[:_SAMPLE_CHARS]) if line.strip()][:N_TRIED]

    def n_cells(separator: str) -> int:
        try:
            lines = list(islice(csv.reader(sample, delimiter=separator), N_TRIED))
        except csv.Error:
            return 0
        width = len(lines[names_at(lines)])
        return width * sum(len(line) == width for line in lines) if width > 1 else 0

    return max(SEPARATORS, key=n_cells)


def text_lines(text: str) -> Iterator[str]:
    """The lines of a text with their line breaks, which are as the first one, a carriage return
    alone in some exports; a StringIO would take four bytes for each character."""
    first = re.search("\r\n|\n|\r", text)
    last = first[0][-1] if first else "\n"
    start = 0
    while start < len(text):
        end = text.find(last, start) + 1 or len(text)
        yield text[start:end]
        start = end


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


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    start = 1
    for cells in reader:
        yield start, cells
        start = reader.line_num + 1  # type: ignore[attr-defined]  # a csv.reader has it


def _reason(error: csv.Error) -> str:
    """The error of the csv module without its question how the file was opened, which is meant for
    the programmer."""
    return str(error).partition(" - do you")[0]

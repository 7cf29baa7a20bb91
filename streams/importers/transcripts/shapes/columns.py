"""Transcripts as a table: Whisper's TSV (`start`, `end` in milliseconds, `text`), whisper.cpp's
CSV, and others with a line of names among which are a text and a time or a speaker."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import NamedTuple

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.normal import TranscriptError
from streams.importers.transcripts.shapes.turns import BESIDE, TEXTS, say_turns

SEPARATORS = "\t,;"


class TextTable(NamedTuple):
    """How a table of text is to be read: its separator and the names of its columns."""

    separator: str
    names: tuple[str, ...]


def table_of(text: str) -> TextTable | None:
    """How to read a text as a table; None where it is none."""
    first, _, rest = text.lstrip("\ufeff").partition("\n")
    if not rest.strip():
        return None
    for separator in SEPARATORS:
        names = tuple(re.sub(r"\W+", "_", n.strip(' "').lower()) for n in first.split(separator))
        if len(names) > 1 and {*names} & {*TEXTS} and {*names} & {name.lower() for name in BESIDE}:
            return TextTable(separator, names)
    return None


def read_columns(text: str, table: TextTable, draft: TranscriptDraft) -> str:
    """Reads a table into `draft`; returns the shape's name. Raises TranscriptError."""
    if table == WHISPER_TSV:
        table = table._replace(names=("start_ms", "end_ms", "text"))
    say_turns([*_rows(text, table)], "row ", draft)
    return "columns"


WHISPER_TSV = TextTable("\t", ("start", "end", "text"))


def _rows(text: str, table: TextTable) -> Iterator[dict[str, str]]:
    separator, names = table
    lines = text.lstrip("\ufeff").splitlines(keepends=True)[1:]
    try:
        for cells in csv.reader(lines, delimiter=separator):
            if len(cells) > len(names):  # a text that holds the separator, unquoted, in the end
                cells[len(names) - 1 :] = [separator.join(cells[len(names) - 1 :])]
            yield {name: cell for name, cell in zip(names, cells, strict=False) if cell.strip()}
    except csv.Error as error:
        raise TranscriptError(f"a table that cannot be read: {str(error)[:60]}") from None

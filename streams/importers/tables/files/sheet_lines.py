"""The lines of that sheet of a workbook which has the rows, as cells. Formulas count as what they
last came to."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Self

from streams.importers.outcomes import ImportFault
from streams.importers.tables.files.frame import N_TRIED, names_at, shown_name
from streams.importers.tables.files.opening import Workbook
from streams.importers.tables.words.header_names import NAMES, header_key

MAX_SHEETS = 100
"""So many sheets are looked at: the rows of an export stand in one of the first."""

MIN_KNOWN = 2
"""A sheet with so many names that are known is taken before one without: a cover has none."""

MAX_NAMED = 12

MAX_BLANK_LINES = 10_000
"""A sheet ends after so many lines without a cell: formats often reach to its very last line."""


def sheet_lines(path: Path, book: Workbook) -> tuple[Iterator[tuple[int, list[Any]]], str]:
    """Each line that holds anything of the sheet with the rows: its number, and its cells as texts
    and numbers; and the sheet's name, empty where it is the first. Raises ImportFault, also while
    lines are read."""
    import openpyxl  # only a workbook needs it

    with _told(path):
        opened = openpyxl.load_workbook(
            io.BytesIO(book.content), read_only=True, data_only=True, keep_links=False
        )
        sheets = [sheet for sheet in opened.worksheets if sheet.sheet_state == "visible"]
        for sheet in sheets:
            sheet.reset_dimensions()  # some programs write wrong ones
        tops = [_Top.of(sheet) for sheet in sheets[:MAX_SHEETS]]
    filled = [top for top in tops if top.lines]
    if not filled:
        n = len(opened.worksheets)
        what = (
            f"none of its {n:,} sheets that are shown has a cell"
            if n
            else "has no sheet with cells"
        )
        raise ImportFault(f"{path}: {what}: save the sheet with the rows as .xlsx or CSV")
    chosen = _with_the_rows(path, filled)
    return _lines(path, chosen.sheet), "" if chosen is tops[0] else str(chosen.sheet.title)[:60]


@dataclass(frozen=True, slots=True)
class _Top:
    """The first lines of a sheet. `width`: cells of the line of its names, 0 where no row is below;
    `n_known`: how many of these names mean something to asllr."""

    sheet: Any
    lines: list[list[Any]]
    width: int = 0
    n_known: int = 0

    @classmethod
    def of(cls, sheet: Any) -> Self:
        rows = _filled(sheet.iter_rows(values_only=True))
        lines = [cells for _, cells in islice(rows, N_TRIED)]
        if len(lines) < 2:
            return cls(sheet, lines)
        at = names_at(lines)
        names = [shown_name(cell) for cell in lines[at]]
        return cls(
            sheet,
            lines,
            sum(map(bool, names)) if at + 1 < len(lines) else 0,
            sum(header_key(name) in _KNOWN for name in names),
        )


_KNOWN = {name for fields in NAMES.values() for names in fields.values() for name in names}


def _with_the_rows(path: Path, tops: Sequence[_Top]) -> _Top:
    """The only sheet that looks like the table: by names that are known, else by its width. Raises
    ImportFault where two do."""
    tables = [top for top in tops if top.width > 1]
    if not tables:
        return tops[0]
    known = [top for top in tables if top.n_known >= MIN_KNOWN]
    likely = known or tables
    widest = max(top.width for top in likely)
    likely = [top for top in likely if known or 2 * top.width > widest]
    if len(likely) == 1:
        return likely[0]
    names = ", ".join(repr(str(top.sheet.title)[:60]) for top in likely[:MAX_NAMED])
    more = f" and {len(likely) - MAX_NAMED:,} more" if len(likely) > MAX_NAMED else ""
    raise ImportFault(
        f"{path}: any of its sheets {names}{more} could be the one with the rows: save the one you "
        "mean as a file of its own (.xlsx or CSV)"
    )


def _lines(path: Path, sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    with _told(path):
        yield from _filled(sheet.iter_rows(values_only=True))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Makes one sentence of what a damaged part of a workbook raises."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of styles and forms, which are not read
            yield
    except (ImportFault, MemoryError, GeneratorExit):
        raise
    except Exception as error:  # a damaged part ends in any of a dozen errors
        raise ImportFault(
            f"{path}: not a workbook that can be read ({type(error).__name__}): save it again as "
            ".xlsx or CSV"
        ) from None


def _filled(rows: Any) -> Iterator[tuple[int, list[Any]]]:
    n_blank = 0
    for number, row in enumerate(rows, start=1):
        if all(cell is None for cell in row):
            n_blank += 1
            if n_blank > MAX_BLANK_LINES:
                return
            continue
        n_blank = 0
        yield number, [_plain(cell) for cell in row]


def _plain(cell: Any) -> Any:
    """A cell as a CSV would hold it."""
    match cell:
        case None:
            return ""
        case datetime():
            return cell.isoformat(sep=" ", timespec="auto" if cell.microsecond else "seconds")
        case date() | time():
            return cell.isoformat()
        case timedelta():
            minutes, seconds = divmod(cell.total_seconds(), 60)
            return f"{int(minutes // 60)}:{int(minutes % 60):02}:{seconds:g}"
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return int(cell)
        case bool() | int() | float() | str():
            return cell
        case _:
            return str(cell)

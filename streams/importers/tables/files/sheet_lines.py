"""The lines of a workbook's first sheet as cells. Formulas count as what they last came to."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from streams.importers.outcomes import ImportFault
from streams.importers.tables.files.opening import Workbook

MAX_BLANK_LINES = 10_000
"""A sheet ends after so many lines without a cell: formats often reach to its very last line."""


def sheet_lines(path: Path, book: Workbook) -> Iterator[tuple[int, list[Any]]]:
    """Each line that holds anything: its number, and its cells as texts and numbers. Raises
    ImportFault."""
    import openpyxl  # only a workbook needs it

    try:
        with warnings.catch_warnings(action="ignore"):  # of styles and forms, which are not read
            opened = openpyxl.load_workbook(
                io.BytesIO(book.content), read_only=True, data_only=True, keep_links=False
            )
            n_lines = 0
            for sheet in opened.worksheets:
                sheet.reset_dimensions()  # some programs write wrong ones
                if sheet.sheet_state != "visible":
                    continue
                for line in _filled(sheet.iter_rows(values_only=True)):
                    n_lines += 1
                    yield line
                if n_lines:
                    return
    except ImportFault:
        raise
    except MemoryError:
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

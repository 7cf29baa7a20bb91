"""Which sheet of a workbook is read, and JSON that nobody can read."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import openpyxl.chart
import pytest

from streams.importers.outcomes import ImportFault
from streams.importers.tables.table import ExportTable, read_table

LEADS = [["Lead ID", "Created At", "Trade"], [1, "2026-03-01", "dairy"], [2, "2026-03-02", "pub"]]
COVER = [["Leads of the north"], ["made on 2026-03-09"]]
PAIRS = [["Report", "Leads"], ["Made by", "Eva"], ["Made on", "2026-03-09"]]
OWN = [["Nr", "Von", "Sparte", "Ort"], [1, "2026-03-01", "a", "b"], [2, "2026-03-02", "a", "c"]]


def _read(folder: Path, **sheets: list[list[Any]]) -> ExportTable:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, lines in sheets.items():
        sheet = book.create_sheet(title.removeprefix("hidden_"))
        sheet.sheet_state = "hidden" if title.startswith("hidden_") else "visible"
        for line in lines:
            sheet.append(line)
    content = io.BytesIO()
    book.save(content)
    path = folder / "book.xlsx"
    path.write_bytes(content.getvalue())
    return read_table(path)


@pytest.mark.parametrize("first", [COVER, PAIRS, [], [["Status", "Trade"], ["new", "dairy"]]])
def test_the_sheet_with_the_rows_is_read_and_named(first: list[list[Any]], tmp_path: Path) -> None:
    table = _read(tmp_path, Cover=first, Leads=LEADS, Notes=[["by Eva"]])
    assert table.columns == ("Lead ID", "Created At", "Trade")
    assert len(table.rows) == 2
    assert any("'Leads', which has the rows" in each for each in table.remarks)


def test_the_first_sheet_is_read_without_a_word(tmp_path: Path) -> None:
    assert not _read(tmp_path, Leads=LEADS, Notes=PAIRS).remarks


def test_names_that_nobody_knows_are_found_by_their_width(tmp_path: Path) -> None:
    assert _read(tmp_path, Deckblatt=[["a", ""], ["b", "c"]], Daten=OWN).columns[0] == "Nr"


@pytest.mark.parametrize("rows", [LEADS, OWN])
def test_of_two_that_could_be_neither_is_taken(rows: list[list[Any]], tmp_path: Path) -> None:
    with pytest.raises(ImportFault, match=r"'2025', '2026' could be .*: save the one you mean"):
        _read(tmp_path, Cover=COVER, **{"2025": rows, "2026": rows})


def test_a_workbook_without_a_cell_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ImportFault, match="none of its 2 sheets that are shown has a cell"):
        _read(tmp_path, hidden_Leads=LEADS, Cover=[])


def test_a_workbook_without_sheets_is_told_as_such(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("Chart").add_chart(openpyxl.chart.BarChart())
    book.remove(book.worksheets[0])
    book.save(path := tmp_path / "chart.xlsx")
    with pytest.raises(ImportFault, match="has no sheet with cells: save"):
        read_table(path)
    bare = tmp_path / "bare.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bare, "w") as new:
        for part in old.namelist():
            text = old.read(part)
            if part == "xl/workbook.xml":
                text = re.sub(rb"<sheets>.*</sheets>", b"<sheets></sheets>", text)
            new.writestr(part, text)
    with pytest.raises(ImportFault, match="has no sheet with cells: save"):
        read_table(bare)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" + '{"a":' * 200 + "1" + "}" * 200 + "]",
        '{"a":' * 200 + "1" + "}" * 200,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
    ],
)
def test_json_nested_too_deep_is_told_as_such(text: str, tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text(text)
    with pytest.raises(ImportFault, match="more than 100 objects or arrays in each other"):
        read_table(path)


def test_a_line_that_is_too_deep_costs_the_line(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text('{"a":' * 5_000 + "1" + "}" * 5_000 + '\n{"id": 1}\n')
    assert len(read_table(path).rows) == 1

"""What kinds of files are read, and that a bad one is one sentence."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from streams.importers.outcomes import ImportFault
from streams.importers.tables.exports import Exports, read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.files.opening import MAX_BOOK_BYTES, MAX_FILE_BYTES
from streams.importers.tables.table import read_table

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PLAIN = "lead_id,created_at,source\n1,2026-03-01,web\n2,2026-03-02,ad\n"
OBJECTS = [
    {"lead_id": "1", "created_at": "2026-03-01", "source": "web"},
    {"lead_id": "2", "created_at": "2026-03-02", "source": "ad"},
]


def _book(*lines: list[object], sheets: int = 1) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for line in lines:
        sheet.append(line)
    for number in range(1, sheets):
        book.create_sheet(f"other {number}").append(["not this"])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _inner(objects: list[dict[str, str]]) -> list[dict[str, object]]:
    return [{"id": each["lead_id"], "properties": each} for each in objects]


READABLE = {
    "utf-8": PLAIN.encode(),
    "utf-8 with its mark": PLAIN.encode("utf-8-sig"),
    "utf-16": PLAIN.encode("utf-16"),
    "utf-16 without its mark": PLAIN.encode("utf-16-le"),
    "utf-16 big end first": PLAIN.encode("utf-16-be"),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "a separator more at each end": PLAIN.replace("\n", ",\n").encode(),
    "gzip": gzip.compress(PLAIN.encode()),
    "gzip in two parts": gzip.compress(PLAIN[:30].encode()) + gzip.compress(PLAIN[30:].encode()),
    "an object a line": "".join(f"{json.dumps(each)}\n" for each in OBJECTS).encode(),
    "an array": json.dumps(OBJECTS).encode(),
    "an array over lines": json.dumps(OBJECTS, indent=2).encode(),
    "an object that holds one": json.dumps({"total": 2, "records": OBJECTS}).encode(),
    "an object that holds one, deeper": json.dumps({"data": {"items": OBJECTS}}, indent=1).encode(),
    "an array under a name of its own": json.dumps({"my_leads": OBJECTS}).encode(),
    "columns in properties": json.dumps({"results": _inner(OBJECTS)}).encode(),
    "a workbook": _book(["lead_id", "created_at", "source"], [1, datetime(2026, 3, 1), "web"],  # noqa: DTZ001
                        [2.0, "2026-03-02", "ad"], sheets=3),
    "a workbook with a title": _book(["Our leads"], [], ["lead_id", "created_at", "source"],
                                     ["1", "2026-03-01", "web"], ["2", "2026-03-02", "ad"]),
    "titles and totals": b"Report of leads\n\n" + PLAIN.encode() + b"Total,2,\n",
    "names once more": (PLAIN + PLAIN.partition("\n")[0] + "\n").encode(),
    "names with what nobody sees": PLAIN.replace("lead_id", "\u200blead_id").encode(),
    "double names that nobody needs": b"lead_id,created_at,source,x,x\n1,2026-03-01,web,1,2\n"
                                      b"2,2026-03-02,ad,3,4\n",
    "a needed name twice with the same cells": b"lead_id,created_at,source,lead_id\n"
                                               b"1,2026-03-01,web,1\n2,2026-03-02,ad,2\n",
    "a nameless first column": b",lead_id,created_at,source\n0,1,2026-03-01,web\n"
                               b"1,2,2026-03-02,ad\n",
    "a nameless last column": b"lead_id,created_at,source,\n1,2026-03-01,web,x\n2,2026-03-02,ad,\n",
}  # fmt: skip


def _read(folder: Path, content: bytes, name: str = "leads.csv") -> Exports:
    path = folder / name
    path.write_bytes(content)
    return read_exports({"leads": path}, folder / "mapping.json", NOTHING_READ, NOW)


@pytest.mark.parametrize("what", READABLE)
def test_a_usual_file_is_read_whatever_its_name(what: str, tmp_path: Path) -> None:
    exports = _read(tmp_path, READABLE[what])
    assert [event.lead for event in exports.read.events] == ["1", "2"]
    (first, _) = (event.occurred_at for event in exports.read.events)
    assert first == datetime(2026, 3, 1, tzinfo=UTC)
    sources = [row["source"] for row in exports.tables["leads"].rows]
    assert sources == ["web", "ad"]


def _bomb() -> bytes:
    file = io.BytesIO()
    zeros = bytes(1 << 24)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb:
        bomb.writestr("xl/workbook.xml", "<workbook/>")
        with bomb.open("xl/sharedStrings.xml", "w") as part:
            for _ in range(MAX_BOOK_BYTES // len(zeros) + 1):
                part.write(zeros)
    return file.getvalue()


def _zip_of(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(name, PLAIN)
    return file.getvalue()


def _replaced(content: bytes, name: str, text: str) -> bytes:
    """A workbook with another part of this name."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for part in old.namelist():
            new.writestr(part, text if part == name else old.read(part))
    return file.getvalue()


BOOK = READABLE["a workbook"]
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20}">' for n in range(1, 9))
BAD = {
    "empty": (b"", "empty"),
    "blank": (b" \n \n", "empty"),
    "only a mark": (b"\xef\xbb\xbf", "empty"),
    "names alone": (b"lead_id,created_at\n", "no row"),
    "an empty array": (b"[]", "no row"),
    "no array of objects": (b'{\n"a": {"b": 1}\n}', "no array of objects"),
    "half an array": (json.dumps(OBJECTS).encode()[:-9], "not JSON"),
    "an array of numbers": (b"[1, 2]", "not an object"),
    "a workbook of the old kind": (b"\xd0\xcf\x11\xe0" + bytes(50), ".xls"),
    "a page of the web": (b"<html><table><tr><td>1</td></tr></table>", "HTML"),
    "a PDF": (b"%PDF-1.7\n", "PDF"),
    "Parquet": (b"PAR1" + bytes(9), "Parquet"),
    "a damaged gzip": (gzip.compress(PLAIN.encode())[:-9], "damaged .gz"),
    "a damaged zip": (b"PK\x03\x04" + bytes(99), "damaged"),
    "a zip of something": (_zip_of("leads.csv"), "unpack it"),
    "a damaged sheet": (_replaced(BOOK, "xl/worksheets/sheet1.xml", "<worksheet><she"), "workbook"),
    "entities that grow": (
        _replaced(
            BOOK,
            "xl/worksheets/sheet1.xml",
            f'<!DOCTYPE w [<!ENTITY a0 "ha">{LAUGHS}]><worksheet><sheetData><row><c t="str"><v>&a8;'
            "</v></c></row></sheetData></worksheet>",
        ),
        "workbook",
    ),
    "too many columns": (b",".join(b"c%d" % n for n in range(20_000)) + b"\n1\n", "at most 16,384"),
    "only unreadable times": (b"lead_id,created_at\n1,2026-13-45\n2,soon\n", "'2026-13-45'"),
    "bytes": (bytes(range(256)) * 9, ""),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_one_sentence_and_nothing_is_written(what: str, tmp_path: Path) -> None:
    content, said = BAD[what]
    with pytest.raises(ImportFault) as caught:
        _read(tmp_path, content)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    left = {path.name for path in tmp_path.iterdir()} - {"leads.csv"}
    assert left == ({"mapping.json"} if "not sure" in str(caught.value) else set())


@pytest.mark.slow
def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = _bomb()
    assert len(bomb) < 5_000_000
    with pytest.raises(ImportFault, match="at most 500,000,000"):
        _read(tmp_path, bomb, "leads.xlsx")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    with path.open("wb") as file:
        file.truncate(2 * MAX_FILE_BYTES)  # twenty gigabytes of which the disk holds none
    with pytest.raises(ImportFault, match="at most 10,000,000,000: export a part of it"):
        read_table(path)


@pytest.mark.slow
def test_ten_thousand_columns_are_read(tmp_path: Path) -> None:
    names = ",".join(["lead_id", "created_at", *(f"c{n}" for n in range(10_000))])
    rows = "".join(f"{n},2026-03-01{',1' * 10_000}\n" for n in range(5))
    assert len(_read(tmp_path, f"{names}\n{rows}".encode()).read.events) == 5


def test_formulas_are_texts_and_no_ids(tmp_path: Path) -> None:
    cells = "lead_id,created_at,note\n1,2026-03-01,=1+1\n2,2026-03-02,@SUM(A1)\n=A1,2026-03-02,x\n"
    exports = _read(tmp_path, cells.encode())
    assert [event.lead for event in exports.read.events] == ["1", "2"]
    assert any("'=A1': a formula instead of an id" in said for said in exports.read.skipped)


def test_a_mapping_is_written_whenever_there_is_none(tmp_path: Path) -> None:
    _read(tmp_path, PLAIN.encode())
    written = json.loads((tmp_path / "mapping.json").read_text(encoding="utf-8"))
    assert written["leads"]["columns"] == {"lead": "lead_id", "created_at": "created_at"}
    again = _read(tmp_path, PLAIN.encode())
    assert again.mapping.leads.columns == written["leads"]["columns"]


def test_a_doubt_lists_the_columns_and_the_names_that_would_do(tmp_path: Path) -> None:
    with pytest.raises(ImportFault) as caught:
        _read(tmp_path, b"who,when,what\nann,2026-03-01,x\nbob,2026-03-02,y\n")
    said = str(caught.value)
    assert "has who, when, what" in said
    assert "as lead these names are known: lead, lead_id" in said
    assert "times stand in 'when'" in said


def test_swapped_files_are_named(tmp_path: Path) -> None:
    leads, calls = tmp_path / "a.csv", tmp_path / "b.csv"
    leads.write_text("lead_id,started_at,transcript\n1,2026-03-01 10:00,Agent: hi\n")
    calls.write_text("lead_id,created_at\n1,2026-03-01\n")
    with pytest.raises(ImportFault, match="--leads and --calls swapped"):
        read_exports({"leads": leads, "calls": calls}, tmp_path / "m.json", NOTHING_READ, NOW)


def test_the_leads_as_calls_are_refused(tmp_path: Path) -> None:
    leads, calls = tmp_path / "a.csv", tmp_path / "b.csv"
    leads.write_text(PLAIN)
    calls.write_text(PLAIN)
    with pytest.raises(ImportFault, match="the same rows"):
        read_exports({"leads": leads, "calls": calls}, None, NOTHING_READ, NOW)


def test_reading_tells_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("lead_id,created_at\n" + "1,2026-03-01\n" * 30_000)
    heard: list[int] = []
    read_table(path, heard.append)
    assert len(heard) > 2
    assert sum(heard) == path.stat().st_size


def test_a_stray_byte_costs_itself_and_not_the_file(tmp_path: Path) -> None:
    rows = "".join(f"{n},2026-03-01,Jörg Müßig-Größe\n" for n in range(500)).encode()
    cut = rows.replace("ö".encode(), b"\xc3", 1).replace(b"J", b"J\0", 1)
    exports = _read(tmp_path, b"lead_id,created_at,name\n" + cut)
    names = {row["name"] for row in exports.tables["leads"].rows}
    assert names == {"Jörg Müßig-Größe", "J\ufffdrg Müßig-Größe"}
    assert any("2 bytes are no text" in said for said in exports.read.skipped)


@pytest.mark.parametrize(
    "broken",
    ['9,2026-03-01,"5" pipe"\n', '9,2026-03-01,"open\n', '9,2026-03-01,"y" z\n'],
)
def test_a_broken_line_costs_itself_and_not_the_file(broken: str, tmp_path: Path) -> None:
    rows = "".join(f"{n},2026-03-01,x\n" for n in range(10, 300))
    exports = _read(tmp_path, f"lead_id,created_at,note\n1,2026-03-01,x\n{broken}{rows}".encode())
    leads = {event.lead for event in exports.read.events}
    assert {"1", *map(str, range(12, 300))} <= leads
    assert any("not CSV" in said and "line 3" in said for said in exports.read.skipped)


def test_a_broken_line_of_names_is_the_fault(tmp_path: Path) -> None:
    with pytest.raises(ImportFault, match="line 1: not CSV"):
        _read(tmp_path, b'lead_id,created_at,"a"b"\n1,2026-03-01,x\n2,2026-03-01,x\n')


def test_a_total_is_no_lead_whatever_it_sums(tmp_path: Path) -> None:
    rows = "1,2026-03-01,4,5\n2,2026-03-02,6,7\nGrand Total,,10,12\nCount: 2,,,\n"
    exports = _read(tmp_path, f"lead_id,created_at,a,b\n{rows}".encode())
    assert [event.lead for event in exports.read.events] == ["1", "2"]
    assert not any("row skipped" in said for said in exports.read.skipped)


@pytest.mark.slow
def test_two_hundred_columns_of_almost_dates_are_looked_through(tmp_path: Path) -> None:
    words = ("12-345", "3/45 ab", "12 ab", "1.2.3.4")
    names = ",".join(["lead_id", *(f"c{n}" for n in range(200))])
    rows = "".join(f"{n},{','.join(words[(n + c) % 4] for c in range(200))}\n" for n in range(50))
    assert not _read(tmp_path, f"{names}\n{rows}".encode()).has_times

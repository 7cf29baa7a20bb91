"""Whatever a file holds, it is read or refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.importers.outcomes import ImportFault
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.mapping import Purpose

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ODD = (
    *("4711.0", "'1", '="2"', "4.9E+11", "=A1", "NULL", "NA", "-", "", "03/04/2026", "1772359800"),
    *("9" * 30, "1e400", "inf", "-5", "5:12", "²:³", "٣", "1²3", "99:99", "PT", "won", "Zusage"),
    *("won/lost", "x" * 300, "\u200b", "\x00", "{", "[[", '"', '""', "\r", "\n", "0001-01-01"),
    *("2026-03-01T10:00:00+99:00", "24:00", "/Date(99999999999999999)/", "Mo 1.1.26", "000"),
)
FIRST = {
    "leads": ("lead_id", "created_at"),
    "calls": ("lead_id", "started_at"),
    "outcomes": ("lead_id", "close_date"),
}
OTHERS = ("phone", "mobile", "from", "to", "duration", "direction", "transcript", "stage", "won",
          "queue", "owner", "note", "note", "", "language", "call_id")  # fmt: skip
CELLS = st.sampled_from(ODD) | st.text(max_size=8)


@st.composite
def _exports(draw: st.DrawFn) -> dict[str, bytes]:
    files = {}
    for kind, first in FIRST.items():
        if kind != "leads" and draw(st.booleans()):
            continue
        names = [*first, *draw(st.lists(st.sampled_from(OTHERS), max_size=5))]
        is_odd = draw(st.booleans())
        rows = []
        for n in range(draw(st.integers(0, 12))):
            good = (str(n), f"2026-03-{n + 1:02}")
            begin = [draw(CELLS) if is_odd and draw(st.booleans()) else cell for cell in good]
            rows.append([*begin, *(draw(CELLS) for _ in names[2:])])
        files[kind] = _written(names, rows, draw(st.sampled_from(("csv", "json", "raw"))))
    return files


def _written(names: list[str], rows: list[list[Any]], how: str) -> bytes:
    if how == "json":
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows]).encode()
    if how == "raw":
        return "\n".join(",".join(row) for row in [names, *rows]).encode()
    file = io.StringIO(newline="")
    csv.writer(file).writerows([names, *rows])
    return file.getvalue().encode()


def _read(files: dict[str, bytes], purpose: Purpose) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = {kind: Path(folder) / kind for kind in files}
        for kind, content in files.items():
            paths[kind].write_bytes(content)
        mapping = Path(folder) / "mapping.json"
        said: list[str] = []
        try:
            read = read_exports(paths, mapping, NOTHING_READ, NOW, purpose).read
            said += read.skipped
        except ImportFault as fault:
            said.append(str(fault))
        assert not any("\n" in sentence for sentence in said)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(files=_exports(), purpose=st.sampled_from(Purpose))
def test_any_cells_are_read_or_refused(files: dict[str, bytes], purpose: Purpose) -> None:
    _read(files, purpose)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    content=st.binary(max_size=400), start=st.sampled_from((b"", b"PK\x03\x04", b"\x1f\x8b", b"["))
)
def test_any_bytes_are_read_or_refused(content: bytes, start: bytes) -> None:
    _read({"leads": start + content}, Purpose.RANK)

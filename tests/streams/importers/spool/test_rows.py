"""Rows in a temporary file are the rows that were added."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.importers.outcomes import ImportFault
from streams.importers.spool import rows as spool
from streams.importers.spool.rows import N_NEWEST, RowSpool
from streams.importers.spool.temporary import BLOCK_BYTES, TemporaryRecords

CELLS = st.one_of(
    st.text(max_size=30, alphabet=st.characters(exclude_categories=["Cs"])),
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.booleans(),
    st.lists(st.integers(0, 9), max_size=3),
    st.dictionaries(st.sampled_from("xy"), st.text(max_size=3, alphabet="ab"), max_size=2),
)
TABLES = st.lists(st.dictionaries(st.sampled_from("abcdef"), CELLS, max_size=6), max_size=40)


@pytest.fixture(autouse=True)
def _few_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "HELD_BYTES", 500)
    monkeypatch.setattr(spool, "FLUSHED_BYTES", 300)


@given(TABLES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_as_they_were_added(table: list[dict[str, Any]]) -> None:
    many = table * 9  # more than are always in memory
    rows = RowSpool(many)
    assert [*rows] == many
    assert rows == many
    assert [*rows] == many, "read again"
    assert len(rows) == len(many)
    assert rows[:7] == many[:7]
    if many:
        assert (rows[0], rows[-1], rows[len(many) // 2]) == (
            many[0],
            many[-1],
            many[len(many) // 2],
        )
        assert rows != many[:-1]
        assert rows != [*many[:-1], {"z": 1}]


def test_the_last_rows_can_be_taken_off_a_long_table() -> None:
    rows = RowSpool({"a": f"cell {n}"} for n in range(500))
    assert rows.are_filed
    assert [rows.pop()["a"] for _ in range(N_NEWEST)] == [
        f"cell {n}" for n in range(499, 499 - N_NEWEST, -1)
    ]
    assert len(rows) == len([*rows]) == 500 - N_NEWEST


def test_a_mark_that_turns_out_to_be_nothing_is_no_cell_any_more() -> None:
    rows = RowSpool({"land": "NA", "n": n} for n in range(300))
    rows.columns_of_marks["land"] = "NA"
    assert {*map(frozenset, rows)} == {frozenset({"n"})}
    assert "land" not in {*rows[0], *rows[-1]}


def test_what_the_file_has_no_room_for_is_its_text() -> None:
    cells = {"long": 10**30, "inner": [{"n": -(2**70)}], "half": "\ud83d", "none": math.nan}
    first = RowSpool([cells] * 200)[0]
    assert first["long"] == str(10**30)
    assert first["inner"] == [{"n": str(-(2**70))}]
    assert first["half"] == "?"
    assert math.isnan(first["none"])


def test_a_sample_is_of_the_first_cells_with_a_value() -> None:
    rows = RowSpool({"rare": f"r{n}"} if n % 50 == 0 else {"long": "x" * 900} for n in range(1_000))
    assert rows.sample("rare", 3, ["long"]) == ["r0", "r50", "r100"]
    assert rows.sample("long", 2, []) == ["x" * spool.MAX_SAMPLE_CHARS] * 2
    assert rows.sample("no such column", 2, []) == []


def test_records_longer_than_a_block_and_two_readers_at_a_time() -> None:
    records = TemporaryRecords()
    written = [bytes([n]) * size for n, size in enumerate((0, 1, 3 * BLOCK_BYTES, 5, BLOCK_BYTES))]
    for record in written:
        records.add(record)
    one, other = iter(records), iter(records)
    assert [(next(one), next(other)) for _ in written] == [(each, each) for each in written]
    assert next(one, None) is None


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full")
    if not full.exists():  # only Linux has it
        full = tmp_path / "limited"
    monkeypatch.setattr(
        tempfile, "TemporaryFile", lambda buffering: os.fdopen(os.open(full, os.O_RDWR), "w+b", 0)
    )
    with pytest.raises(ImportFault, match="set TMPDIR to another folder"):
        RowSpool({"a": "x" * 100} for _ in range(1_000))

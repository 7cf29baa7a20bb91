"""Dots that part thousands, and dots before a fraction."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import InteractionLogged
from streams.importers.outcomes import ImportFault
from streams.importers.tables.durations import DotMeaning, DurationUnit, dots_in
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import NOTHING_READ, value_reader
from streams.importers.tables.mapping import Purpose
from streams.importers.tables.table import read_table

LEADS = "lead_id,created_at\n" + "".join(f"{n},2026-03-01 09:30\n" for n in range(10))
FRACTION, THOUSANDS = DotMeaning.FRACTION, DotMeaning.THOUSANDS


def _seconds(folder: Path, cells: list[str], path: Path | None = None) -> list[float | None]:
    calls = "lead_id;started_at;Dauer\n" + "".join(
        f"{n};2026-04-01 10:0{n};{cell}\n" for n, cell in enumerate(cells)
    )
    (folder / "leads.csv").write_text(LEADS, encoding="utf-8")
    (folder / "calls.csv").write_text(calls, encoding="utf-8")
    paths: dict[str, Path | None] = {
        "leads": folder / "leads.csv",
        "calls": folder / "calls.csv",
    }
    now = datetime(2026, 12, 1, tzinfo=UTC)
    path = path or folder / "mapping.json"
    read = read_exports(paths, path, NOTHING_READ, now, Purpose.LEARN).read
    calls_read = [event for event in read.events if isinstance(event, InteractionLogged)]
    return [event.duration_s for event in sorted(calls_read, key=lambda event: event.id)]


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        (["1.234", "2.105", "987"], [1234, 2105, 987]),
        (["1.234 Sek.", "987 Sek."], [1234, 987]),
        (["1.234", "987,5"], [1234, 987.5]),
        (["1.234,5", "987"], [1234.5, 987]),
        (["1.234", "0.512", "3.500"], [1.234, 0.512, 3.5]),
        (["312.456", "45.120"], [312.456, 45.12]),
        (["1.234", "2.5", "987"], [1.234, 2.5, 987]),
        (["1.234", "0:05:12", "12"], [1234, 312, 12]),
    ],
)
def test_the_numbers_of_a_column_say_what_its_dots_are(
    cells: list[str], seconds: list[float], tmp_path: Path
) -> None:
    assert _seconds(tmp_path, cells) == seconds


@pytest.mark.parametrize("cells", [["1.234", "2.105"], ["1.234", "4500"], ["1.234", "1,234"]])
def test_dots_that_nobody_can_tell_are_a_doubt_which_a_mapping_settles(
    cells: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "mapping.json"
    with pytest.raises(ImportFault, match=r"thousands or a fraction.*'1\.234'.*duration_dots"):
        _seconds(tmp_path, cells, path)
    mapping = json.loads(path.read_text(encoding="utf-8"))
    for said, first in ((THOUSANDS, 1234), (FRACTION, 1.234)):
        mapping["calls"]["duration_dots"] = said
        path.write_text(json.dumps(mapping), encoding="utf-8")
        assert _seconds(tmp_path, cells, path)[0] == first


def test_minutes_and_numbers_of_json_have_fractions() -> None:
    assert dots_in(["1.234", "987"], DurationUnit.MINUTES) is FRACTION
    assert dots_in([1.234, 987], None) is FRACTION
    assert dots_in(["1.234", "987"], DurationUnit.MILLISECONDS) is THOUSANDS
    assert dots_in(["1.234"], None) is None
    assert dots_in([], None) is FRACTION


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.234", "987"], [1234.0, 987.0]),
        (["1.234.567", "12.000"], [1234567.0, 12000.0]),
        (["3.125", "2.5"], [3.125, 2.5]),
        (["0.125", "0.375", "1"], [0.125, 0.375, 1.0]),
    ],
)
def test_amounts_of_a_lead_are_read_alike(
    cells: list[str], values: list[float], tmp_path: Path
) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("id;Betrag\n" + "".join(f"{n};{c}\n" for n, c in enumerate(cells)))
    table = read_table(path)
    value = value_reader(table, "Betrag", "Betrag", NOTHING_READ)
    assert [value(row["Betrag"]) for row in table.rows] == values

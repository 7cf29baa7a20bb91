"""What is said of exports that can be read and may not mean what they say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from streams.importers.tables.exports import Exports, read_exports
from streams.importers.tables.fields import NOTHING_READ

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LEADS = "lead_id,created_at\n" + "".join(f"{n},2026-03-01 09:30\n" for n in range(10))


def _read(folder: Path, **files: str) -> Exports:
    for kind, text in files.items():
        (folder / f"{kind}.csv").write_text(text, encoding="utf-8")
    paths = {kind: folder / f"{kind}.csv" for kind in files}
    return read_exports(paths, None, NOTHING_READ, NOW)


def test_more_words_than_fit_into_a_call_are_of_another_unit(tmp_path: Path) -> None:
    talk = "Agent: " + "and then we will see what can be done about it " * 20
    calls = "lead_id,started_at,duration,transcript\n"
    in_minutes = calls + "".join(f"{n},2026-04-01 10:00,{n},{talk}\n" for n in range(1, 10))
    in_seconds = calls + "".join(f"{n},2026-04-01 10:00,{n}:00,{talk}\n" for n in range(1, 10))
    said = "more is said than fits into their duration"
    assert any(said in each for each in _read(tmp_path, leads=LEADS, calls=in_minutes).read.skipped)
    read = _read(tmp_path, leads=LEADS, calls=in_seconds).read
    assert not any(said in each for each in read.skipped)


def test_ids_that_a_spreadsheet_cut_at_15_digits(tmp_path: Path) -> None:
    rows = "".join(f"49151234567{n:04}000,2026-03-01\n" for n in range(9))
    said = "ids end in zeros from digit 16 on"
    rounded = _read(tmp_path, leads=f"lead_id,created_at\n{rows}").read
    assert any(said in each for each in rounded.skipped)
    whole = _read(tmp_path, leads=f"lead_id,created_at\n{rows}".replace("000,", "123,")).read
    assert not any(said in each for each in whole.skipped)


def test_names_of_records_before_a_columns_name_are_known(tmp_path: Path) -> None:
    leads = "Lead ID,Lead - Created Time (UTC),Contact Phone\n1,2026-03-01 10:00,030 5551234\n"
    outcomes = "Lead ID,Deal - Won time,Deal - Status\n1,2026-04-01 10:00,won\n"
    exports = _read(tmp_path, leads=leads, outcomes=outcomes)
    assert set(exports.mapping.leads.columns) == {"lead", "created_at", "phone"}
    assert exports.read.n_orders == 1


def test_repeated_rows_and_ids_that_differ_in_case_only_are_said(tmp_path: Path) -> None:
    leads = "lead_id,created_at\n1,2026-03-01\n1,2026-03-02\nab,2026-03-01\nAB,2026-03-01\n"
    said = "\n".join(_read(tmp_path, leads=leads).read.skipped)
    assert "1 rows are of a lead that has one already" in said
    assert "1 ids differ from another's only in capitals" in said

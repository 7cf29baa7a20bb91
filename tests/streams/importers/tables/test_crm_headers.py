"""Whose exports and transcripts are read without a mapping: each row of the tables in
docs/tutorials/your-exports.md."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from docs.exports_reference import crm_table, talk_table
from schemas.events import InteractionLogged, LeadUpserted, StageChanged, TranscriptReady
from streams.importers.tables.exports import Exports, read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.words.crm_headers import EXPORTS, CrmExport
from streams.importers.tables.words.header_names import NAMES

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CELLS = {
    "lead": "00Q5e00000AbCd{n}",
    "created_at": "2026-03-0{n} 09:30",
    "started_at": "2026-04-0{n} 10:00",
    "ordered_at": "2026-05-0{n} 11:00",
    "owner": "Jo",
    "queue": "north",
    "phone": "+49 30 555123{n}",
    "phone_2": "+49 170 555123{n}",
    "phone_3": "+49 40 555123{n}",
    "phone_4": "+49 89 555123{n}",
    "duration_s": "00:05:1{n}",
    "direction": "inbound",
    "outcome": "won",
}
TRANSCRIPTS = Path(__file__).parents[1] / "transcripts" / "golden"


def _read(folder: Path, export: CrmExport) -> Exports:
    paths = {}
    for kind, headers in export.headers.items():
        paths[kind] = folder / f"{kind}.csv"
        with paths[kind].open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*headers.values(), "Lead Source"])
            for n in range(1, 10):
                writer.writerow([*(CELLS[field].format(n=n) for field in headers), "website"])
    return read_exports(paths, None, NOTHING_READ, NOW)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: f"{export.crm}-{export.language}")
def test_a_crms_headers_need_no_mapping(export: CrmExport, tmp_path: Path) -> None:
    exports = _read(tmp_path, export)
    for kind, headers in export.headers.items():
        assert exports.mapping.of(kind).columns == headers
    kinds = [type(event) for event in exports.read.events]
    assert (kinds.count(LeadUpserted), kinds.count(InteractionLogged)) == (9, 9)
    assert kinds.count(StageChanged) == 9
    assert exports.read.n_early == 0
    assert export.crm in crm_table()


def test_seven_crms_are_known_in_two_languages() -> None:
    assert len({export.crm for export in EXPORTS}) == 7
    assert {export.language for export in EXPORTS} == {"en", "de"}
    assert len(EXPORTS) == 14


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.iterdir()), ids=lambda path: path.name)
def test_a_vendors_transcript_in_a_cell_needs_no_mapping(path: Path, tmp_path: Path) -> None:
    leads, calls = tmp_path / "leads.csv", tmp_path / "calls.jsonl"
    leads.write_text("lead_id,created_at\n1,2026-03-01\n", encoding="utf-8")
    call = {
        "lead_id": "1",
        "started_at": "2026-04-01T10:00:00Z",
        "transcript": path.read_text(encoding="utf-8"),
    }
    calls.write_text(json.dumps(call) + "\n", encoding="utf-8")
    exports = read_exports({"leads": leads, "calls": calls}, None, NOTHING_READ, NOW)
    (talk,) = (event for event in exports.read.events if isinstance(event, TranscriptReady))
    assert talk.segments


def test_twelve_shapes_and_more_are_listed() -> None:
    assert len(talk_table().splitlines()) - 2 >= 12


def test_whoever_is_a_lead_in_the_leads_file_is_one_where_the_same_file_says_who_ordered() -> None:
    assert set(NAMES["leads"]["lead"]) <= set(NAMES["outcomes"]["lead"])

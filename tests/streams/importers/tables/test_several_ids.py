"""A cell that names several leads, as HubSpot's Associated Contact IDs do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import EventBase, InteractionLogged, StageChanged, TranscriptReady
from streams.importers.outcomes import ImportFault
from streams.importers.tables.cells import own_name
from streams.importers.tables.events import Read
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.mapping import Purpose

LEADS = "Record ID,Create Date\n" + "".join(f"{n},2026-03-01 09:30\n" for n in range(51, 60))
ONE = "{},2026-04-01 10:00,closedwon\n"


def _read(folder: Path, leads: str = LEADS, **files: str) -> Read:
    paths = {}
    for kind, text in {"leads": leads, **files}.items():
        paths[kind] = folder / f"{kind}.csv"
        paths[kind].write_text(text, encoding="utf-8")
    now = datetime(2026, 12, 1, tzinfo=UTC)
    return read_exports(paths, None, NOTHING_READ, now, Purpose.LEARN).read


def _leads(read: Read, kind: type[EventBase]) -> list[str]:
    return [own_name(event.lead) for event in read.events if isinstance(event, kind)]


@pytest.mark.parametrize(
    "cell",
    ["51;54", "51; 54", '"51, 54"', '"51,54"', "51|54", "51 / 54", "51 54", '"51\n54"', "0051;054",
     '"[""51"",""54""]"', "51;54;51", "51;4711;54", ";51;;54;", "51.0;54.0"],
)  # fmt: skip
def test_a_deal_of_several_people_is_won_for_each(cell: str, tmp_path: Path) -> None:
    outcomes = "Associated Contact IDs,Close Date,Deal Stage\n" + ONE.format(cell) + ONE.format(57)
    read = _read(tmp_path, outcomes=outcomes)
    assert _leads(read, StageChanged) == ["51", "54", "57"]
    assert any("1 rows of several leads" in each for each in read.skipped)


def test_undated_outcomes_count_for_each_too(tmp_path: Path) -> None:
    read = _read(tmp_path, outcomes="lead_id,won\n51;54,yes\n52,no\n53;51,no\n")
    assert read.won == {"51": True, "54": True, "52": False, "53": False}


def test_a_call_with_several_people_is_each_ones_with_its_transcript(tmp_path: Path) -> None:
    calls = (
        "Associated Contact IDs,Activity date,transcript\n51;54,2026-04-01 10:00,Agent: Hello.\n"
    )
    read = _read(tmp_path, calls=calls)
    assert _leads(read, InteractionLogged) == ["51", "54"]
    assert _leads(read, TranscriptReady) == ["51", "54"]


def test_an_id_with_a_separator_in_it_is_one_id(tmp_path: Path) -> None:
    leads = "lead_id,created_at\n" + "".join(
        f'"{each}",2026-03-01 09:30\n' for each in ("a;b", "a", "b", "4711", "51")
    )
    outcomes = 'lead_id,ordered_at\na;b,2026-04-01\n"4,711",2026-04-02\n'
    read = _read(tmp_path, leads=leads, outcomes=outcomes)
    assert _leads(read, StageChanged) == ["a;b", "4711"]


def test_the_id_in_the_column_of_deals_is_not_taken_where_all_have_several(tmp_path: Path) -> None:
    outcomes = "Record ID,Associated Contact IDs,Close Date,Deal Stage\n" + "".join(
        f"{900 + n}," + ONE.format(f"{n};{n + 1}") for n in range(51, 55)
    )
    assert len(set(_leads(_read(tmp_path, outcomes=outcomes), StageChanged))) == 5


def test_lists_of_json_are_read_and_thousands_of_ids_refused(tmp_path: Path) -> None:
    leads = "lead_id,created_at\n" + "".join(f"{n},2026-03-01 09:30\n" for n in range(500))
    rows = [
        {"lead_id": [7, "8", {"id": 9}], "ordered_at": "2026-04-01 10:00"},
        {"lead_id": [*range(500)], "ordered_at": "2026-04-01 11:00"},
    ]
    read = _read(tmp_path, leads=leads, outcomes=json.dumps(rows))
    assert _leads(read, StageChanged) == ["7", "8"]
    assert any("names more than 100 leads" in each for each in read.skipped)


def test_people_of_whom_none_is_a_lead_are_said(tmp_path: Path) -> None:
    with pytest.raises(ImportFault, match="a lead that the leads' file does not have"):
        _read(tmp_path, outcomes="lead_id,ordered_at\n1;2,2026-04-01\n")


def test_a_guid_in_braces_is_the_guid(tmp_path: Path) -> None:
    guid = "d2d6d7d9-1111-ec11-b6e6-000d3a111112"
    leads = f"lead_id,created_at\n{guid},2026-03-01\n"
    read = _read(
        tmp_path, leads=leads, outcomes=f"lead_id,ordered_at\n{{{guid.upper()}}},2026-04-01\n"
    )
    assert _leads(read, StageChanged) == [guid]

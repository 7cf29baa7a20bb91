"""What is said where columns or a mapping are in doubt, and what other columns settle."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.importers.outcomes import ImportFault
from streams.importers.tables.exports import Exports, read_exports
from streams.importers.tables.fields import NOTHING_READ
from streams.importers.tables.mapping import Purpose, read_mapping
from streams.importers.tables.table import read_table
from streams.reports.try_text import listed

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LEADS = "Lead ID,Created At\n1,2026-03-01 09:30\n2,2026-03-02 09:30\n"
CALLS = "Lead ID;{}\n1;08.03.2026 10:00\n2;18.03.2026 11:00\n"


def _read(folder: Path, leads: str = LEADS, *, one_file: bool = False, **files: str) -> Exports:
    paths: dict[str, Path | None] = {}
    for kind, text in {"leads": leads, **files}.items():
        path = paths[kind] = folder / f"{kind}.csv"
        path.write_text(text, encoding="utf-8")
    if one_file:
        paths["outcomes"] = paths["leads"]
    return read_exports(paths, folder / "draft.json", NOTHING_READ, NOW, Purpose.LEARN)


@pytest.mark.parametrize("name", ["Startzeit", "Anrufbeginn", "Call Date", "Gesprächsbeginn"])
def test_when_a_call_began_is_known_by_these_names(name: str, tmp_path: Path) -> None:
    mapping = _read(tmp_path, calls=CALLS.format(name)).mapping
    assert mapping.calls is not None
    assert mapping.calls.columns["started_at"] == name


def test_an_export_of_deals_in_one_file(tmp_path: Path) -> None:
    deals = (
        "Deal - ID;Deal - Title;Deal - Status;Deal - Deal created;Deal - Won time\n"
        "1;Acme;Gewonnen;2026-01-02 10:00:00;2026-01-20 10:00:00\n"
        "2;Beta;Offen;2026-01-03 10:00:00;\n"
    )
    exports = _read(tmp_path, deals, one_file=True)
    assert exports.mapping.leads.columns["created_at"] == "Deal - Deal created"
    assert exports.mapping.leads.columns["lead"] == "Deal - ID"
    assert exports.read.n_orders == 1


def test_a_lead_created_um_is_known(tmp_path: Path) -> None:
    leads = "Datensatz-ID,Erstellt um\n1,01.02.2026 10:00\n2,13.02.2026 10:00\n"
    assert _read(tmp_path, leads).mapping.leads.columns["created_at"] == "Erstellt um"


@pytest.mark.parametrize(
    ("other", "format_"), [("2/14/2026", "%m/%d/%Y"), ("14/2/2026", "%d/%m/%Y")]
)
def test_another_column_says_which_is_the_month(other: str, format_: str, tmp_path: Path) -> None:
    leads = f"Lead ID,Created At,Modified\n1,2/1/2026,{other}\n2,2/3/2026,{other}\n"
    assert _read(tmp_path, leads).mapping.leads.times == (format_,)


def test_the_leads_say_which_is_the_month_of_their_outcomes(tmp_path: Path) -> None:
    leads = "Lead ID,Created At\n1,2/1/2026\n2,2/13/2026\n"
    outcomes = "Lead ID,Won at\n1,3/10/2026\n"
    exports = _read(tmp_path, leads, outcomes=outcomes)
    assert exports.mapping.outcomes is not None
    assert exports.mapping.outcomes.times == ("%m/%d/%Y",)


@pytest.mark.parametrize("others", ["2/14/2026,14/2/2026", "2/3/2026,x", "2.14.2026,14.2.2026"])
def test_columns_that_contradict_or_say_nothing_leave_the_doubt(
    others: str, tmp_path: Path
) -> None:
    leads = f"Lead ID,Created At,one,two\n1,2/1/2026,{others}\n2,2/3/2026,{others}\n"
    with pytest.raises(ImportFault, match="could be %d/%m/%Y or %m/%d/%Y"):
        _read(tmp_path, leads)


def test_a_doubt_about_the_lead_names_the_columns_that_could_be_it(tmp_path: Path) -> None:
    leads = "Vorgang,Created At,Ort\nA-1,2026-03-01,X\nA-2,2026-03-02,X\n"
    with pytest.raises(ImportFault, match="another value in each row is in Vorgang") as fault:
        _read(tmp_path, leads, one_file=True)
    assert str(fault.value).count("leads.csv has Vorgang") == 1


def test_a_draft_of_other_exports_is_told_by_the_columns_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "asllr-mapping.json").write_text(
        json.dumps({"leads": {"columns": {"lead": "Old", "created_at": "Created At"}}})
    )
    path = tmp_path / "leads.csv"
    path.write_text("who,Created At\n1,2026-03-01\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        with pytest.raises(ImportFault, match=r"of other exports: .* has no Old: remove"):
            read_exports({"leads": path}, None, NOTHING_READ, datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "the whole file has to be an object in braces"),
        ("{}", "leads is missing"),
        ('{"leads": {"columns": {"lead": 1}}}', "leads.columns.lead has to be a text in quotes"),
        ('{"leads": {"columns": {}}, "x": 1}', "x is no key of it; there is: zone, leads"),
        ('{"leads": {"columns": {}, "times": "iso"}}', "leads.times has to be a list of texts"),
        ('{"leads": {"columns": {}, "duration_unit": "x"}}', "has to be 'ms', 's', 'min' or 'h'"),
        ('{"leads": {"columns": {}}, "zone": "Mars"}', "not a time zone such as Europe/Berlin"),
        ('{"leads": {"columns": {}}, "profile": {"": "x"}}', "a name that none can have"),
    ],
)
def test_a_wrong_mapping_is_told_in_plain_words(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    path.write_text(text)
    with pytest.raises(ImportFault) as fault:
        read_mapping(path)
    assert said in str(fault.value)
    assert not any(word in str(fault.value) for word in ("Input", "Field required", "valid "))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("is_packed", [True, False])
def test_progress_ends_at_the_size_of_the_file(
    is_packed: bool, encoding: str, tmp_path: Path
) -> None:
    text = "id,note\n" + "".join(f"{n},größe\n" for n in range(40_000))
    content = text.encode(encoding)
    path = tmp_path / "leads.csv"
    path.write_bytes(gzip.compress(content) if is_packed else content)
    told: list[int] = []
    read_table(path, told.append)
    assert len(told) > 1
    assert sum(told) == path.stat().st_size


def test_a_line_names_a_dozen_columns() -> None:
    assert listed([f"c{n}" for n in range(15)]).endswith("c11 and 3 more")


def test_a_column_that_nothing_names_is_the_lead_by_its_ids(tmp_path: Path) -> None:
    leads, calls = tmp_path / "leads.csv", tmp_path / "calls.csv"
    names = [f"00Q{n:03}" for n in range(9)]
    leads.write_text("Lead ID,Created\n" + "".join(f"{n},2026-01-02\n" for n in names), "utf-8")
    rows = "".join(f"c{i},{n},2026-01-05 10:00,{i}\n" for i, n in enumerate(names))
    calls.write_text(f"Ref,Related Lead,Call Start,Try\n{rows}", "utf-8")
    exports = read_exports({"leads": leads, "calls": calls}, None, NOTHING_READ, NOW)
    assert exports.mapping.of("calls").columns["lead"] == "Related Lead"


def test_a_column_of_short_numbers_names_no_lead(tmp_path: Path) -> None:
    """Counts are ids of leads that are numbered from 1, by chance."""
    leads, calls = tmp_path / "leads.csv", tmp_path / "calls.csv"
    leads.write_text("Lead ID,Created\n" + "".join(f"{n},2026-01-02\n" for n in range(30)), "utf-8")
    calls.write_text(
        "Tries,Call Start\n" + "".join(f"{n},2026-01-05 10:00\n" for n in range(9)), "utf-8"
    )
    with pytest.raises(ImportFault, match="no column is named like lead"):
        read_exports({"leads": leads, "calls": calls}, tmp_path / "m.json", NOTHING_READ, NOW)

"""What real exports hold and a reader stumbles over, a kind each: the rest of the row is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import InteractionLogged, LeadUpserted, StageChanged, TranscriptReady
from streams.importers.outcomes import ImportFault
from streams.importers.tables.cells import own_name
from streams.importers.tables.durations import DurationUnit, doubt_of, seconds_of, unit_in
from streams.importers.tables.exports import Exports, read_exports
from streams.importers.tables.fields import FieldsRead
from streams.importers.tables.ids import id_text, spellings
from streams.importers.tables.phones import busy_number, phones_of

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LEADS = "lead_id,created_at\n" + "".join(f"{n},2026-03-01 09:30\n" for n in range(1, 10))


def read(
    folder: Path, mapping: Mapping[str, object] | None = None, now: datetime = NOW, **files: str
) -> Exports:
    paths = {}
    for kind, text in files.items():
        paths[kind] = folder / f"{kind}.csv"
        paths[kind].write_text(text, encoding="utf-8")
    path = folder / "mapping.json"
    if mapping is not None:
        path.write_text(json.dumps(mapping), encoding="utf-8")
    fields = FieldsRead.of((), ("country", "note"))
    return read_exports(paths, path, fields, now)


def leads_of(exports: Exports, kind: type) -> list[str]:
    return [own_name(event.lead) for event in exports.read.events if isinstance(event, kind)]


# C: marks of nothing


@pytest.mark.parametrize(
    "mark",
    ["NULL", "\\N", "N/A", "n/a", "#N/A", "None", "nan", "NaN", "nil", "(null)", "(blank)", "-",
     "—", "0000-00-00", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "#REF!", "k.A."],
)  # fmt: skip
def test_a_mark_of_nothing_is_an_empty_cell_in_every_column(mark: str, tmp_path: Path) -> None:
    leads = f"lead_id,created_at,phone,note\n{mark},2026-03-01,,\n" + "".join(
        f"{n},2026-03-0{n},{mark},{mark}\n" for n in range(1, 10)
    )
    outcomes = f"lead_id,ordered_at\n1,2026-04-01\n2,{mark}\n3,{mark}\n"
    exports = read(tmp_path, leads=leads, outcomes=outcomes)
    assert leads_of(exports, LeadUpserted) == [str(n) for n in range(1, 10)]
    assert leads_of(exports, StageChanged) == ["1"]
    assert not any(event.profile for event in exports.read.events if hasattr(event, "profile"))
    said = [each for each in exports.read.skipped if "mark of nothing" in each]
    assert len(said) == 2
    assert f"{mark!r} (19)" in said[0]


def test_na_is_namibia_among_countries_and_nothing_elsewhere(tmp_path: Path) -> None:
    rows = "".join(f"{n},2026-03-01,{c},NA\n" for n, c in enumerate(("NA", "DE", "AT", "NA")))
    exports = read(tmp_path, leads=f"lead_id,created_at,country,note\n{rows}")
    profiles = [each.profile for each in exports.read.events if isinstance(each, LeadUpserted)]
    assert [each.get("country") for each in profiles] == ["NA", "DE", "AT", "NA"]
    assert not any("note" in each for each in profiles)


# D: placeholder numbers


@pytest.mark.parametrize(
    "number",
    ["000 000 0000", "0000000000", "+49 000 0000000", "111-111-1111", "9999999", "1234567890",
     "0123456789", "123456789", "987654321", "anonymous", "4.91512E+11", "12", "unknown"],
)  # fmt: skip
def test_a_placeholder_is_nobodys_number(number: str) -> None:
    assert phones_of(number) == ()


def test_spellings_and_several_numbers_are_read() -> None:
    assert phones_of(491701234567.0) == phones_of("0170/123 45 67") == ("701234567",)
    assert phones_of('="+49 170 1234567"') == phones_of("+49 170 1234567 ext. 12") == ("701234567",)
    assert phones_of("+49 30 5551234; 0170/1234567") == ("305551234", "701234567")


def test_calls_of_a_placeholder_are_no_leads(tmp_path: Path) -> None:
    leads = "lead_id,created_at,phone\n1,2026-03-01,0000000000\n2,2026-03-01,+49 30 5551234\n"
    calls = "phone,started_at\n" + "000 000 0000,2026-04-01 10:00\n" * 60
    exports = read(tmp_path, leads=leads, calls=calls + "030 5551234,2026-04-01 10:00\n")
    assert leads_of(exports, InteractionLogged) == ["2"]
    assert any("60 rows skipped" in said and "nobody's" in said for said in exports.read.skipped)


def test_a_number_of_far_more_calls_than_any_other_is_a_doubt(tmp_path: Path) -> None:
    leads = "lead_id,created_at,phone\n" + "".join(
        f"{n},2026-03-01,+49 30 55512{n:02}\n" for n in range(10)
    )
    calls = "phone,started_at\n" + "".join(
        f"+49 30 55512{n % 60 // 59 + (n % 9 if n > 60 else 0):02},2026-04-01 10:{n % 60:02}\n"
        for n in range(70)
    )
    with pytest.raises(ImportFault, match='"nobody"') as caught:
        read(tmp_path, leads=leads, calls=calls)
    assert "'+49 30 5551200'" in str(caught.value)
    mapping = json.loads((tmp_path / "mapping.json").read_text(encoding="utf-8"))
    settled = read(tmp_path, {**mapping, "nobody": ["0049305551200"]}, leads=leads, calls=calls)
    assert "0" not in leads_of(settled, InteractionLogged)
    real = read(tmp_path, {**mapping, "nobody": []}, leads=leads, calls=calls)
    assert leads_of(real, InteractionLogged).count("0") >= 60


def test_an_even_distribution_of_calls_is_no_doubt() -> None:
    assert busy_number([f"+49 30 555{n % 40:04}" for n in range(2_000)]) is None


# E: units


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [("312", 312), ("1,234", 1234), ("1,234,567", None),
     ("86401", None), ("5:12", 312), ("0:05:12", 312),
     ("5m 12s", 312), ("PT5M12S", 312), ("312000 ms", 312), ("1,5", 1.5), ("312.5", 312.5),
     ("5 min", 300), ("00:05:12.5", 312.5), (312, 312)],
)  # fmt: skip
def test_a_duration_is_read_in_seconds(cell: object, seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(ValueError, match="outside"):
            seconds_of(cell)
    else:
        assert seconds_of(cell) == seconds


@pytest.mark.parametrize(
    ("column", "unit"),
    [("Duration (ms)", "ms"), ("duration_ms", "ms"), ("CallDurationInSeconds", "s"),
     ("Dauer Minuten", "min"), ("duration_s", "s"), ("Duration", None), ("items", None),
     ("Call duration (HH:mm:ss)", None)],
)  # fmt: skip
def test_the_name_of_a_column_says_its_unit(column: str, unit: str | None) -> None:
    assert unit_in(column) == unit


@pytest.mark.parametrize(
    ("cells", "doubt"),
    [(["300000", "1,234"], "milliseconds"), (["45000"] * 9, "milliseconds"),
     (["5.2", "3.7", "12.25", "1.5", "0.75"], "minutes"), (["312", "20", "45"], None),
     (["12", "7", "30", "9", "15"], None), (["5:12"] * 9, None), ([], None)],
)  # fmt: skip
def test_numbers_that_are_hardly_seconds_are_a_doubt(cells: list[str], doubt: str | None) -> None:
    found = doubt_of(cells)
    assert (doubt in found) if doubt and found else found is doubt


def test_a_mapping_says_the_unit(tmp_path: Path) -> None:
    calls = "lead_id,started_at,duration\n1,2026-04-01 10:00,300000\n2,2026-04-01 10:00,61000\n"
    with pytest.raises(ImportFault, match="seconds or milliseconds"):
        read(tmp_path, leads=LEADS, calls=calls)
    mapping = json.loads((tmp_path / "mapping.json").read_text(encoding="utf-8"))
    mapping["calls"]["duration_unit"] = DurationUnit.MILLISECONDS
    exports = read(tmp_path, mapping, leads=LEADS, calls=calls)
    ends = [e.occurred_at for e in exports.read.events if isinstance(e, InteractionLogged)]
    assert ends == [
        datetime(2026, 4, 1, 10, 1, 1, tzinfo=UTC),
        datetime(2026, 4, 1, 10, 5, tzinfo=UTC),
    ]


# F: bare dates


@pytest.mark.parametrize("written", ["2026-03-01", "01.03.2026", "2026-03-01 00:00:00", "46082"])
def test_an_order_on_the_day_a_lead_came_in_is_an_order(written: str, tmp_path: Path) -> None:
    exports = read(tmp_path, leads=LEADS, outcomes=f"lead_id,ordered_at\n1,{written}\n")
    (order,) = (each for each in exports.read.events if isinstance(each, StageChanged))
    assert order.occurred_at == datetime(2026, 3, 1, 23, 59, 59, 999_000, tzinfo=UTC)
    assert exports.read.n_early == 0
    assert any("1 date of ordered_at without a clock" in each for each in exports.read.skipped)


def test_the_day_is_that_of_the_files_zone(tmp_path: Path) -> None:
    mapping = {
        "zone": "America/New_York",
        "leads": {"columns": {"lead": "lead_id", "created_at": "created_at"}},
        "outcomes": {"columns": {"lead": "lead_id", "ordered_at": "ordered_at"}},
    }
    exports = read(tmp_path, mapping, leads=LEADS, outcomes="lead_id,ordered_at\n1,2026-03-02\n")
    (order,) = (each for each in exports.read.events if isinstance(each, StageChanged))
    assert order.occurred_at == datetime(2026, 3, 3, 4, 59, 59, 999_000, tzinfo=UTC)


def test_an_order_of_today_is_not_in_the_future(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    exports = read(tmp_path, now=now, leads=LEADS, outcomes="lead_id,ordered_at\n1,2026-03-02\n")
    assert [e.occurred_at for e in exports.read.events if isinstance(e, StageChanged)] == [now]


def test_a_time_of_day_stays_as_it_is(tmp_path: Path) -> None:
    outcomes = "lead_id,ordered_at\n1,2026-03-02 10:00\n2,2026-03-03 00:00\n"
    exports = read(tmp_path, leads=LEADS, outcomes=outcomes)
    orders = [each.occurred_at for each in exports.read.events if isinstance(each, StageChanged)]
    assert orders == [datetime(2026, 3, 2, 10, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)]


# G: one bad corner


def test_a_bad_part_costs_the_part_and_not_the_row(tmp_path: Path) -> None:
    long = "x" * 500
    leads = f"lead_id,created_at,owner,queue,note\n1,2026-03-01,{long},{long},{long}\n"
    talk = '"Agent: Hello, how can I help? Customer: I would like to order."'
    calls = (
        "lead_id,started_at,duration,direction,call_id,transcript\n"
        f"1,2026-04-01 10:00,soon,sideways,{long},{talk}\n"
        f"1,2026-04-01 11:00,-3,inbound,c2,{talk}\n"
    )
    exports = read(tmp_path, leads=leads, calls=calls)
    (lead,) = (each for each in exports.read.events if isinstance(each, LeadUpserted))
    assert (len(lead.owner or ""), lead.queue, len(str(lead.profile["note"]))) == (200, None, 200)
    assert len(leads_of(exports, InteractionLogged)) == len(leads_of(exports, TranscriptReady)) == 2
    said = "\n".join(exports.read.skipped)
    for what in ("note: only the first 200 characters", "queue: a name longer", "'soon'", "'-3'",
                 "call_id: a name longer", "'sideways'"):  # fmt: skip
        assert what in said
    assert said.count("mended, in line 2") >= 4


def test_one_row_that_cannot_be_placed_does_not_cost_a_short_file(tmp_path: Path) -> None:
    exports = read(tmp_path, leads="lead_id,created_at\n1,2026-03-01\n,2026-03-01\n2,2026-03-01\n")
    assert leads_of(exports, LeadUpserted) == ["1", "2"]


# K: ids from spreadsheets


@pytest.mark.parametrize(
    ("cell", "text"),
    [("4711.0", "4711"), (4711.0, "4711"), ("4711,00", "4711"), ("'0456", "0456"),
     ('="0123"', "0123"),
     ("\u200b4711\ufeff", "4711"), ('=HYPERLINK("http://crm/1";"4711")', "4711"),
     ("'t Hooft", "'t Hooft"),
     ("12E5", "12E5"), ("1.2.0", "1.2.0"), ("a b", "a b"), ("é", "é"), ('"0123"', "0123")],
)  # fmt: skip
def test_an_id_is_as_it_was_before_the_spreadsheet(cell: object, text: str) -> None:
    assert id_text(cell) == text


def test_what_cannot_be_undone_is_said_and_costs_its_row_alone(tmp_path: Path) -> None:
    ids = ("4.91E+11", "=A1+B1", "2")
    calls = "lead_id,started_at\n" + "".join(f"{each},2026-04-01 10:00\n" for each in ids)
    exports = read(tmp_path, leads=LEADS, calls=calls)
    assert leads_of(exports, InteractionLogged) == ["2"]
    said = "\n".join(exports.read.skipped)
    assert "'4.91E+11': an id that a spreadsheet has rounded, which cannot be undone" in said
    assert "'=A1+B1': a formula" in said


def test_an_id_of_15_characters_is_that_of_18() -> None:
    # The example of Salesforce's own description of the two.
    assert dict(spellings("001A0000006Vm9rIAC"))["15 or 18 characters"] == "001A0000006Vm9r"
    assert "15 or 18 characters" not in dict(spellings("001A0000006Vm9rXXX"))


def test_other_spellings_are_found_where_only_one_lead_has_them(tmp_path: Path) -> None:
    leads = "lead_id,created_at\n" + "".join(
        f"{each},2026-03-01\n"
        for each in ("0456", "001A0000006Vm9r", "Ab1", "AB1", "solo-1", "0789", "789")
    )
    calls = "lead_id,started_at\n" + "".join(
        f"{each},2026-04-01 10:00\n"
        for each in ("456", "001A0000006Vm9rIAC", "ab1", "AB1", "SOLO-1", "00789", "789")
    )
    exports = read(tmp_path, leads=leads, calls=calls)
    assert sorted(leads_of(exports, InteractionLogged)) == sorted(
        ["0456", "001A0000006Vm9r", "AB1", "solo-1", "789"]
    )
    said = "\n".join(exports.read.skipped)
    assert "differ from another's only in capitals" in said
    assert "in another spelling (leading zeros or commas)" in said


# L: the message names the cell and the remedy


@pytest.mark.parametrize(
    ("outcomes", "advice"),
    [
        ("lead_id,ordered_at\n77,2026-04-01\n78,2026-04-01\n", "the same ids in both files"),
        ("lead_id,ordered_at\n1,2099-04-01\n2,2099-04-01\n", "how they are written as times"),
        ("lead_id,ordered_at,stage\n1,2026-04-01,new\n", "name the outcomes in the mapping"),
        ("lead_id,ordered_at\n4.9E+11,2026-04-01\n", "format the column of ids as text"),
    ],
)
def test_the_advice_is_that_of_the_cause(outcomes: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(ImportFault, match="nothing of it is left") as caught:
        read(tmp_path, leads=LEADS, outcomes=outcomes)
    assert advice in str(caught.value)


# What has no date, and both ends of a call


def test_an_export_without_a_date_is_read(tmp_path: Path) -> None:
    leads = "Lead ID,Source,converted\n" + "".join(f"{n},web,{n % 2}\n" for n in range(10))
    path = tmp_path / "leads.csv"
    path.write_text(leads, encoding="utf-8")
    exports = read_exports({"leads": path, "outcomes": path}, None, FieldsRead.of(()), NOW)
    assert not exports.has_times
    assert sum(exports.read.won.values()) == 5
    assert len(exports.read.closings()) == len(exports.read.won) == 10
    assert any("no dates" in remark for remark in exports.remarks)


@pytest.mark.parametrize("words", [("0", "1"), ("no", "yes"), ("FALSE", "TRUE"), ("Nein", "Ja")])
def test_outcomes_that_say_only_whether(words: tuple[str, str], tmp_path: Path) -> None:
    outcomes = "lead_id,bought\n" + "".join(f"{n},{words[n % 2]}\n" for n in range(1, 10))
    exports = read(tmp_path, leads=LEADS, outcomes=outcomes.replace("bought", "won"))
    assert exports.has_times
    assert exports.read.won == {str(n): n % 2 == 1 for n in range(1, 10)}


def test_a_column_unique_in_every_row_is_the_id(tmp_path: Path) -> None:
    rows = "".join(f"V-{n},2026-03-0{n},{n % 3}\n" for n in range(1, 10))
    exports = read(tmp_path, leads=f"Vorgang,created,x\n{rows}")
    assert exports.mapping.leads.columns["lead"] == "Vorgang"


def test_of_both_ends_of_a_call_the_direction_says_the_leads(tmp_path: Path) -> None:
    leads = (
        "lead_id,created_at,phone,mobile\n"
        "1,2026-03-01,030 1111119,0170 2222225\n2,2026-03-01,030 3333338,\n"
    )
    calls = (
        "from,to,direction,start time\n"
        "+49 30 1111119,+49 40 9999998,inbound,2026-04-01 10:00\n"
        "+49 40 8888887,+49 170 2222225,outgoing,2026-04-01 11:00\n"
        "030 3333338,030 1111119,ausgehend,2026-04-01 12:00\n"
        "030 3333338,040 8888887,,2026-04-01 13:00\n"
        "030 3333338,030 1111119,,2026-04-01 14:00\n"
    )
    exports = read(tmp_path, leads=leads, calls=calls)
    assert leads_of(exports, InteractionLogged) == ["1", "1", "1", "2"]

"""Which columns of an export become fields of the profile, under which names, with which values."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.lead.state import Value
from streams.importers.tables.fields import ProfileColumns, own_where_unknown, profile_of
from streams.importers.tables.fields import value_reader as reader_of
from streams.importers.tables.table import ExportTable, read_table


def table_of(tmp_path: Path, *lines: str) -> ExportTable:
    path = tmp_path / "leads.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_table(path)


def profile(tmp_path: Path, *lines: str) -> ProfileColumns:
    return profile_of(table_of(tmp_path, *lines), {"id"})


def test_columns_keep_the_names_people_write_and_features_find_theirs(tmp_path: Path) -> None:
    found = profile(tmp_path, "id;Lead Source;größe;2nd visit", "1;Walk-in;XL;ja")
    assert found.columns == {
        "lead_source": "Lead Source",
        "größe": "größe",
        "2nd visit": "2nd visit",
    }
    assert found.sentences == ()


@pytest.mark.parametrize(
    ("written", "name"), [("Lead Source", "Lead Source"), ("lead_source", "lead_source (own)")]
)
def test_a_column_with_other_values_than_its_feature_knows_is_the_users_own(
    tmp_path: Path, written: str, name: str
) -> None:
    lines = ["Google Ads"] * 3 + ["Website"]
    found = profile(tmp_path, f"id,{written}", *(f"{n},{text}" for n, text in enumerate(lines)))
    assert found.columns == {name: written}
    (sentence,) = found.sentences
    assert sentence.startswith(f"{written}: 3 of 4 values ('google_ads') are not what the feature")


def test_a_mapping_that_names_a_feature_for_other_values_is_heeded_with_the_same_care(
    tmp_path: Path,
) -> None:
    table = table_of(tmp_path, "id,Kanal", "1,Messe", "2,Anzeige")
    found = own_where_unknown(table, {"lead_source": "Kanal", "Messe": "Kanal"})
    assert found.columns == {"Kanal": "Kanal", "Messe": "Kanal"}


def test_what_may_tell_the_end_is_left_out_and_named(tmp_path: Path) -> None:
    found = profile(tmp_path, "id,Deal Stage,Close Date,Abschlussdatum,Farbe", "1,won,x,y,rot")
    assert found.columns == {"Farbe": "Farbe"}
    (sentence,) = found.sentences
    assert sentence == (
        "left out, as it may tell what became of the lead: Deal Stage, Close Date, Abschlussdatum"
    )


def test_of_a_thousand_columns_those_that_do_not_fit_are_named(tmp_path: Path) -> None:
    names = [f"Spalte {n}" for n in range(1_000)]
    found = profile(tmp_path, ",".join(["id", "region", *names]), "1,north," + "x," * 999 + "x")
    assert len(found.columns) == 512
    assert next(iter(found.columns)) == "region"
    (sentence,) = found.sentences
    assert sentence.startswith("left out, as a lead has at most 512 fields: Spalte 511, Spalte 512")
    assert sentence.endswith(" and 477 more")


def test_names_that_cannot_be_fields_are_left_out_and_named(tmp_path: Path) -> None:
    long, twice = "x" * 65, ("größe", "gro\u0308ße")
    found = profile(tmp_path, ",".join(["id", long, *twice, "\u0958" * 40]), "1,a,b,c,d")
    assert list(found.columns) == ["größe"]
    assert [sentence.partition(":")[0] for sentence in found.sentences] == [
        "left out, as its name has more than 64 characters or some that nobody sees",
        "left out, as another column has its name",
        "left out, as its name has more than 64 characters",
    ]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["12", "3.5", "-1"], [12.0, 3.5, -1.0]),
        (["1.234,50", "17"], [1234.5, 17.0]),
        (["3,5", "viel"], ["3,5", "viel"]),
        (["01234", "99999"], ["01234", "99999"]),
        (["9000000000000", "1"], ["9000000000000", 1.0]),
        (["Straße 1 ", "x" * 300], ["Straße 1", "x" * 200]),
    ],
)
def test_values_of_own_fields_stay_as_they_are_written(
    tmp_path: Path, cells: list[str], values: list[Value]
) -> None:
    table = table_of(tmp_path, "id;Feld", *(f'{n};"{cell}"' for n, cell in enumerate(cells)))
    read = reader_of(table, "Feld", "Feld")
    assert [read(row["Feld"]) for row in table.rows] == values


def test_values_of_json_lines_keep_their_kind(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_text('{"id": 1, "a": true, "b": 7, "c": [1]}\n{"id": 2, "a": false}\n')
    table = read_table(path)
    values = {name: reader_of(table, name, name)(table.rows[0][name]) for name in "abc"}
    assert values == {"a": True, "b": 7.0, "c": None}

"""Which columns of an export become fields of the profile, under which names, with which values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.lead.state import Value
from scoring.prompt.field_values import features_by_field
from scoring.prompt.rendering import first_rendering
from streams.importers.tables.fields import (
    NOTHING_READ,
    FieldsRead,
    ProfileColumns,
    every_column,
    own_where_unknown,
    profile_of,
    value_reader,
)
from streams.importers.tables.table import ExportTable, read_table

AUTO = features_by_field(first_rendering().features)
READ = FieldsRead.of(AUTO.values(), {"größe", "Farbe des Wagens"})


def table_of(tmp_path: Path, *lines: str) -> ExportTable:
    path = tmp_path / "leads.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_table(path)


def read(tmp_path: Path, *lines: str) -> ProfileColumns:
    return profile_of(table_of(tmp_path, *lines), {"id"}, READ)


def every(tmp_path: Path, *lines: str) -> ProfileColumns:
    return every_column(table_of(tmp_path, *lines), {"id"}, NOTHING_READ)


def test_columns_that_a_model_reads_are_found_by_the_names_people_write(tmp_path: Path) -> None:
    found = read(
        tmp_path, "id;Lead Source;gro\u0308ße;Farbe des Wagens;Wetter", "1;Walk-in;XL;rot;x"
    )
    assert found.columns == {
        "lead_source": "Lead Source",
        "größe": "gro\u0308ße",
        "Farbe des Wagens": "Farbe des Wagens",
    }
    assert found.sentences == ("not read by this model: Wetter",)


def test_every_column_keeps_its_name(tmp_path: Path) -> None:
    found = every(tmp_path, "id;Lead Source;größe;2nd visit", "1;Walk-in;XL;ja")
    assert found == ProfileColumns(
        {name: name for name in ("Lead Source", "größe", "2nd visit")}, ()
    )


@pytest.mark.parametrize(
    ("written", "name"), [("Lead Source", "Lead Source"), ("lead_source", "lead_source (own)")]
)
def test_a_column_with_other_values_than_its_feature_knows_is_the_users_own(
    tmp_path: Path, written: str, name: str
) -> None:
    lines = ["Google Ads"] * 3 + ["Website"]
    found = read(tmp_path, f"id,{written}", *(f"{n},{text}" for n, text in enumerate(lines)))
    assert found.columns == {name: written}
    (sentence,) = found.sentences
    assert sentence.startswith(f"{written}: 3 of 4 values ('google_ads') are not what the feature")


def test_a_mapping_that_names_a_feature_for_other_values_is_heeded_with_the_same_care(
    tmp_path: Path,
) -> None:
    table = table_of(tmp_path, "id,Kanal", "1,Messe", "2,Anzeige")
    found = own_where_unknown(table, {"lead_source": "Kanal", "Messe": "Kanal"}, READ)
    assert found.columns == {"Kanal": "Kanal", "Messe": "Kanal"}


def test_what_a_model_reads_as_the_users_own_keeps_name_and_words(tmp_path: Path) -> None:
    """Although a feature has its name."""
    own = FieldsRead(AUTO, frozenset({"lead_source"}))
    table = table_of(tmp_path, "id,lead_source", "1,Google Ads", "2,Messe")
    found = profile_of(table, {"id"}, own)
    assert found == ProfileColumns({"lead_source": "lead_source"}, ())
    value = value_reader(table, "lead_source", "lead_source", own)
    assert [value(row["lead_source"]) for row in table.rows] == ["Google Ads", "Messe"]


def test_to_learn_from_every_column_is_read_and_a_feature_finds_its_own(tmp_path: Path) -> None:
    table = table_of(tmp_path, "id,Lead Source,Region,2nd visit", "1,Google,North,ja")
    found = every_column(table, {"id"}, READ)
    assert found.columns == {
        "Lead Source": "Lead Source",
        "region": "Region",
        "2nd visit": "2nd visit",
    }
    assert found.sentences[0].startswith("Lead Source: 1 of 1 values")


def test_of_a_thousand_columns_those_that_do_not_fit_are_named(tmp_path: Path) -> None:
    names = [f"Spalte {n}" for n in range(1_000)]
    found = every(tmp_path, ",".join(["id", *names]), "1," + "x," * 999 + "x")
    assert len(found.columns) == 512
    (sentence,) = found.sentences
    assert sentence.startswith("left out, as a lead has at most 512 fields: Spalte 512, Spalte 513")
    assert sentence.endswith(" and 476 more")


def test_names_that_cannot_be_fields_are_left_out_and_named(tmp_path: Path) -> None:
    long, twice = "x" * 65, ("größe", "gro\u0308ße")
    found = every(tmp_path, ",".join(["id", long, *twice, "\u0958" * 40]), "1,a,b,c,d")
    assert list(found.columns) == ["größe"]
    assert [sentence.partition(":")[0] for sentence in found.sentences] == [
        "left out, as its name has more than 64 characters or some that nobody sees",
        "left out, as another column has its name",
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
    value = value_reader(table, "Feld", "Feld", NOTHING_READ)
    assert [value(row["Feld"]) for row in table.rows] == values


def test_values_of_json_lines_keep_their_kind(tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    path.write_text('{"id": 1, "a": true, "b": 7, "c": [1]}\n{"id": 2, "a": false}\n')
    table = read_table(path)
    values = {
        name: value_reader(table, name, name, NOTHING_READ)(table.rows[0][name]) for name in "abc"
    }
    assert values == {"a": True, "b": 7.0, "c": None}


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=5))
def test_a_number_stays_one_however_it_is_written(thousandths: list[int]) -> None:
    texts = [f"{n / 1000:.3f}" for n in thousandths]
    rows = [{"x": text if n % 2 else f" {text} "} for n, text in enumerate(texts)]
    table = ExportTable(Path("x.csv"), ("x",), "utf-8", rows, list(range(len(rows))))
    value = value_reader(table, "x", "x", NOTHING_READ)
    assert [value(row["x"]) for row in rows] == [float(text) for text in texts]

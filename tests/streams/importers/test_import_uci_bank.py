"""The importer of UCI Bank Marketing on a small hand-written copy."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.events import EventBase, LeadClosed, LeadUpserted, Stage, StageChanged
from schemas.timestamps import to_ms
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import first_rendering
from streams.importers.outcomes import ImportFault
from streams.importers.uci_bank import ARCHIVE, FILE, uci_bank_events

AUTO = first_rendering()

HEADER = '"age";"job";"marital";"default";"contact";"month";"duration";"pdays";"emp.var.rate";"y"'
ROWS = (
    '56;"housemaid";"married";"no";"telephone";"nov";261;999;1.1;"no"',
    '28;"admin.";"unknown";"unknown";"cellular";"nov";900;6;1.1;"yes"',
    '41;"unemployed";"single";"no";"cellular";"mar";10;999;-1.8;"no"',
)


def _import(folder: Path, rows: Sequence[str] = ROWS, header: str = HEADER) -> list[EventBase]:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
        archive.writestr(FILE, "\n".join([header, *rows]) + "\n")
    return list(uci_bank_events(folder))


def test_a_contact_becomes_a_profile_and_then_its_outcome(tmp_path: Path) -> None:
    events = _import(tmp_path)
    first, closed, second, ordered, *_ = events
    assert isinstance(first, LeadUpserted)
    assert first.profile == {
        "age": 56.0,
        "job": "housemaid",
        "marital": "married",
        "has_default": "no",
        "contact_channel": "telephone",
        "days_since_previous": None,
        "emp_var_rate": 1.1,
        "age_band": "fifties",
        "occupation": "worker",
        "household": "couple",
    }
    assert isinstance(closed, LeadClosed)
    assert isinstance(second, LeadUpserted)
    assert (second.profile["days_since_previous"], second.profile["has_default"]) == (6.0, None)
    assert isinstance(ordered, StageChanged)
    assert ordered.stage == Stage.ORDER
    assert len({event.key for event in events}) == len(ROWS)


def test_the_duration_of_the_call_tells_the_outcome_and_is_left_out(tmp_path: Path) -> None:
    longer = [row.replace(";900;", ";5;").replace(";261;", ";9999;") for row in ROWS]
    assert _import(tmp_path / "a") == _import(tmp_path / "b", longer)


def test_rows_keep_their_order_over_the_turn_of_a_year(tmp_path: Path) -> None:
    events = _import(tmp_path)
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    months = [(time.year, time.month) for time in times[::2]]
    assert months == [(2008, 11), (2008, 11), (2009, 3)]
    assert times[0] < times[2]


def test_what_our_features_have_words_for_is_known_to_them(tmp_path: Path) -> None:
    first = _import(tmp_path)[0]
    vector = feature_vector(history_of(fold([first])), to_ms(first.occurred_at), AUTO)
    known = {f.name for f, value in zip(AUTO.features, vector, strict=True) if value == value}
    assert {"age_band", "occupation", "household"} <= known


@pytest.mark.parametrize(
    ("rows", "header", "says"),
    [
        (ROWS, HEADER.replace('"y"', '"z"'), "no column y"),
        ([ROWS[0].replace("nov", "autumn")], HEADER, "row 1: 'autumn' is not a month"),
        ([ROWS[0], ROWS[1].replace("28;", "old;")], HEADER, "row 2: could not convert"),
    ],
)
def test_a_file_of_another_shape_is_named(
    tmp_path: Path, rows: Sequence[str], header: str, says: str
) -> None:
    with pytest.raises(ImportFault, match=r"bank-additional") as caught:
        _import(tmp_path, rows, header)
    assert says in str(caught.value)


def test_an_archive_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"PK?")
    with pytest.raises(ImportFault, match="not the archive"):
        list(uci_bank_events(tmp_path))

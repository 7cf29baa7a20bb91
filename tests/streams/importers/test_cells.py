"""Cells of an export: a number stays a number, and what only looks like one stays a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.importers.tables.cells import MAX_NUMBER, own_value


@given(st.integers(-1000 * int(MAX_NUMBER), 1000 * int(MAX_NUMBER)))
def test_a_number_stays_one_however_it_is_written(thousandths: int) -> None:
    text = f"{thousandths / 1000:.3f}"
    for cell in (text, f" {text} "):
        assert own_value(cell) == float(text)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("0123", "0123"),
        ("49110000000000001", "49110000000000001"),
        ("1.2.2025", "1.2.2025"),
        ("nan", "nan"),
        ("  A Friend ", "A Friend"),
        ("", None),
        ("x" * 300, "x" * 200),
        (True, True),
        (3, 3.0),
    ],
)
def test_what_is_no_number_stays_as_it_is_written(cell: object, value: object) -> None:
    assert own_value(cell) == value
    assert type(own_value(cell)) is type(value)

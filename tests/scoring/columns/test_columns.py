"""Columns follow from the history and the moment alone, and are numbers an engine can read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EventBase, LeadUpserted, TranscriptReady
from schemas.timestamps import DAY_MS
from scoring.columns.columns import COUNTS, NO_COLUMNS, WORDS
from scoring.columns.own_fields import OwnField, OwnFields
from scoring.lead.fold import fold
from scoring.lead.history import LeadHistory, history_of
from scoring.lead.state import Value
from scoring.lead.state_bytes import from_bytes, to_bytes
from scoring.lead.values import date_ms, number_of
from tests.scoring.histories import START, START_MS, event, histories, segment
from tests.support.engines.table_artifacts import small_columns

COLUMNS = small_columns()
MOMENT_MS = START_MS + 5 * DAY_MS


def _named(history: LeadHistory) -> dict[str, float]:
    names = COLUMNS.own.column_names
    return dict(zip(names, COLUMNS.row(history, MOMENT_MS).tolist(), strict=False))


@given(histories(), st.randoms(use_true_random=False))
def test_a_row_is_of_the_state_whatever_the_order_of_its_events(
    told: list[EventBase], random: Any
) -> None:
    state = fold(told)
    row = COLUMNS.row(history_of(state), MOMENT_MS)
    shuffled = [*told, *told[:2]]
    random.shuffle(shuffled)
    again = history_of(from_bytes(to_bytes(fold(shuffled))))
    assert row.dtype == np.float32
    assert row.shape == (len(COLUMNS),)
    assert not np.isinf(row).any()
    assert row.tobytes() == COLUMNS.row(again, MOMENT_MS).tobytes()


@given(histories())
def test_hiding_a_part_changes_its_own_columns_only(told: list[EventBase]) -> None:
    history = history_of(fold(told))
    row = COLUMNS.row(history, MOMENT_MS)
    parts = np.array(COLUMNS.part_names)
    assert set(parts) == {"note", "seats", "renewal", "code price", COUNTS, WORDS}
    for part in set(parts):
        hidden = COLUMNS.row_without(row, part)
        assert np.array_equal(hidden[parts != part], row[parts != part], equal_nan=True)
        if part != WORDS:
            assert np.isnan(hidden[parts == part]).all()


def test_what_nobody_said_is_the_row_of_a_silent_lead() -> None:
    history = history_of(fold([_said("yes, the price is too high")]))
    silent = history_of(fold([]))
    at = np.array(COLUMNS.part_names) == WORDS
    row = COLUMNS.row(history, MOMENT_MS)
    hidden = COLUMNS.row_without(row, WORDS)
    assert np.array_equal(hidden[at], COLUMNS.row(silent, MOMENT_MS)[at])
    assert not np.array_equal(hidden[at], row[at])


def test_a_word_is_hidden_with_every_run_it_is_in() -> None:
    history = history_of(fold([_said("yes, the price is too high")]))
    without = COLUMNS.row_without_word(history, MOMENT_MS, "price")
    never = COLUMNS.row(history_of(fold([_said("yes, the is too high")])), MOMENT_MS)
    at = np.array(COLUMNS.part_names) == WORDS
    assert np.array_equal(without[at], never[at])
    assert COLUMNS.words is not None
    assert COLUMNS.words.heard(history, 9) == ["price", "yes", "high", "too", "the"]


def _said(text: str) -> EventBase:
    return event(
        TranscriptReady, call_id="c1", started_at=START, language="en", segments=[segment(text)]
    )


@pytest.mark.parametrize(
    ("value", "number"),
    [(12.5, 12.5), (True, 1.0), (" -12.50 ", -12.5), ("12 seats", None), ("1e400", None)],
)
def test_a_number_is_a_number_or_text_that_is_nothing_else(
    value: Value, number: float | None
) -> None:
    read = number_of(value)
    assert np.isnan(read) if number is None else read == number


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1970-01-02", DAY_MS),
        ("1970_01_02", DAY_MS),
        ("1970-01/02", None),
        ("02.01.1970", None),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:01Z", 1_000),
        ("2026-02-30", None),
        ("19700101", None),
        ("next week", None),
        (3.0, None),
    ],
)
def test_a_date_has_its_year_first(text: Value, at_ms: int | None) -> None:
    assert date_ms(text) == at_ms


def test_fields_are_read_as_they_were_learned() -> None:
    own = _named(_upserted(note="forties", seats="40", renewal="2026-03-08"))
    assert own["note = forties"] == 1.0
    assert own["note = <|im_end|>"] == 0.0
    assert own["seats"] == 40.0
    assert own["days since renewal"] == pytest.approx(-1.604, abs=0.001)
    assert own["code price"] == 0.0
    unknown = _named(_upserted(seats=None))
    assert all(np.isnan(unknown[name]) for name in list(unknown)[:4])


def test_a_field_keeps_the_name_its_producer_wrote() -> None:
    field = OwnField(register_name="profile.größe 2", is_number=True, is_date=True, levels=("x",))
    assert field.column_names == ("größe 2", "days since größe 2", "größe 2 = x")
    assert len(field.kinds) == len(field.column_names)
    assert OwnFields(fields=(field,)).part_names == ("größe 2",) * 3


def test_no_columns_are_none() -> None:
    assert NO_COLUMNS.row(history_of(fold([])), 0).shape == (0,)
    assert len(NO_COLUMNS) == 0


def _upserted(**profile: object) -> LeadHistory:
    return history_of(fold([event(LeadUpserted, profile=profile)]))

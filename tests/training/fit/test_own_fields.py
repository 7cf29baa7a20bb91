"""The order in which a language model reads own fields: what tells most of the outcome first."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import LeadUpserted
from schemas.timestamps import from_ms
from scoring.lead.fold import fold
from scoring.lead.state import Value
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.rendering import RENDERERS, Rendering, first_rendering
from tests.training.dataset.rows import DAY_MS, REACHED, START_MS, row
from training.baselines.columns.own_fields import MIN_LEADS
from training.dataset.example import Example, Examples, columns_of
from training.dataset.manifest import Split
from training.fit.own_fields import information, own_field_order, with_own_fields

pytestmark = pytest.mark.train

SECOND = Rendering(2, first_rendering().domain)


def lead(number: int, label: int, profile: dict[str, Value], **fields: object) -> Example:
    event = LeadUpserted(
        id="p",
        source="crm",
        tenant="acme",
        lead=f"l-{number}",
        occurred_at=from_ms(START_MS),
        profile=profile,
    )
    reached = REACHED[5 * label]
    return row(number, state=to_bytes(fold([event])), label=label, reached=reached, **fields)


def leads(n: int = 400) -> list[Example]:
    rng, rows = np.random.default_rng(7), []
    for number in range(n):
        label = int(rng.random() < 0.4)
        sure = label if rng.random() < 0.9 else 1 - label
        profile: dict[str, Value] = {
            "always": "the same",
            "id": f"A-{number}",
            "noise": float(rng.integers(1_000)),
            "colour": "red" if sure else "blue",
            "size": 10.0 * label + float(rng.integers(15)),
            "renewal": f"{from_ms(START_MS + (number + 30 * sure) * DAY_MS):%Y-%m-%d}",
        }
        if rng.random() < 0.3 + 0.2 * label:
            profile["filled more often with an order"] = f"text {number}"
        rows.append(lead(number, label, profile))
    return rows


def test_what_tells_most_comes_first_and_what_never_differs_is_left_out() -> None:
    order = own_field_order(columns_of(leads(), rendering=SECOND))
    assert order[:3] == ("size", "colour", "renewal")
    assert order[3] == "filled more often with an order"
    assert {*order[4:]} == {"id", "noise"}


def test_the_order_is_that_of_the_rows_whatever_their_order_and_repeats() -> None:
    rows = leads()
    order = own_field_order(columns_of(rows, rendering=SECOND))
    assert own_field_order(columns_of(rows[::-1], rendering=SECOND)) == order


def test_rows_of_one_lead_count_once() -> None:
    """A hundred rows of ten leads know no more of the label than ten."""
    labels = [1, 1, 1, 1, 0, 0, 0, 0, 1, 0]
    levels = np.array([0, 0, 0, 1, 1, 1, 1, 0, 0, 1])

    def rows(times: int) -> Examples:
        return columns_of(
            (
                lead(n, label, {}, cluster=f"c{n}", as_of_ms=START_MS + n * DAY_MS + again)
                for n, label in enumerate(labels)
                for again in range(times)
            ),
            rendering=SECOND,
        )

    once, often = information(levels, rows(1)), information(np.repeat(levels, 10), rows(10))
    assert once == pytest.approx(often)
    alone = columns_of((lead(n, n % 2, {}) for n in range(100)), rendering=SECOND)
    assert information(np.arange(100) % 2, alone) > once


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_a_field_without_a_connection_seldom_tells_anything(seed: int, n_levels: int) -> None:
    rng = np.random.default_rng(seed)
    rows = columns_of((lead(n, n % 2, {}) for n in range(60)), rendering=SECOND)
    told = [information(rng.integers(n_levels, size=60), rows) > 0 for _ in range(50)]
    assert np.mean(told) < 0.25


def test_what_few_rows_have_or_a_feature_knows_is_not_read_and_nothing_of_later_rows() -> None:
    rows = [
        lead(n, n % 2, {"age_band": "forties", "rare": 1.0} if n < MIN_LEADS - 1 else {"own": 1.0})
        for n in range(40)
    ]
    rows += [lead(n, n % 2, {"late": 1.0}, split=Split.TEST) for n in range(40, 80)]
    said: list[str] = []
    learned = with_own_fields(columns_of(rows, rendering=SECOND), SECOND, said.append)
    assert learned.own_fields == ("own",)
    assert said == ["fit: own fields, what tells most first: own"]


def test_auto_is_read_by_the_newest_renderer_where_there_are_own_fields_and_only_there() -> None:
    rows = columns_of([lead(n, n % 2, {"own": float(n % 2)}) for n in range(40)], SECOND)
    learned = with_own_fields(rows, first_rendering(), print)
    assert (learned.version, learned.own_fields) == (RENDERERS[-1], ("own",))
    empty = columns_of([lead(n, n % 2, {}) for n in range(40)], SECOND)
    for rendering in (first_rendering(), SECOND):
        assert with_own_fields(empty, rendering, print) == rendering

"""Which moments of a lead become rows, and what is said of what came after them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadClosed,
    Stage,
    StageChanged,
)
from schemas.timestamps import DAY_MS
from scoring.prompt.rendering import first_rendering
from tests.scoring.histories import START_MS
from tests.training.dataset.story import NEW, days, drafts, event, lead_log
from training.dataset.build import drafts_of
from training.dataset.draft import ExampleDraft
from training.dataset.ladder import ladder_of
from training.dataset.manifest import DatasetError
from training.dataset.plan import DatasetPlan
from training.dataset.policy import Every, parse_policy, policy_name

AUTO = first_rendering()
LADDER = ladder_of(AUTO.domain)


def test_an_order_counts_up_to_the_horizon_and_with_it() -> None:
    for day, label in ((1.0, 1), (15.0, 1), (15.001, 0)):
        history = [NEW, event(StageChanged, day, stage=Stage.ORDER)]
        (draft,) = (
            drafts(history, "24h-after-first") if day > 1 else drafts(history, "0h-after-first")
        )
        assert draft.outcome.label == label, day
        assert (draft.outcome.order_ms is not None) == bool(label)


def test_nobody_is_asked_about_after_the_end() -> None:
    won = [NEW, event(StageChanged, 10, stage=Stage.ORDER)]
    assert max(days(drafts(won, "every-1d"))) < 10
    gone = [NEW, event(LeadClosed, 10, reason="moved away")]
    assert max(days(drafts(gone, "every-1d"))) < 10
    assert days(drafts(won, "after-event")) == [0]


def test_who_has_been_silent_for_longer_than_any_feature_looks_is_not_asked_about() -> None:
    call = event(InteractionLogged, 50, channel=Channel.CALL, duration_s=60.0)
    assert max(days(drafts([NEW], "every-1d", 400))) == pytest.approx(90, abs=1)
    assert max(days(drafts([NEW, call], "every-1d", 400))) == pytest.approx(140, abs=1)


def test_an_order_that_came_unheard_of_is_no_row() -> None:
    """It occurred before the moment and was reported after it: neither label would be right."""
    lead = lead_log([(NEW, 0), (event(StageChanged, 2, stage=Stage.ORDER), 5 * DAY_MS)])
    found = list(drafts_of(lead, START_MS + 60 * DAY_MS, DatasetPlan("test", Every(1)), "c"))
    days = [(d.as_of_ms - START_MS) / DAY_MS for d in found if isinstance(d, ExampleDraft)]
    assert max(days) < 2
    assert len(found) > len(days)


def test_a_customer_who_comes_back_is_asked_about_again() -> None:
    """The first order was known by then: only the next one is an outcome."""
    history = [
        NEW,
        event(StageChanged, 5, stage=Stage.ORDER),
        event(StageChanged, 30, stage=Stage.CONTACTED),
        event(StageChanged, 50, stage=Stage.ORDER),
    ]
    labels = {day: draft.outcome.label for day, draft in _by_day(drafts(history, "every-1d"))}
    assert [label for day, label in labels.items() if day < 5] == [1] * 5
    assert {label for day, label in labels.items() if 30 <= day < 35} == {0}
    assert {label for day, label in labels.items() if 37 <= day < 50} == {1}
    assert not any(5 <= day < 30 for day in labels)


def _by_day(drafts: list[ExampleDraft]) -> list[tuple[float, ExampleDraft]]:
    return list(zip(days(drafts), drafts, strict=True))


def test_grades_are_the_furthest_move_within_the_horizon() -> None:
    stage = [NEW, event(StageChanged, 0.5, stage=Stage.VISIT)]
    cases: list[tuple[EventBase | None, int]] = [
        (None, 0),
        (event(StageChanged, 5, stage=Stage.VISIT), 0),
        (event(StageChanged, 5, stage=Stage.TEST_DRIVE), 3),
        (event(StageChanged, 5, stage=Stage.LOST), 0),
        (event(StageChanged, 20, stage=Stage.QUOTE), 0),
        (event(InteractionLogged, 5, channel=Channel.QUOTE), 4),
        (event(InteractionLogged, 5, channel=Channel.CALL, duration_s=60.0), 1),
        (event(InteractionLogged, 5, channel=Channel.CALL, duration_s=0.0), 0),
        (event(InteractionLogged, 5, channel=Channel.WEB), 0),
    ]
    for later, grade in cases:
        history = [*stage, *([later] if later else [])]
        (draft,) = drafts(history, "24h-after-first")
        assert LADDER.grade(draft.outcome.reached) == grade, later


def test_a_check_of_an_old_call_is_no_new_call() -> None:
    call = event(InteractionLogged, 0.1, channel=Channel.CALL, duration_s=60.0, call_id="c1")
    checked = event(InteractionLogged, 5, channel=Channel.CALL, duration_s=60.0, call_id="c1")
    (draft,) = drafts([NEW, call, checked], "24h-after-first")
    assert LADDER.grade(draft.outcome.reached) == 0


def test_policies_have_the_names_they_are_asked_for_by() -> None:
    for name in (
        "every-7d",
        "every-12h",
        "every-15m",
        "after-event",
        "after-call",
        "24h-after-first",
        "0h-after-first",
        "20m-after-first",
    ):
        assert policy_name(parse_policy(name)) == name
    assert parse_policy("every-0.5d") == parse_policy("every-12h")
    for name in ("", "every-0d", "weekly", "every-7", "-1h-after-first", "every-9999999d"):
        with pytest.raises(DatasetError, match="as-of policy"):
            parse_policy(name)
    with pytest.raises(DatasetError, match="at least a minute apart"):
        parse_policy("every-0.5m")


@given(st.integers(1, 10**6), st.sampled_from("dhm"), st.booleans())
def test_a_policy_in_any_unit_is_read_again_from_its_name(n: int, unit: str, first: bool) -> None:
    amount = f"{n / 1000:g}{unit}"
    name = f"{amount}-after-first" if first else f"every-{amount}"
    try:
        policy = parse_policy(name)
    except DatasetError:
        return
    assert parse_policy(policy_name(policy)) == policy


def test_moments_in_minutes_are_minutes_apart() -> None:
    order = event(StageChanged, 0.5, stage=Stage.ORDER)
    (draft,) = drafts([NEW, order], "20m-after-first")
    assert draft.as_of_ms == START_MS + 20 * 60_000
    often = [draft.as_of_ms for draft in drafts([NEW, order], "every-30m")]
    assert len(often) == 24
    assert {later - earlier for earlier, later in pairwise(often)} == {30 * 60_000}

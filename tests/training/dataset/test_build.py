"""From a log to a dataset: the future reaches the label and nothing else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadUpserted,
    Stage,
    StageChanged,
)
from schemas.timestamps import DAY_MS, to_ms
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.rendering import first_rendering
from tests.scoring.histories import START_MS, events
from tests.training.dataset.logs import a_lead, an_event, build, dealership, logged
from training.dataset.build import drafts_of
from training.dataset.draft import ExampleDraft, read_draft
from training.dataset.ladder import ladder_of
from training.dataset.log import Known, LeadLog, Logged
from training.dataset.manifest import DatasetError, Maturity, Split
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterEvent, AfterFirst, Every, parse_policy
from training.simulator.emit import simulate_events
from training.simulator.world import World

AUTO = first_rendering()
LADDER = ladder_of(AUTO.domain)

MONTHS = st.integers(-120 * 24, 0).map(lambda hours: hours / 24)
POLICIES = st.sampled_from((Every(3), AfterEvent(), AfterFirst(24)))
DELAYS_MS = st.sampled_from((0, 1_000, 3 * DAY_MS))


def _lead_log(history: list[tuple[EventBase, int]]) -> LeadLog:
    known = [Known(to_ms(event.occurred_at) + delay_ms, event) for event, delay_ms in history]
    return LeadLog(history[0][0].key, tuple(sorted(known, key=lambda k: k.at_ms)))


@given(
    st.lists(st.tuples(events(days=MONTHS), DELAYS_MS), min_size=1, max_size=12),
    POLICIES,
)
def test_a_row_does_not_change_when_everything_after_it_is_deleted(
    history: list[tuple[EventBase, int]], policy: Every | AfterEvent | AfterFirst
) -> None:
    plan, lead = DatasetPlan("test", policy), _lead_log(history)
    for draft in drafts_of(lead, START_MS, plan, "c"):
        if not isinstance(draft, ExampleDraft):
            continue
        known = lead.until(draft.as_of_ms)
        again = {
            d.as_of_ms: d
            for d in drafts_of(known, START_MS, plan, "c")
            if isinstance(d, ExampleDraft)
        }[draft.as_of_ms]
        row, row_again = (read_draft(d, Split.FIT, 1.0, AUTO) for d in (draft, again))
        assert row.state == row_again.state == to_bytes(fold(known.events))
        assert np.array_equal(row.features, row_again.features, equal_nan=True)
        assert (row.stage, row.queue) == (row_again.stage, row_again.queue)
        assert row_again.label == 0


def _drafts(history: list[EventBase], policy: str, end_day: float = 60) -> list[ExampleDraft]:
    lead = _lead_log([(event, 0) for event in history])
    plan = DatasetPlan("test", parse_policy(policy))
    found = drafts_of(lead, START_MS + int(end_day * DAY_MS), plan, "c")
    return [draft for draft in found if isinstance(draft, ExampleDraft)]


def _days(drafts: list[ExampleDraft]) -> list[float]:
    return [(draft.as_of_ms - START_MS) / DAY_MS for draft in drafts]


NEW = an_event(LeadUpserted, 0, profile={"age_band": "forties"}, queue="north")


def test_an_order_counts_up_to_the_horizon_and_with_it() -> None:
    for day, label in ((1.0, 1), (15.0, 1), (15.001, 0)):
        history = [NEW, an_event(StageChanged, day, stage=Stage.ORDER)]
        (draft,) = (
            _drafts(history, "24h-after-first") if day > 1 else _drafts(history, "0h-after-first")
        )
        assert draft.outcome.label == label, day
        assert (draft.outcome.order_ms is not None) == bool(label)


def test_nobody_is_asked_about_after_the_end() -> None:
    won = [NEW, an_event(StageChanged, 10, stage=Stage.ORDER)]
    assert max(_days(_drafts(won, "every-1d"))) < 10
    gone = [NEW, an_event(LeadClosed, 10, reason="moved away")]
    assert max(_days(_drafts(gone, "every-1d"))) < 10
    assert _days(_drafts(won, "after-event")) == [0]


def test_who_has_been_silent_for_longer_than_any_feature_looks_is_not_asked_about() -> None:
    call = an_event(InteractionLogged, 50, channel=Channel.CALL, duration_s=60.0)
    assert max(_days(_drafts([NEW], "every-1d", 400))) == pytest.approx(90, abs=1)
    assert max(_days(_drafts([NEW, call], "every-1d", 400))) == pytest.approx(140, abs=1)


def test_an_order_that_came_unheard_of_is_no_row() -> None:
    """It occurred before the moment and was reported after it: neither label would be right."""
    lead = _lead_log([(NEW, 0), (an_event(StageChanged, 2, stage=Stage.ORDER), 5 * DAY_MS)])
    found = list(drafts_of(lead, START_MS + 60 * DAY_MS, DatasetPlan("test", Every(1)), "c"))
    days = [(d.as_of_ms - START_MS) / DAY_MS for d in found if isinstance(d, ExampleDraft)]
    assert max(days) < 2
    assert len(found) > len(days)


def test_a_customer_who_comes_back_is_asked_about_again() -> None:
    """The first order was known by then: only the next one is an outcome."""
    history = [
        NEW,
        an_event(StageChanged, 5, stage=Stage.ORDER),
        an_event(StageChanged, 30, stage=Stage.CONTACTED),
        an_event(StageChanged, 50, stage=Stage.ORDER),
    ]
    labels = {day: draft.outcome.label for day, draft in _by_day(_drafts(history, "every-1d"))}
    assert [label for day, label in labels.items() if day < 5] == [1] * 5
    assert {label for day, label in labels.items() if 30 <= day < 35} == {0}
    assert {label for day, label in labels.items() if 37 <= day < 50} == {1}
    assert not any(5 <= day < 30 for day in labels)


def _by_day(drafts: list[ExampleDraft]) -> list[tuple[float, ExampleDraft]]:
    return list(zip(_days(drafts), drafts, strict=True))


def test_grades_are_the_furthest_move_within_the_horizon() -> None:
    stage = [NEW, an_event(StageChanged, 0.5, stage=Stage.VISIT)]
    cases: list[tuple[EventBase | None, int]] = [
        (None, 0),
        (an_event(StageChanged, 5, stage=Stage.VISIT), 0),
        (an_event(StageChanged, 5, stage=Stage.TEST_DRIVE), 3),
        (an_event(StageChanged, 5, stage=Stage.LOST), 0),
        (an_event(StageChanged, 20, stage=Stage.QUOTE), 0),
        (an_event(InteractionLogged, 5, channel=Channel.QUOTE), 4),
        (an_event(InteractionLogged, 5, channel=Channel.CALL, duration_s=60.0), 1),
        (an_event(InteractionLogged, 5, channel=Channel.CALL, duration_s=0.0), 0),
        (an_event(InteractionLogged, 5, channel=Channel.WEB), 0),
    ]
    for later, grade in cases:
        history = [*stage, *([later] if later else [])]
        (draft,) = _drafts(history, "24h-after-first")
        assert LADDER.grade(draft.outcome.reached) == grade, later


def test_a_check_of_an_old_call_is_no_new_call() -> None:
    call = an_event(InteractionLogged, 0.1, channel=Channel.CALL, duration_s=60.0, call_id="c1")
    checked = an_event(InteractionLogged, 5, channel=Channel.CALL, duration_s=60.0, call_id="c1")
    (draft,) = _drafts([NEW, call, checked], "24h-after-first")
    assert LADDER.grade(draft.outcome.reached) == 0


def test_moments_in_minutes_are_minutes_apart() -> None:
    order = an_event(StageChanged, 0.5, stage=Stage.ORDER)
    (draft,) = _drafts([NEW, order], "20m-after-first")
    assert draft.as_of_ms == START_MS + 20 * 60_000
    often = [draft.as_of_ms for draft in _drafts([NEW, order], "every-30m")]
    assert len(often) == 24
    assert {later - earlier for earlier, later in pairwise(often)} == {30 * 60_000}


def test_more_moments_than_memory_is_meant_for_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"more than 10 rows .* choose moments further apart"):
        build(logged(*dealership(20)), policy=Every(1), horizon_days=1, max_rows=10)


def _simulated(n: int) -> list[Logged]:
    """A world that orders often: a few hundred leads must do."""
    found = simulate_events(11, n, world=World(base_logit=-2.5))
    return [Logged("sim", to_ms(event.occurred_at), event) for event in found]


@pytest.mark.slow
def test_a_recording_becomes_rows_of_every_split_and_no_lead_is_in_two() -> None:
    records = _simulated(400)
    examples, manifest = build(records, negative_rate=0.5)
    parts = {split: examples.of(split) for split in Split}
    assert all(part.label.any() and not part.label.all() for part in parts.values())
    homes: dict[str, set[str]] = {}
    for lead, split in zip(examples.lead, examples.split, strict=True):
        homes.setdefault(lead, set()).add(str(split))
    assert all(len(splits) == 1 for splits in homes.values())
    ordered = {
        one.event.lead: to_ms(one.event.occurred_at)
        for one in records
        if isinstance(one.event, StageChanged) and one.event.stage == Stage.ORDER
    }
    for index, lead in enumerate(examples.lead):
        wait_ms = ordered.get(lead, 2**60) - examples.as_of_ms[index]
        assert wait_ms > 0
        assert examples.label[index] == (wait_ms <= 14 * DAY_MS)
    assert set(examples.weight) == {1.0, 2.0}
    assert set(parts[Split.TEST].weight) == {1.0}
    assert manifest.sources[0].n_events == len(records)
    assert manifest.as_of_policy == "every-7d"


@pytest.mark.slow
def test_the_order_of_the_log_changes_nothing() -> None:
    records = _simulated(250)
    one, _ = build(records)
    other, _ = build(records[::-1])
    assert one.state == other.state
    assert (one.split == other.split).all()


def test_an_erased_lead_is_in_no_dataset() -> None:
    leads = dealership()
    everyone, _ = build(logged(*leads))
    erased = everyone.lead[0]
    without, _ = build(logged(*leads, [an_event(LeadErased, 150, erased)]))
    assert erased not in without.lead


def test_decided_leads_need_no_horizon_and_undecided_ones_are_censored() -> None:
    leads = [a_lead(n, n + 40.0 if n % 3 == 0 else None, start=float(n)) for n in range(150)]
    leads += [[an_event(LeadClosed, n + 1.0, f"l-{n}")] for n in range(150) if n % 3 == 1]
    examples, _ = build(
        logged(*leads),
        policy=AfterFirst(0),
        horizon_days=400,
        embargo_days=0,
        maturity=Maturity.DECIDED,
        shares=(0.1, 0.1, 0.1, 0.7),
    )
    assert len(examples) == 100
    assert examples.label.sum() == 50

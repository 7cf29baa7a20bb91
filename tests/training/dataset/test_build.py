"""From a log to a dataset: the future reaches the label and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import (
    EventBase,
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
from tests.scoring.histories import START, START_MS, events
from tests.training.dataset.story import event, lead_log
from training.dataset.build import build_examples, drafts_of
from training.dataset.draft import ExampleDraft, read_draft
from training.dataset.example import Examples
from training.dataset.filled import Filled, is_one_sided
from training.dataset.log import KnownAt, Logged
from training.dataset.manifest import DatasetError, DatasetManifest, Maturity, Split
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterEvent, AfterFirst, Every
from training.simulator.emit import simulate_events
from training.simulator.world import World

AUTO = first_rendering()

MONTHS = st.integers(-120 * 24, 0).map(lambda hours: hours / 24)
POLICIES = st.sampled_from((Every(3), AfterEvent(), AfterFirst(24)))
DELAYS_MS = st.sampled_from((0, 1_000, 3 * DAY_MS))


@given(
    st.lists(st.tuples(events(days=MONTHS), DELAYS_MS), min_size=1, max_size=12),
    POLICIES,
)
def test_a_row_does_not_change_when_everything_after_it_is_deleted(
    history: list[tuple[EventBase, int]], policy: Every | AfterEvent | AfterFirst
) -> None:
    plan, lead = DatasetPlan("test", policy), lead_log(history)
    for draft in drafts_of(lead, START_MS, plan, "c"):
        if not isinstance(draft, ExampleDraft):
            continue
        known = lead.until(draft.as_of_ms)
        again = {
            d.as_of_ms: d
            for d in drafts_of(known, START_MS, plan, "c")
            if isinstance(d, ExampleDraft)
        }[draft.as_of_ms]
        row, row_again = (read_draft(d, Split.FIT, 1.0, rendering=AUTO) for d in (draft, again))
        assert row.state == row_again.state == to_bytes(fold(known.events))
        assert np.array_equal(row.features, row_again.features, equal_nan=True)
        assert (row.stage, row.queue) == (row_again.stage, row_again.queue)
        assert row_again.label == 0


def _simulated(n: int) -> list[Logged]:
    """A world that orders often: a few hundred leads must do."""
    found = simulate_events(11, n, world=World(base_logit=-2.5))
    return [Logged("sim", to_ms(event.occurred_at), event) for event in found]


def _build(logged: list[Logged], **fields: object) -> tuple[Examples, DatasetManifest]:
    return build_examples(
        logged, replace(DatasetPlan("test"), **fields), lambda what: lambda done, total: None
    )


@pytest.mark.slow
def test_a_recording_becomes_rows_of_every_split_and_no_lead_is_in_two() -> None:
    logged = _simulated(400)
    examples, manifest = _build(logged, negative_rate=0.5)
    parts = {split: examples.of(split) for split in Split}
    assert all(part.label.any() and not part.label.all() for part in parts.values())
    homes: dict[str, set[str]] = {}
    for lead, split in zip(examples.lead, examples.split, strict=True):
        homes.setdefault(lead, set()).add(str(split))
    assert all(len(splits) == 1 for splits in homes.values())
    ordered = {
        one.event.lead: to_ms(one.event.occurred_at)
        for one in logged
        if isinstance(one.event, StageChanged) and one.event.stage == Stage.ORDER
    }
    for index, lead in enumerate(examples.lead):
        wait_ms = ordered.get(lead, 2**60) - examples.as_of_ms[index]
        assert wait_ms > 0
        assert examples.label[index] == (wait_ms <= 14 * DAY_MS)
    assert set(examples.weight) == {1.0, 2.0}
    assert set(parts[Split.TEST].weight) == {1.0}
    assert manifest.sources[0].n_events == len(logged)
    assert manifest.as_of_policy == "every-7d"


@pytest.mark.slow
def test_the_order_of_the_log_changes_nothing() -> None:
    logged = _simulated(250)
    one, _ = _build(logged)
    other, _ = _build(logged[::-1])
    assert one.state == other.state
    assert (one.split == other.split).all()


def _logged(*histories: list[EventBase], ingested: datetime | None = None) -> list[Logged]:
    return [
        Logged("crm", to_ms(ingested or event.occurred_at), event)
        for history in histories
        for event in history
    ]


def _lead(number: int, order_day: float | None, *, start: float = 0.0) -> list[EventBase]:
    name = f"l-{number}"
    history = [event(LeadUpserted, start, name, profile={"age_band": "forties"})]
    if order_day is not None:
        history.append(event(StageChanged, order_day, name, stage=Stage.ORDER))
    return history


def _dealership(n: int = 300) -> list[list[EventBase]]:
    """A lead every half day; every other one orders after five days."""
    return [_lead(n, n / 2 + 5.0 if n % 2 else None, start=n / 2) for n in range(n)]


def test_an_empty_log_is_refused() -> None:
    with pytest.raises(DatasetError, match="no events"):
        _build([])


def test_a_log_without_orders_is_refused() -> None:
    leads = [_lead(n, None, start=float(n)) for n in range(60)]
    with pytest.raises(DatasetError, match=r"no positives: .* holds 0 orders"):
        _build(_logged(*leads))


def test_a_horizon_longer_than_the_log_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"horizon of 14 days .* runs 9\.0 days"):
        _build(_logged(_lead(1, 9.0)))


def test_labels_before_features_are_refused() -> None:
    early = [_lead(n, float(n), start=n + 3.0) for n in range(40)]
    with pytest.raises(DatasetError, match="labels before features: 40 of 40 orders"):
        _build(_logged(*early))


def test_a_split_of_one_class_is_refused() -> None:
    leads = [_lead(n, n + 5.0 if n < 20 else None, start=float(n)) for n in range(120)]
    with pytest.raises(DatasetError, match="the split judge has one class"):
        _build(_logged(*leads))


def test_history_loaded_in_one_go_is_named_and_can_be_read() -> None:
    leads = _dealership()
    loaded = _logged(*leads, ingested=START + timedelta(days=400))
    with pytest.raises(DatasetError, match="loaded in one go"):
        _build(loaded)
    examples, _ = _build(loaded, known_at=KnownAt.OCCURRED)
    assert len(examples) > 100


def test_an_erased_lead_is_in_no_dataset() -> None:
    leads = _dealership()
    everyone, _ = _build(_logged(*leads))
    erased = everyone.lead[0]
    without, _ = _build(_logged(*leads, [event(LeadErased, 150, erased)]))
    assert erased not in without.lead


def test_what_is_set_only_after_the_end_is_found() -> None:
    leads = _dealership()
    tell = [
        [event(LeadUpserted, n / 2 + 6.0, f"l-{n}", profile={"contract_no": f"k{n}"})]
        for n in range(1, 300, 2)
    ]
    _, manifest = _build(_logged(*leads, *tell))
    assert [finding.column for finding in manifest.findings] == ["profile.contract_no"]


def test_decided_leads_need_no_horizon_and_undecided_ones_are_censored() -> None:
    leads = [_lead(n, n + 40.0 if n % 3 == 0 else None, start=float(n)) for n in range(150)]
    leads += [[event(LeadClosed, n + 1.0, f"l-{n}")] for n in range(150) if n % 3 == 1]
    examples, _ = _build(
        _logged(*leads),
        policy=AfterFirst(0),
        horizon_days=400,
        embargo_days=0,
        maturity=Maturity.DECIDED,
        shares=(0.1, 0.1, 0.1, 0.7),
    )
    assert len(examples) == 100
    assert examples.label.sum() == 50


def _campaign() -> list[list[EventBase]]:
    """A closed campaign: two leads an hour for four days, every fourth orders within six hours, and
    nothing happens after the last one."""
    return [_lead(n, n / 48 + 0.25 if n % 4 == 0 else None, start=n / 48) for n in range(192)]


def test_a_log_that_ended_needs_no_event_after_its_end() -> None:
    ended = _logged(*_campaign())
    asked = {"policy": AfterFirst(0), "horizon_days": 7, "embargo_days": 0}
    with pytest.raises(DatasetError, match=r"horizon of 7 days .* --complete-until"):
        _build(ended, **asked)
    examples, manifest = _build(ended, **asked, complete_until_ms=to_ms(START + timedelta(days=12)))
    assert len(examples) == 192
    assert examples.label.sum() == 48
    assert manifest.complete_until == START + timedelta(days=12)
    dummy = [event(LeadUpserted, 12, "nobody", profile={})]
    by_dummy, _ = _build([*ended, *_logged(dummy)], **asked)
    assert by_dummy.lead == examples.lead
    assert by_dummy.state == examples.state


def test_a_log_is_not_complete_until_a_time_before_its_last_event() -> None:
    with pytest.raises(DatasetError, match="give a later time, or leave out what came after"):
        _build(_logged(*_campaign()), complete_until_ms=START_MS + DAY_MS)


def test_the_manifest_says_when_labels_are_known() -> None:
    _, manifest = _build(_logged(*_dealership()))
    assert (manifest.maturity, manifest.complete_until) == (Maturity.HORIZON, None)


def test_what_ended_leads_had_all_along_and_open_ones_never_is_found() -> None:
    """An export of today's values, dated when the lead came in: half of the leads are still
    open."""
    leads = [
        [
            event(
                LeadUpserted,
                n / 2,
                f"l-{n}",
                profile={"size": "small", "closing_note": "see file" if n % 2 else "-"},
            ),
            *([event(StageChanged, n / 2 + 5, f"l-{n}", stage=Stage.ORDER)] if n % 4 == 1 else []),
            *([event(LeadClosed, n / 2 + 5, f"l-{n}")] if n % 4 == 3 else []),
        ]
        for n in range(300)
    ]
    _, manifest = _build(_logged(*leads))
    (finding,) = manifest.findings
    assert finding.column == "profile.closing_note"
    assert "150 of 150 leads that ended" in finding.sentence
    assert "0 of 150 open ones" in finding.sentence


@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))
def test_one_sided_is_the_same_from_both_sides_and_never_for_equal_shares(
    n: int, n_more: int, m: int, m_more: int
) -> None:
    one, other = Filled(n, n + n_more), Filled(m, m + m_more)
    assert is_one_sided(one, other) == is_one_sided(other, one)
    assert not is_one_sided(one, one)


def test_more_moments_than_memory_is_meant_for_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"more than 10 rows .* choose moments further apart"):
        _build(_logged(*_dealership(20)), policy=Every(1), horizon_days=1, max_rows=10)

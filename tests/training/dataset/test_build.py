"""From a log to a dataset: the future reaches the label and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
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
from tests.scoring.histories import START, START_MS, events
from training.dataset.build import build_examples, drafts_of
from training.dataset.draft import ExampleDraft, read_draft
from training.dataset.example import Examples
from training.dataset.filled import Filled, is_one_sided
from training.dataset.ladder import ladder_of
from training.dataset.log import Known, KnownAt, LeadLog, Logged
from training.dataset.manifest import DatasetError, DatasetManifest, Maturity, Split
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterEvent, AfterFirst, Every, parse_policy, policy_name
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
        row, row_again = (read_draft(d, Split.FIT, 1.0, rendering=AUTO) for d in (draft, again))
        assert row.state == row_again.state == to_bytes(fold(known.events))
        assert np.array_equal(row.features, row_again.features, equal_nan=True)
        assert (row.stage, row.queue) == (row_again.stage, row_again.queue)
        assert row_again.label == 0


def _event(kind: type[EventBase], day: float, lead: str = "l-1", **fields: object) -> EventBase:
    at = START + timedelta(days=day)
    name = f"{kind.__name__}-{day}"
    return kind(id=name, source="crm", tenant="acme", lead=lead, occurred_at=at, **fields)


def _drafts(history: list[EventBase], policy: str, end_day: float = 60) -> list[ExampleDraft]:
    lead = _lead_log([(event, 0) for event in history])
    plan = DatasetPlan("test", parse_policy(policy))
    found = drafts_of(lead, START_MS + int(end_day * DAY_MS), plan, "c")
    return [draft for draft in found if isinstance(draft, ExampleDraft)]


def _days(drafts: list[ExampleDraft]) -> list[float]:
    return [(draft.as_of_ms - START_MS) / DAY_MS for draft in drafts]


NEW = _event(LeadUpserted, 0, profile={"age_band": "forties"}, queue="north")


def test_an_order_counts_up_to_the_horizon_and_with_it() -> None:
    for day, label in ((1.0, 1), (15.0, 1), (15.001, 0)):
        history = [NEW, _event(StageChanged, day, stage=Stage.ORDER)]
        (draft,) = (
            _drafts(history, "24h-after-first") if day > 1 else _drafts(history, "0h-after-first")
        )
        assert draft.outcome.label == label, day
        assert (draft.outcome.order_ms is not None) == bool(label)


def test_nobody_is_asked_about_after_the_end() -> None:
    won = [NEW, _event(StageChanged, 10, stage=Stage.ORDER)]
    assert max(_days(_drafts(won, "every-1d"))) < 10
    gone = [NEW, _event(LeadClosed, 10, reason="moved away")]
    assert max(_days(_drafts(gone, "every-1d"))) < 10
    assert _days(_drafts(won, "after-event")) == [0]


def test_who_has_been_silent_for_longer_than_any_feature_looks_is_not_asked_about() -> None:
    call = _event(InteractionLogged, 50, channel=Channel.CALL, duration_s=60.0)
    assert max(_days(_drafts([NEW], "every-1d", 400))) == pytest.approx(90, abs=1)
    assert max(_days(_drafts([NEW, call], "every-1d", 400))) == pytest.approx(140, abs=1)


def test_an_order_that_came_unheard_of_is_no_row() -> None:
    """It occurred before the moment and was reported after it: neither label would be right."""
    lead = _lead_log([(NEW, 0), (_event(StageChanged, 2, stage=Stage.ORDER), 5 * DAY_MS)])
    found = list(drafts_of(lead, START_MS + 60 * DAY_MS, DatasetPlan("test", Every(1)), "c"))
    days = [(d.as_of_ms - START_MS) / DAY_MS for d in found if isinstance(d, ExampleDraft)]
    assert max(days) < 2
    assert len(found) > len(days)


def test_a_customer_who_comes_back_is_asked_about_again() -> None:
    """The first order was known by then: only the next one is an outcome."""
    history = [
        NEW,
        _event(StageChanged, 5, stage=Stage.ORDER),
        _event(StageChanged, 30, stage=Stage.CONTACTED),
        _event(StageChanged, 50, stage=Stage.ORDER),
    ]
    labels = {day: draft.outcome.label for day, draft in _by_day(_drafts(history, "every-1d"))}
    assert [label for day, label in labels.items() if day < 5] == [1] * 5
    assert {label for day, label in labels.items() if 30 <= day < 35} == {0}
    assert {label for day, label in labels.items() if 37 <= day < 50} == {1}
    assert not any(5 <= day < 30 for day in labels)


def _by_day(drafts: list[ExampleDraft]) -> list[tuple[float, ExampleDraft]]:
    return list(zip(_days(drafts), drafts, strict=True))


def test_grades_are_the_furthest_move_within_the_horizon() -> None:
    stage = [NEW, _event(StageChanged, 0.5, stage=Stage.VISIT)]
    cases: list[tuple[EventBase | None, int]] = [
        (None, 0),
        (_event(StageChanged, 5, stage=Stage.VISIT), 0),
        (_event(StageChanged, 5, stage=Stage.TEST_DRIVE), 3),
        (_event(StageChanged, 5, stage=Stage.LOST), 0),
        (_event(StageChanged, 20, stage=Stage.QUOTE), 0),
        (_event(InteractionLogged, 5, channel=Channel.QUOTE), 4),
        (_event(InteractionLogged, 5, channel=Channel.CALL, duration_s=60.0), 1),
        (_event(InteractionLogged, 5, channel=Channel.CALL, duration_s=0.0), 0),
        (_event(InteractionLogged, 5, channel=Channel.WEB), 0),
    ]
    for later, grade in cases:
        history = [*stage, *([later] if later else [])]
        (draft,) = _drafts(history, "24h-after-first")
        assert LADDER.grade(draft.outcome.reached) == grade, later


def test_a_check_of_an_old_call_is_no_new_call() -> None:
    call = _event(InteractionLogged, 0.1, channel=Channel.CALL, duration_s=60.0, call_id="c1")
    checked = _event(InteractionLogged, 5, channel=Channel.CALL, duration_s=60.0, call_id="c1")
    (draft,) = _drafts([NEW, call, checked], "24h-after-first")
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
    order = _event(StageChanged, 0.5, stage=Stage.ORDER)
    (draft,) = _drafts([NEW, order], "20m-after-first")
    assert draft.as_of_ms == START_MS + 20 * 60_000
    often = [draft.as_of_ms for draft in _drafts([NEW, order], "every-30m")]
    assert len(often) == 24
    assert {later - earlier for earlier, later in pairwise(often)} == {30 * 60_000}


def test_more_moments_than_memory_is_meant_for_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"more than 10 rows .* choose moments further apart"):
        _build(_logged(*_dealership(20)), policy=Every(1), horizon_days=1, max_rows=10)


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
    history = [_event(LeadUpserted, start, name, profile={"age_band": "forties"})]
    if order_day is not None:
        history.append(_event(StageChanged, order_day, name, stage=Stage.ORDER))
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
    without, _ = _build(_logged(*leads, [_event(LeadErased, 150, erased)]))
    assert erased not in without.lead


def test_what_is_set_only_after_the_end_is_found() -> None:
    leads = _dealership()
    tell = [
        [_event(LeadUpserted, n / 2 + 6.0, f"l-{n}", profile={"contract_no": f"k{n}"})]
        for n in range(1, 300, 2)
    ]
    _, manifest = _build(_logged(*leads, *tell))
    assert [finding.column for finding in manifest.findings] == ["profile.contract_no"]


def test_decided_leads_need_no_horizon_and_undecided_ones_are_censored() -> None:
    leads = [_lead(n, n + 40.0 if n % 3 == 0 else None, start=float(n)) for n in range(150)]
    leads += [[_event(LeadClosed, n + 1.0, f"l-{n}")] for n in range(150) if n % 3 == 1]
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
    dummy = [_event(LeadUpserted, 12, "nobody", profile={})]
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
            _event(
                LeadUpserted,
                n / 2,
                f"l-{n}",
                profile={"size": "small", "closing_note": "see file" if n % 2 else "-"},
            ),
            *([_event(StageChanged, n / 2 + 5, f"l-{n}", stage=Stage.ORDER)] if n % 4 == 1 else []),
            *([_event(LeadClosed, n / 2 + 5, f"l-{n}")] if n % 4 == 3 else []),
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

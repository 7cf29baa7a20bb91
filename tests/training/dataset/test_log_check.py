"""Logs that cannot be learned from, and logs that a person should look at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EventBase, LeadClosed, LeadUpserted, Stage, StageChanged
from schemas.timestamps import DAY_MS, to_ms
from tests.scoring.histories import START, START_MS
from tests.training.dataset.logs import a_lead, an_event, build, dealership, logged
from training.dataset.checks.filled import Filled, is_one_sided
from training.dataset.log import KnownAt
from training.dataset.manifest import DatasetError, Maturity, SplitBy
from training.dataset.policy import AfterFirst


def test_an_empty_log_is_refused() -> None:
    with pytest.raises(DatasetError, match="no events"):
        build([])


def test_a_log_without_orders_is_refused() -> None:
    leads = [a_lead(n, None, start=float(n)) for n in range(60)]
    with pytest.raises(DatasetError, match=r"no positives: .* holds 0 orders"):
        build(logged(*leads))


def test_a_horizon_longer_than_the_log_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"horizon of 14 days .* runs 9\.0 days"):
        build(logged(a_lead(1, 9.0)))


def test_labels_before_features_are_refused() -> None:
    early = [a_lead(n, float(n), start=n + 3.0) for n in range(40)]
    with pytest.raises(DatasetError, match="labels before features: 40 of 40 orders"):
        build(logged(*early))


def test_a_split_of_one_class_is_refused() -> None:
    leads = [a_lead(n, n + 5.0 if n < 20 else None, start=float(n)) for n in range(120)]
    with pytest.raises(DatasetError, match="the split judge has one class"):
        build(logged(*leads))


def test_only_leads_that_ordered_are_refused_without_an_option_to_try() -> None:
    leads = [a_lead(n, n + 5.0, start=float(n)) for n in range(300)]
    for split_by in SplitBy:
        with pytest.raises(DatasetError, match="leads that ordered, and a model learns") as fault:
            build(logged(*leads), split_by=split_by, silent_days=0.5)
        assert "--" not in str(fault.value)


def test_history_loaded_in_one_go_is_named_and_can_be_read() -> None:
    leads = dealership()
    loaded = logged(*leads, ingested=START + timedelta(days=400))
    with pytest.raises(DatasetError, match="loaded in one go"):
        build(loaded)
    examples, _ = build(loaded, known_at=KnownAt.OCCURRED)
    assert len(examples) > 100


def test_what_is_set_only_after_the_end_is_found() -> None:
    leads = dealership()
    tell = [
        [an_event(LeadUpserted, n / 2 + 6.0, f"l-{n}", profile={"contract_no": f"k{n}"})]
        for n in range(1, 300, 2)
    ]
    _, manifest = build(logged(*leads, *tell))
    assert [finding.column for finding in manifest.findings] == ["profile.contract_no"]


def _campaign() -> list[list[EventBase]]:
    """A closed campaign: two leads an hour for four days, every fourth orders within six hours, and
    nothing happens after the last one."""
    return [a_lead(n, n / 48 + 0.25 if n % 4 == 0 else None, start=n / 48) for n in range(192)]


def test_a_log_that_ended_needs_no_event_after_its_end() -> None:
    ended = logged(*_campaign())
    asked = {"policy": AfterFirst(0), "horizon_days": 7, "embargo_days": 0}
    with pytest.raises(DatasetError, match=r"horizon of 7 days .* --complete-until"):
        build(ended, **asked)
    examples, manifest = build(ended, **asked, complete_until_ms=to_ms(START + timedelta(days=12)))
    assert len(examples) == 192
    assert examples.label.sum() == 48
    assert manifest.complete_until == START + timedelta(days=12)
    dummy = [an_event(LeadUpserted, 12, "nobody", profile={})]
    by_dummy, _ = build([*ended, *logged(dummy)], **asked)
    assert by_dummy.lead == examples.lead
    assert by_dummy.state == examples.state


def test_a_log_is_not_complete_until_a_time_before_its_last_event() -> None:
    with pytest.raises(DatasetError, match="give a later time, or leave out what came after"):
        build(logged(*_campaign()), complete_until_ms=START_MS + DAY_MS)


def test_the_manifest_says_when_labels_are_known() -> None:
    _, manifest = build(logged(*dealership()))
    assert (manifest.maturity, manifest.complete_until) == (Maturity.HORIZON, None)


def test_what_ended_leads_had_all_along_and_open_ones_never_is_found() -> None:
    """An export of today's values, dated when the lead came in: half of the leads are still
    open."""
    leads = [
        [
            an_event(
                LeadUpserted,
                n / 2,
                f"l-{n}",
                profile={"size": "small", "closing_note": "see file" if n % 2 else "-"},
            ),
            *(
                [an_event(StageChanged, n / 2 + 5, f"l-{n}", stage=Stage.ORDER)]
                if n % 4 == 1
                else []
            ),
            *([an_event(LeadClosed, n / 2 + 5, f"l-{n}")] if n % 4 == 3 else []),
        ]
        for n in range(300)
    ]
    _, manifest = build(logged(*leads))
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

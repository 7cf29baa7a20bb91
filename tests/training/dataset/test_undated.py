"""Outcomes without a date: a label of their own kind, with what it does not allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from schemas.events import EventBase, LeadUpserted, Stage, StageChanged
from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from tests.scoring.histories import START
from training.dataset.build import build_examples
from training.dataset.example import Examples
from training.dataset.log import KnownAt, Logged
from training.dataset.manifest import DatasetError, DatasetManifest, Maturity, SplitBy
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterCall, AfterEvent, AfterFirst, Every
from training.dataset.undated import LABEL

N = 120
WON = {LeadKey("school", f"e-{n}"): n % 3 == 0 for n in range(N)}


def _enquiry(number: int) -> list[EventBase]:
    """All enquiries are of one moment, as in an export without any date."""
    return [
        LeadUpserted(
            id="row",
            source="export",
            tenant="school",
            lead=f"e-{number}",
            occurred_at=START,
            profile={"level": f"b{number % 2}", "class": f"c{number % 60}"},
        )
    ]


def _built(events: list[EventBase], **fields: object) -> tuple[Examples, DatasetManifest]:
    plan = DatasetPlan(
        "school",
        AfterFirst(0),
        shares=(0.4, 0.2, 0.2, 0.2),
        known_at=KnownAt.OCCURRED,
        maturity=Maturity.UNDATED,
        split_by=SplitBy.CLUSTER,
        undated=WON,
    )
    logged = [Logged("export", to_ms(event.occurred_at), event) for event in events]
    return build_examples(logged, replace(plan, **fields), lambda what: lambda done, total: None)


ENQUIRIES = [event for n in range(N) for event in _enquiry(n)]


def test_each_lead_with_an_outcome_is_a_row_that_says_it_has_no_date() -> None:
    examples, manifest = _built(ENQUIRIES)
    assert dict(zip(examples.lead, examples.label.tolist(), strict=True)) == {
        key.lead: int(won) for key, won in WON.items()
    }
    assert set(examples.grade.tolist()) == {0, examples.ladder.top}
    assert np.isnat(examples.outcome_at).all()
    assert manifest.maturity is Maturity.UNDATED
    assert manifest.label == LABEL
    assert (manifest.borders, manifest.embargo_days) == (None, 0)
    (finding,) = manifest.findings
    assert "outcome: the outcomes have no date (120 leads, 0 others" in finding.named


def test_leads_without_an_outcome_are_left_out_and_counted() -> None:
    known = {key: won for key, won in WON.items() if int(key.lead[2:]) < 90}
    examples, manifest = _built(ENQUIRIES, undated=known)
    assert {LeadKey("school", lead) for lead in examples.lead} == set(known)
    assert "(90 leads, 30 others left out as open)" in manifest.findings[0].sentence


def test_clusters_hold_for_them_too() -> None:
    examples, _ = _built(ENQUIRIES, cluster="class")
    homes = set(zip(examples.cluster.tolist(), examples.split.tolist(), strict=True))
    assert len(homes) == len(set(examples.cluster.tolist())) == 60


def test_a_split_by_time_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"have no date.*use --split-by cluster"):
        _built(ENQUIRIES, split_by=SplitBy.TIME)


@pytest.mark.parametrize("policy", [Every(7), AfterEvent()])
def test_moments_that_may_come_after_the_outcome_are_refused(policy: Every | AfterEvent) -> None:
    with pytest.raises(DatasetError, match="may ask after the outcome"):
        _built(ENQUIRIES, policy=policy)


def test_after_a_call_may_be_asked_and_gives_no_row_where_there_was_none() -> None:
    with pytest.raises(DatasetError, match="no lead was listed at any of 0 moments"):
        _built(ENQUIRIES, policy=AfterCall())


def test_a_log_with_dated_orders_is_refused() -> None:
    order = StageChanged(
        id="o",
        source="crm",
        tenant="school",
        lead="e-1",
        occurred_at=START + timedelta(days=1),
        stage=Stage.ORDER,
    )
    with pytest.raises(DatasetError, match="the log has orders of 1 leads, with dates"):
        _built([*ENQUIRIES, order])


def test_outcomes_of_other_leads_or_none_at_all_are_refused() -> None:
    with pytest.raises(DatasetError, match="give both the same ids"):
        _built(ENQUIRIES, undated={LeadKey("school", "x"): True})
    with pytest.raises(DatasetError, match="none of the 120 leads with an outcome was won"):
        _built(ENQUIRIES, undated=dict.fromkeys(WON, False))
    with pytest.raises(DatasetError, match="give it with --outcomes"):
        _built(ENQUIRIES, undated=None)

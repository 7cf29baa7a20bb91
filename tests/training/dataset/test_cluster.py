"""Clusters by a field: what belongs together is in one split, and drawn as one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EventBase, LeadUpserted, Stage, StageChanged
from schemas.timestamps import to_ms
from tests.scoring.histories import START
from training.dataset.build import build_examples
from training.dataset.example import Examples
from training.dataset.log import Logged
from training.dataset.manifest import DatasetError, DatasetManifest, Split, SplitBy
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterFirst
from training.dataset.split import FEW_CLUSTERS, split_clusters

SHARES = (0.4, 0.2, 0.2, 0.2)
N = 240


def _donor(number: int, *, person: str | None, branch: str, moved: bool = False) -> list[EventBase]:
    """A request for a donation; every third one gives three days later, and some change the
    branch."""

    def at(day: float, what: str) -> dict[str, object]:
        moment = START + timedelta(days=number / 4 + day)
        return {
            "id": what,
            "source": "letters",
            "tenant": "charity",
            "lead": f"request-{number}",
            "occurred_at": moment,
        }

    profile: dict[str, str | float | None] = {"branch": branch}
    if person is not None:
        profile["person"] = person
    asked = LeadUpserted(**at(0, "asked"), profile=profile, queue="letters", owner=f"o{number % 5}")
    history: list[EventBase] = [asked]
    if moved:
        history.append(LeadUpserted(**at(2, "moved"), profile={"branch": "head-office"}))
    if number % 3 == 0:
        history.append(StageChanged(**at(3, "gave"), stage=Stage.ORDER))
    return history


def _donors(n_people: int = 100, **fields: object) -> list[list[EventBase]]:
    return [
        _donor(n, **{"person": f"p{n % n_people}", "branch": f"b{n % 8}", **fields})
        for n in range(N)
    ]


def _built(histories: list[list[EventBase]], **fields: object) -> tuple[Examples, DatasetManifest]:
    logged = [Logged("letters", to_ms(e.occurred_at), e) for events in histories for e in events]
    plan = DatasetPlan("letters", AfterFirst(24), seed=3, horizon_days=7, embargo_days=0)
    plan = replace(plan, shares=SHARES, **fields)
    return build_examples(logged, plan, lambda what: lambda done, total: None)


def _homes(examples: Examples) -> dict[str, set[str]]:
    homes: dict[str, set[str]] = {}
    for cluster, split in zip(examples.cluster, examples.split, strict=True):
        homes.setdefault(str(cluster), set()).add(str(split))
    return homes


@pytest.mark.parametrize("field", ["person", "profile.person"])
@pytest.mark.parametrize("split_by", [SplitBy.CLUSTER, SplitBy.TIME])
def test_who_asked_twice_is_in_one_split(field: str, split_by: SplitBy) -> None:
    examples, manifest = _built(_donors(), split_by=split_by, cluster=field)
    homes = _homes(examples)
    assert all(len(splits) == 1 for splits in homes.values())
    assert len(homes) <= 100 < len(set(examples.lead)) or split_by is SplitBy.TIME
    assert all(cluster.startswith(f"charity/{field}=p") for cluster in homes)
    assert (manifest.cluster_by, manifest.findings) == (field, ())
    assert (manifest.borders is None) == (split_by is SplitBy.CLUSTER)


def test_without_a_field_a_lead_is_its_own_cluster() -> None:
    examples, manifest = _built(_donors(), split_by=SplitBy.CLUSTER)
    assert set(examples.cluster) == {f"charity/{lead}" for lead in examples.lead}
    assert manifest.cluster_by == "lead"


def test_eight_branches_fill_four_splits() -> None:
    examples, _ = _built(_donors(), split_by=SplitBy.CLUSTER, cluster="branch")
    assert len(_homes(examples)) == 8
    assert all(len(splits) == 1 for splits in _homes(examples).values())


def test_owner_and_queue_are_clusters_too() -> None:
    examples, _ = _built(_donors(), split_by=SplitBy.CLUSTER, cluster="owner")
    assert set(_homes(examples)) == {f"charity/owner=o{n}" for n in range(5)}
    with pytest.raises(DatasetError, match=r"one class.*1 clusters are few: try another --seed"):
        _built(_donors(), split_by=SplitBy.CLUSTER, cluster="queue")


def test_the_first_value_counts_and_a_later_one_moves_nobody() -> None:
    stayed, _ = _built(_donors(), split_by=SplitBy.CLUSTER, cluster="branch")
    moved, _ = _built(_donors(moved=True), split_by=SplitBy.CLUSTER, cluster="branch")
    assert stayed.cluster.tolist() == moved.cluster.tolist()
    assert stayed.split.tolist() == moved.split.tolist()


def test_leads_without_a_value_are_clusters_of_their_own_and_are_counted() -> None:
    unknown = [_donor(n, person=None, branch="b") for n in range(10)]
    examples, manifest = _built(
        [*unknown, *_donors()[10:]], split_by=SplitBy.CLUSTER, cluster="person"
    )
    (finding,) = manifest.findings
    assert finding.column == "profile.person"
    assert "10 of 240 leads have no value to cluster by" in finding.sentence
    assert {f"charity/request-{n}" for n in range(10)} <= set(examples.cluster)


def test_a_field_that_no_lead_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        DatasetError, match=r"'persn' to cluster by; there is: lead, queue, owner, "
    ):
        _built(_donors(), cluster="persn")


@given(
    st.lists(st.integers(0, FEW_CLUSTERS + 20).map(str), min_size=1, max_size=400),
    st.integers(0, 9),
)
def test_every_split_gets_a_cluster_where_there_are_four(rows: list[str], seed: int) -> None:
    home = split_clusters(rows, SHARES, seed)
    assert set(home) == set(rows)
    if 4 <= len(home) < FEW_CLUSTERS:
        assert set(home.values()) == set(Split)
    assert split_clusters(rows[::-1], SHARES, seed) == home


def test_of_many_clusters_more_leads_move_nobody_and_the_seed_moves_them() -> None:
    names = [f"c{n}" for n in range(300)]
    home = split_clusters(names, SHARES, 1)
    more = split_clusters([*names, *(f"d{n}" for n in range(500))], SHARES, 1)
    assert all(more[name] is split for name, split in home.items())
    assert home != split_clusters(names, SHARES, 2)
    assert sum(split is Split.FIT for split in home.values()) == pytest.approx(120, abs=30)


def test_few_clusters_share_the_rows_as_asked() -> None:
    rows = [f"c{n % 30}" for n in range(3_000)]
    home = split_clusters(rows, SHARES, 1)
    filled = [sum(home[row] is split for row in rows) / len(rows) for split in Split]
    assert filled == pytest.approx(SHARES, abs=0.04)
    assert home != split_clusters(rows, SHARES, 2)

"""Who would move if another artifact were live: compared with what stands, writing nothing."""

from __future__ import annotations

import pytest

from streams.candidate.who_moves import live_for, n_standing, who_moves
from streams.store.memory_store import MemoryStore
from tests.support.engines.engines import Contrary, RuleEngine, raises_unscorable, rule_scorer
from tests.support.leads.lead_events import clicks, closes, joins, talks, writes
from tests.support.roles import Clock, Roles

N_LEADS = 12


def settled(roles: Roles) -> Roles:
    """Leads of one queue that all have other probabilities, scored and on their board."""
    events = [joins(i, lead=f"l{i:02}") for i in range(N_LEADS)]
    for i in range(N_LEADS):
        more = (clicks, writes, clicks)[: i % 4]
        events += [add(100 * (n + 1) + i, lead=f"l{i:02}") for n, add in enumerate(more)]
    roles.ingest(*events)
    roles.settle(roles.worker(), roles.publisher())
    return roles


def test_the_same_model_under_another_name_moves_nobody(roles: Roles) -> None:
    found = who_moves(settled(roles).store, rule_scorer(digest="rule-2"), 5)
    assert (found.apart.n_compared, found.n_stale, found.n_unscored) == (N_LEADS, 0, 0)
    assert (found.apart.max_dp, found.apart.mean_dp, found.apart.at, found.apart.movers) == (
        0.0,
        0.0,
        None,
        (),
    )
    assert found.scored_by == {"rule-1": N_LEADS}
    assert [queue.jaccard for queue in found.apart.queues.values()] == [1.0]


def test_ranks_before_are_the_boards_and_ranks_after_those_of_the_switch(roles: Roles) -> None:
    contrary = rule_scorer(Contrary(), "contrary")
    store = settled(roles).store
    before = store.board("acme/north", 100).rows
    standing = [row.lead for row in before]
    found = who_moves(store, contrary, N_LEADS)
    assert found.apart.queues["acme/north"].kendall_tau < 0
    ranks = {one.move.lead: one.move for one in found.apart.movers}
    assert all(standing[move.rank_a - 1] == lead for lead, move in ranks.items() if move.rank_a)
    distances = [one.move.distance for one in found.apart.movers]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0

    roles.scorers["contrary"] = contrary
    roles.promote("contrary")
    roles.settle(roles.worker(), roles.publisher())
    rows = store.board("acme/north", 100).rows
    for one in found.apart.movers:
        assert one.move.rank_b is not None
        row = rows[one.move.rank_b - 1]
        assert (row.lead, row.probability) == (one.move.lead, one.probability_b)
    assert found.reasons == {row.lead: row.reason for row in before if row.lead in found.reasons}
    assert found.reasons.keys() == ranks.keys()


def test_the_differences_are_those_of_the_published_probabilities(memory_roles: Roles) -> None:
    settled(memory_roles)
    bolder = rule_scorer(RuleEngine(bias=0.5), "bolder")
    before = {row.lead: row.probability for row in memory_roles.store.board("acme/north", 99).rows}
    found = who_moves(memory_roles.store, bolder, 5)
    memory_roles.scorers["bolder"] = bolder
    memory_roles.promote("bolder")
    memory_roles.settle(memory_roles.worker(), memory_roles.publisher())
    after = {row.lead: row.probability for row in memory_roles.store.board("acme/north", 99).rows}
    dps = {lead: after[lead] - p for lead, p in before.items()}
    assert found.apart.max_dp == max(dps.values())
    assert found.apart.mean_dp == pytest.approx(sum(dps.values()) / N_LEADS)
    assert found.apart.at is not None
    assert dps[found.apart.at] == found.apart.max_dp


def test_changed_unscored_and_unlisted_leads_are_not_compared(memory_roles: Roles) -> None:
    settled(memory_roles)
    memory_roles.ingest(clicks(500, "l00"), joins(501, lead="new"), closes(502, "l03"))
    found = who_moves(memory_roles.store, rule_scorer(Contrary(), "contrary"), 5)
    assert (found.apart.n_compared, found.n_stale, found.n_unscored) == (N_LEADS - 2, 1, 1)
    assert (
        found.apart.queues["acme/north"].n_a == found.apart.queues["acme/north"].n_b == N_LEADS - 2
    )


def test_what_the_candidate_cannot_score_is_counted_and_others_are_compared(
    memory_roles: Roles,
) -> None:
    memory_roles.ingest(talks(50, "I will take it", "talker"))
    settled(memory_roles)
    choosy = RuleEngine(batch_size=4, faults={"I will take it": raises_unscorable})
    found = who_moves(memory_roles.store, rule_scorer(choosy, "choosy"), 5)
    assert found.n_unscorable == 1
    assert found.apart.n_compared == N_LEADS


def test_only_the_tenant_that_was_asked_for_is_compared(memory_roles: Roles) -> None:
    other = joins(90, lead="l00").model_copy(update={"tenant": "other"})
    memory_roles.ingest(other)
    store = settled(memory_roles).store
    heard: list[int] = []
    scorer = rule_scorer(Contrary(), "contrary")
    assert who_moves(store, scorer, 5, "other", heard.append).apart.n_compared == sum(heard) == 1
    assert who_moves(store, scorer, 5).apart.n_compared == N_LEADS + 1
    assert (n_standing(store, "other"), n_standing(store, "*")) == (1, N_LEADS + 1)


def test_a_tenants_live_artifact_is_its_own_until_a_later_one_for_all() -> None:
    clock = Clock()
    store = MemoryStore(clock.now_ms)
    roles = Roles(store, clock)
    assert live_for(store, "*") == live_for(store, "north") == frozenset()
    for artifact, tenant in (("a", "*"), ("b", "north")):
        roles.promote(artifact, tenant)
    roles.copied()
    assert live_for(store, "north") == {"b"}
    assert live_for(store, "south") == {"a"}
    assert live_for(store, "*") == {"a", "b"}
    roles.promote("c")
    roles.copied()
    assert live_for(store, "north") == live_for(store, "*") == {"c"}

"""Events to ranked leads with every role in one thread, over both stores."""

from __future__ import annotations

from schemas.topics import BOARDS, RANKED
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import A, clicks, joins
from tests.support.roles import Roles


def test_events_become_scores_ranks_and_snapshots(roles: Roles) -> None:
    roles.ingest(*events(seed=1, n=120, n_leads=12))
    roles.settle(roles.worker(), roles.publisher())
    assert roles.standing()
    assert roles.differences() == []
    assert roles.output.of(BOARDS.name)
    assert roles.output.of(RANKED.name)


def test_a_burst_is_one_score_not_one_per_event(roles: Roles) -> None:
    roles.ingest(joins(0), *(clicks(i) for i in range(1, 60)))
    roles.settle(roles.worker(), roles.publisher())
    assert len(roles.output.scores(A)) == 1

"""Real dialogues and loan applications through broker, ingest, Redis, score worker and publisher
to ranked boards: nothing is refused, and the boards are those of the log in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.events import EventBase
from scoring.lead.fold import ends_lead
from streams.oracle.oracle import differences
from streams.oracle.outputs import read_outputs
from streams.recording.event_file import history
from streams.replay.rank_file import rank_events
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import rule_scorer_of
from tests.support.live import SCORER, live_deployment

pytestmark = [pytest.mark.data, pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(900)]

RESCORED = 2_000
"""Scores the oracle runs the engine again for."""

Boards = dict[str, list[tuple[str, float]]]


@pytest.mark.parametrize("name", ["dialogues", "applications"])
def test_real_leads_reach_the_boards_and_leave_them_with_their_outcome(
    broker: str, redis_url: str, tmp_path: Path, name: str, request: pytest.FixtureRequest
) -> None:
    events: list[EventBase] = request.getfixturevalue(name)
    undecided = [event for event in events if not ends_lead(event)]
    outcomes = [event for event in events if ends_lead(event)]
    with live_deployment(broker, redis_url, tmp_path) as live:
        live.send(undecided)
        assert _boards(live.store) == _boards_in_memory(undecided)
        assert sum(map(len, _boards(live.store).values())) == len({event.key for event in events})
        live.send(outcomes)
        assert _boards(live.store) == _boards_in_memory(events)
        assert live.stop() == [0, 0, 0]
        published = read_outputs(live.outputs)
        assert published.letters == {}
        assert published.scores.keys() == {str(event.key) for event in events}
        evidence, store = live.evidence, live.store
        assert differences(evidence, store, N_PARTITIONS, rule_scorer_of, sample=RESCORED) == []
    assert len(live.journal.records) == len(events)


def _boards(store: RedisStore) -> Boards:
    rows = {queue: store.board(queue, 10_000).rows for queue in store.queues()}
    return {
        queue: [(row.lead, row.probability) for row in places]
        for queue, places in rows.items()
        if places
    }


def _boards_in_memory(events: Sequence[EventBase]) -> Boards:
    boards: Boards = {}
    for row in rank_events(map(history, events), SCORER, datetime.now(UTC)).rows:
        lead = f"{row.tenant}/{row.lead}"
        boards.setdefault(f"{row.tenant}/{row.queue}", []).append((lead, row.probability))
    return boards

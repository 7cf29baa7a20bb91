"""Data that nobody on this project made: the contracts, the fold and the ranking hold for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest

from schemas.codec import Record, encode, encode_structured
from schemas.events import EventBase, TranscriptReady
from schemas.ids import LeadKey
from schemas.partitioner import partition_for
from schemas.record_check import decode
from scoring.lead.fold import fold
from scoring.lead.state_bytes import from_bytes, to_bytes
from streams.importers.outcomes import without_outcomes
from streams.recording.event_file import history
from streams.replay.rank_file import rank_events
from tests.data.conftest import N_APPLICATIONS
from tests.support.engines.engines import rule_scorer
from tests.support.leads.records import topic_of

pytestmark = [pytest.mark.data, pytest.mark.slow]

N_PARTITIONS = 4
N_DIALOGUES, N_PERSUADEES = 1_017, 761
"""The published counts."""

NOW_MS = 1_760_000_000_000


@pytest.fixture(params=["dialogues", "applications"])
def events(request: pytest.FixtureRequest) -> list[EventBase]:
    found: list[EventBase] = request.getfixturevalue(request.param)
    return found


def test_import_is_complete(dialogues: list[EventBase], applications: list[EventBase]) -> None:
    assert sum(isinstance(event, TranscriptReady) for event in dialogues) == N_DIALOGUES
    assert len({event.key for event in dialogues}) == N_PERSUADEES
    assert len({event.key for event in applications}) == N_APPLICATIONS


@pytest.mark.parametrize("mode", [encode, encode_structured])
def test_every_event_passes_the_door_unchanged(
    events: list[EventBase],
    mode: Callable[[EventBase], tuple[bytes, bytes, list[tuple[str, bytes]]]],
) -> None:
    for event in events:
        key, value, headers = mode(event)
        partition = partition_for(key, N_PARTITIONS)
        record = Record(topic_of(event), partition, 0, NOW_MS, key, value, headers)
        assert decode(record, n_partitions=N_PARTITIONS) == event


def test_every_lead_folds_to_bytes_that_come_back(events: list[EventBase]) -> None:
    by_lead: dict[LeadKey, list[EventBase]] = defaultdict(list)
    for event in events:
        by_lead[event.key].append(event)
    for own in by_lead.values():
        state = to_bytes(fold(own))
        assert to_bytes(from_bytes(state)) == state
        assert to_bytes(fold(reversed(own))) == state


def test_every_lead_is_ranked_before_its_outcome(events: list[EventBase]) -> None:
    ranked = rank_events(map(history, without_outcomes(events)), rule_scorer())
    assert len(ranked.rows) == len({event.key for event in events})

"""Hostile records on each input topic, all roles running: each is refused or mended for its
reason, no role stops, and what stands between them is scored and ranked as if they were not there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.dead_letter import MENDED
from schemas.ids import lead_of
from schemas.topics import INPUTS, Topic
from streams.oracle.oracle import differences
from streams.oracle.outputs import read_outputs
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import rule_scorer_of
from tests.support.leads.hostile import Hostile, hostile_records
from tests.support.leads.hostile_payloads import CLOSED
from tests.support.live import Live, live_deployment

pytestmark = [pytest.mark.service, pytest.mark.slow]

N_HOSTILE = 2_000
"""Of every kind one or more; `tests/nightly/hostile_records.py` sends ten thousand."""
CHUNK = 500
"""Records sent before waiting for ingest: some are huge, and the embedded broker keeps 5 MiB."""


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
def test_hostile_records_stop_no_role_and_lose_no_neighbour(
    topic: Topic, embedded: str, redis_url: str, tmp_path: Path
) -> None:
    with live_deployment(embedded, redis_url, tmp_path) as live:
        send_and_compare(live, topic, N_HOSTILE)


def send_and_compare(live: Live, topic: Topic, n_records: int) -> None:
    """Sends so many records to `live`, stops it, and compares what it made of them."""
    sent: list[Hostile] = []
    for hostile in hostile_records(1, n_records, topic.name, n_partitions=N_PARTITIONS):
        live.journal.send_raw(
            topic.name, hostile.key, hostile.value, hostile.headers, hostile.partition
        )
        sent.append(hostile)
        if len(sent) % CHUNK == 0:
            live.until_applied()
    live.until_applied()
    live.until_quiet()
    assert not live.fleet.ends
    assert live.stop() == [0, 0, 0]
    published = read_outputs(live.outputs)
    assert {place[1:]: why for place, why in published.letters.items()} == _letters(sent)
    accepted = {lead_of(hostile.key or b"") for hostile in sent if hostile.reason in (None, MENDED)}
    assert published.scores.keys() == accepted - {CLOSED}
    assert differences(live.evidence, live.store, N_PARTITIONS, rule_scorer_of) == []


def _letters(sent: list[Hostile]) -> dict[tuple[int, int], str]:
    """(partition, offset) -> reason of its letter, of one topic's records in the order sent."""
    next_offset = dict.fromkeys(range(N_PARTITIONS), 0)
    letters = {}
    for hostile in sent:
        if hostile.reason is not None:
            letters[hostile.partition, next_offset[hostile.partition]] = hostile.reason
        next_offset[hostile.partition] += 1
    return letters

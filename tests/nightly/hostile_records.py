"""Ten thousand hostile records on each input topic, as `tests/streams/test_hostile_live.py` sends
fewer of them in every run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.topics import INPUTS, Topic
from tests.streams.test_hostile_live import send_and_compare
from tests.support.live import live_deployment

N_HOSTILE = 10_000


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
@pytest.mark.timeout(900)
def test_ten_thousand_hostile_records_stop_no_role_and_lose_no_neighbour(
    topic: Topic, embedded: str, redis_url: str, tmp_path: Path
) -> None:
    with live_deployment(embedded, redis_url, tmp_path) as live:
        send_and_compare(live, topic, N_HOSTILE)

"""Arrivals of one lead for property tests: its histories as records that came in at some time."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from schemas.codec import topic_of
from schemas.events import EventBase
from schemas.timestamps import to_ms
from scoring.lead.arrival import Arrival, in_order
from tests.scoring.histories import long_histories

HOUR_MS = 3_600_000


def arrived(events: Iterable[EventBase], late_ms: Iterable[int] | None = None) -> list[Arrival]:
    """Each event so long after it occurred (0 unless said), offsets from 0 in the order of their
    topic's records."""
    late = iter(late_ms or ())
    timed = [(to_ms(event.occurred_at) + next(late, 0), event) for event in events]
    timed.sort(key=lambda item: item[0])
    ends: dict[str, int] = {}
    arrivals = []
    for ingested_ms, event in timed:
        topic = topic_of(event)
        ends[topic] = ends.get(topic, -1) + 1
        arrivals.append(Arrival(event, topic, ends[topic], ingested_ms))
    return in_order(arrivals)


def long_arrivals() -> st.SearchStrategy[list[Arrival]]:
    """Over four months; some records come hours after what they tell of, some twice."""
    late = st.lists(st.sampled_from((0, 0, HOUR_MS, 30 * HOUR_MS)), min_size=20, max_size=20)
    repeated = st.lists(st.integers(0, 9), max_size=3)

    def arrive(history: list[EventBase], again: list[int], late_ms: list[int]) -> list[Arrival]:
        twice = [history[i] for i in again if i < len(history)]
        return arrived([*history, *twice], late_ms)

    return st.builds(arrive, long_histories().filter(bool), repeated, late)

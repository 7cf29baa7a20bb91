"""Recomputes the states that production scored: of each published score, the fold of what its
cursor includes.

A cursor may include records in another order than they arrived in: two topics are read by two
workers. So each lead is folded once per topic, and a score's state is the join of the parts that
its cursor names (law 1). Memory holds the scores of one partition, as packed bytes, and no events.
"""

from __future__ import annotations

import zlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce

from schemas.events import EventBase
from schemas.outputs import Score
from schemas.topics import INPUTS
from scoring.lead.fold import evolve, initial_state
from scoring.lead.join import join
from scoring.lead.state import LeadState
from streams.replay.arrival import Place

TOPICS = tuple(topic.name for topic in INPUTS)


Parts = tuple[LeadState | None, ...]
"""The parts of one lead's state, in the order of TOPICS."""


@dataclass(slots=True)
class PublishedPoint:
    """A published score, and, once the log has reached its cursor, the parts of its state.
    `packed`: Score JSON, as what it has not in common with `like`. `cursor`: for each of TOPICS the
    last offset included, or -1. `is_known`: the log has an event of the lead."""

    place: Place
    lead: str
    packed: bytes
    like: bytes
    cursor: tuple[int, ...]
    parts: Parts = (None,) * len(TOPICS)
    is_known: bool = False

    def score(self) -> Score:
        unpacking = zlib.decompressobj(-_WINDOW, self.like)
        return Score.model_validate_json(unpacking.decompress(self.packed))

    def add(self, topic: int, part: LeadState) -> None:
        self.parts = (*self.parts[:topic], part, *self.parts[topic + 1 :])

    def state(self) -> LeadState | None:
        """The state that was scored; None as long as the log may still have a record that the
        cursor includes."""
        found = [part for part in self.parts if part is not None]
        return reduce(join, found, initial_state()) if len(found) == len(TOPICS) else None


_WINDOW = 12
"""zlib's window of 2^12 bytes: more than a score has."""


class _Lead:
    def __init__(self) -> None:
        self.parts = dict.fromkeys(TOPICS, initial_state())
        self.points: list[PublishedPoint] = []
        self.waiting: dict[str, deque[PublishedPoint]] = {}

    def start(self) -> None:
        for topic in TOPICS:
            by_cursor = sorted(self.points, key=lambda point: _cursor(point, topic))
            self.waiting[topic] = deque(by_cursor)


class PublishedPoints:
    """All published scores of one partition that wait for their states; `arrive` takes each topic's
    events by offset and calls `ready` with each point whose cursor the log has reached."""

    def __init__(
        self,
        points: Iterable[PublishedPoint],
        ready: Callable[[PublishedPoint], None] = lambda point: None,
    ) -> None:
        self._ready = ready
        self._leads: dict[str, _Lead] = defaultdict(_Lead)
        for point in points:
            self._leads[point.lead].points.append(point)
        for lead in self._leads.values():
            lead.start()

    def arrive(self, topic: str, offset: int, event: EventBase) -> None:
        name = str(event.key)
        if name not in self._leads:
            return
        lead = self._leads[name]
        if lead.points:
            for point in lead.points:
                point.is_known = True
            lead.points = []
            for any_topic in TOPICS:
                self._pass(lead, any_topic, 0)  # a cursor without this topic
        self._pass(lead, topic, offset)
        lead.parts[topic] = evolve(lead.parts[topic], event)
        self._pass(lead, topic, offset + 1)

    def close(self) -> None:
        """Ends the log: what still waits has all that there is."""
        for lead in self._leads.values():
            for topic in TOPICS:
                self._pass(lead, topic, None)

    def _pass(self, lead: _Lead, topic: str, end: int | None) -> None:
        """Passes on the points whose cursors include nothing of the lead at `end` or after it."""
        waiting = lead.waiting[topic]
        while waiting and (end is None or _cursor(waiting[0], topic) < end):
            point = waiting.popleft()
            point.add(TOPICS.index(topic), lead.parts[topic])
            if None not in point.parts:
                self._ready(point)


def _cursor(point: PublishedPoint, topic: str) -> int:
    return point.cursor[TOPICS.index(topic)]


def point_of(place: Place, lead: str, value: bytes, like: bytes) -> PublishedPoint:
    """Reads a published score. `like`: another score's JSON. Raises ValidationError when `value` is
    not a score."""
    cursor = Score.model_validate_json(value).cursor
    packing = zlib.compressobj(wbits=-_WINDOW, zdict=like)
    packed = packing.compress(value) + packing.flush()
    return PublishedPoint(
        place, lead, packed, like, tuple(cursor.get(topic, -1) for topic in TOPICS)
    )

"""Policy `recorded`: one partition scored at the very points at which production published."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.timestamps import to_ms
from scoring.lead.history import history_of
from scoring.score import version_of
from streams.replay.arrival import PlacedRecord
from streams.replay.draft import PlannedStep, ReplayPartition, subject_of
from streams.replay.fold import Course
from streams.replay.points import PublishedPoint, PublishedPoints
from streams.replay.policy import Never


def drafts_at_points(
    arrivals: Iterable[PlacedRecord],
    partition: ReplayPartition,
    published: Iterable[PublishedPoint],
) -> Iterator[PlannedStep]:
    """The planned steps of one partition under policy `recorded`. Leads leave queues where events
    say so and are scored where `published`, in its order, was. A point waits for its cursor, should
    a broker have stamped what it includes later than it."""
    coming = deque(published)
    points = PublishedPoints(coming)
    course = Course(partition, Never())
    waiting = deque[PlannedStep | _Waiting]()
    for arrival in arrivals:
        while coming and coming[0].place < arrival.place:
            waiting.append(_placed(coming.popleft(), partition))
        event = partition.event_of(arrival.record)
        if event is None:
            continue
        points.arrive(arrival.record.topic, arrival.record.offset, event)
        waiting.extend(course.arrive(arrival.place, event))
        yield from _ready(waiting)
    points.close()
    waiting.extend(_placed(point, partition) for point in coming)
    yield from _ready(waiting)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A point that was reached and may have to wait for its state. `queue` and `version` are the
    lead's then: production places it where it is listed now, whatever state was scored."""

    point: PublishedPoint
    queue: str | None
    version: int


def _placed(point: PublishedPoint, partition: ReplayPartition) -> _Waiting:
    lead = partition.table.get(point.lead)
    if lead is None:
        return _Waiting(point, None, 0)
    return _Waiting(point, lead.queue, version_of(lead.cursor))


def _ready(waiting: deque[PlannedStep | _Waiting]) -> Iterator[PlannedStep]:
    """The points that need not wait, up to the first that must."""
    while waiting:
        first = waiting[0]
        if isinstance(first, PlannedStep):
            yield first
        else:
            draft = _draft(first)
            if draft is None:
                return
            yield draft
        waiting.popleft()


def _draft(waiting: _Waiting) -> PlannedStep | None:
    point = waiting.point
    state = point.state()
    if state is None:
        return None
    score = point.score()
    cursor, order = dict(score.cursor), score.order
    subject = subject_of(point.lead, history_of(state), cursor, order.promotion, to_ms(order.as_of))
    return PlannedStep(point.place, point.lead, waiting.version, waiting.queue, subject, score)

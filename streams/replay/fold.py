"""One partition on its way through time: folds what arrives, and decides who is scored when. Pure
but for the table it keeps the leads in.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

from schemas.events import EventBase
from schemas.ids import LeadKey
from scoring.lead.fold import evolve, initial_state, listing
from scoring.lead.history import LeadHistory, history_of
from scoring.lead.state_bytes import hash_of
from scoring.prompt.edges import TimeEdges
from scoring.prompt.rendering import Rendering
from scoring.score import Subject, version_of
from streams.replay.arrival import Place, PlacedEvent, PlacedRecord
from streams.replay.draft import PROMOTION, PlannedStep, ReplayPartition
from streams.replay.lead_table import ReplayedLead
from streams.replay.policy import EveryEvent, EveryTick, ScoringPolicy


def drafts(
    arrivals: Iterable[PlacedRecord],
    course: Course,
    end_ms: int,
    on_event: Callable[[Place, EventBase], None] = lambda place, event: None,
) -> Iterator[PlannedStep]:
    """The planned steps of one partition in the order of their places, up to `end_ms`, also when
    nothing arrives any more. `on_event` sees each event before it is folded."""
    read = ((arrival.place, course.partition.event_of(arrival.record)) for arrival in arrivals)
    known = ((place, event) for place, event in read if event is not None)
    yield from drafts_of_events(known, course, end_ms, on_event)


def drafts_of_events(
    events: Iterable[PlacedEvent],
    course: Course,
    end_ms: int,
    on_event: Callable[[Place, EventBase], None] = lambda place, event: None,
) -> Iterator[PlannedStep]:
    """As `drafts`, of events in the order of their places."""
    for place, event in events:
        yield from course.until(place.moment_ms)
        on_event(place, event)
        yield from course.arrive(place, event)
    yield from course.until(end_ms)


KEPT_EDGES = 8_192
"""So many states' edges are remembered, those that were asked for last: some kilobytes each."""


class Course:
    """One partition of a replay. `until` lets time pass, `arrive` takes the next event; both return
    the steps that follow, in order. `renderings`: of all artifacts that score these steps, since
    the edges of a lead follow from the domain; a policy that never scores needs none."""

    def __init__(
        self,
        partition: ReplayPartition,
        policy: ScoringPolicy,
        renderings: Sequence[Rendering] = (),
    ) -> None:
        self.partition = partition
        self._table = partition.table
        self._policy = policy
        self._renderings = renderings
        self._agenda = Agenda()
        self._n_timed = 0
        self._edges_of: OrderedDict[str, list[TimeEdges]] = OrderedDict()

    def until(self, moment_ms: int) -> Iterator[PlannedStep]:
        for when_ms, name in self._agenda.until(moment_ms):
            lead = self._table.get(name)
            if lead is not None and lead.queue is not None:
                self._n_timed += 1
                place = Place(when_ms, "", self.partition.number, self._n_timed)
                yield self._scored(place, name, lead)

    def arrive(self, place: Place, event: EventBase) -> Iterator[PlannedStep]:
        name = str(event.key)
        before = self._table.get(name) or ReplayedLead(initial_state(), {}, None)
        state = evolve(before.state, event)
        cursor = {**before.cursor, place.topic: place.offset}
        if state == before.state:
            self._table.put(name, ReplayedLead(state, cursor, before.queue))
            return
        queue = listing(state).queue
        lead = ReplayedLead(state, cursor, queue)
        self._table.put(name, lead)
        if before.queue not in (None, queue):
            yield PlannedStep(place, name, version_of(cursor), before.queue, None)
        match self._policy:
            case _ if queue is None:
                self._agenda.set(name, None)
            case EveryEvent():
                yield self._scored(place._replace(step=1), name, lead)
            case EveryTick():
                self._agenda.set(name, self._policy.after(place.moment_ms))
            case _:
                pass

    def _scored(self, place: Place, name: str, lead: ReplayedLead) -> PlannedStep:
        """Plans a score, and the next appointment: the first edge after the moment that is scored
        for. Of several renderings the latest moment serves all: none of them has an edge between
        its own and that."""
        history, hash_ = history_of(lead.state), hash_of(lead.state)
        edges = self._edges(hash_, history)
        moment_ms = max(each.as_of(place.moment_ms) for each in edges)
        following = [each.next(moment_ms) for each in edges]
        due_ms = min((edge for edge in following if edge is not None), default=None)
        if due_ms is not None and isinstance(self._policy, EveryTick):
            due_ms = self._policy.after(due_ms)
        self._agenda.set(name, due_ms)
        subject = Subject(LeadKey.parse(name), history, hash_, lead.cursor, PROMOTION, moment_ms)
        return PlannedStep(place, name, subject.version, lead.queue, subject)

    def _edges(self, hash_: str, history: LeadHistory) -> list[TimeEdges]:
        """By each rendering. A state is scored at many of its edges in turn, which stay the same
        until an event comes."""
        found = self._edges_of.pop(hash_, None)
        if found is None:
            found = [TimeEdges.of(history, each) for each in self._renderings]
        self._edges_of[hash_] = found
        if len(self._edges_of) > KEPT_EDGES:
            self._edges_of.popitem(last=False)
        return found


class Agenda:
    """When each lead is to be scored next: one appointment per lead; a later `set` replaces it.
    Memory is bounded by the appointments that are held, not by how often they moved."""

    SPARE = 1_000
    """So many replaced appointments may lie around before the heap is rebuilt."""

    def __init__(self) -> None:
        self._when: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._when)

    def when(self, lead: str) -> int | None:
        return self._when.get(lead)

    def set(self, lead: str, when_ms: int | None) -> None:
        """Sets the appointment of a lead; None removes it."""
        if when_ms is None:
            self._when.pop(lead, None)
        elif self._when.get(lead) != when_ms:
            self._when[lead] = when_ms
            heapq.heappush(self._heap, (when_ms, lead))
            if len(self._heap) > 2 * len(self._when) + self.SPARE:
                self._heap = [(at, name) for name, at in self._when.items()]
                heapq.heapify(self._heap)

    def until(self, moment_ms: int) -> Iterator[tuple[int, str]]:
        """Removes and returns what is due at `moment_ms` or before, by (moment, lead); what the
        caller sets meanwhile counts."""
        while self._heap and self._heap[0][0] <= moment_ms:
            when_ms, lead = heapq.heappop(self._heap)
            if self._when.get(lead) == when_ms:
                del self._when[lead]
                yield when_ms, lead

"""The events of one lead together with the records that brought them, in order of arrival."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.events import EventBase
from scoring.lead.fold import evolve, initial_state
from scoring.lead.join import join
from scoring.lead.state import LeadState


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event and the record that brought it. `ingested_ms` is the broker's time."""

    event: EventBase
    topic: str
    offset: int
    ingested_ms: int

    @property
    def place(self) -> tuple[str, int]:
        return self.topic, self.offset

    @property
    def identity(self) -> tuple[str, str]:
        """Two arrivals of one (source, id) are one event that was delivered twice."""
        return self.event.source, self.event.id


def in_order(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Sorts the arrivals of one lead, whose records share a partition number, as a replay merges
    them. In a topic offsets decide: after a change of leader a broker may stamp a record earlier
    than the record before it."""
    moments: dict[str, int] = {}
    timed = []
    for arrival in sorted(arrivals, key=lambda arrival: arrival.place):
        moments[arrival.topic] = max(arrival.ingested_ms, moments.get(arrival.topic, 0))
        timed.append((moments[arrival.topic], arrival))
    timed.sort(key=lambda item: (item[0], item[1].place))
    return [arrival for _, arrival in timed]


def is_included(arrival: Arrival, cursor: Mapping[str, int]) -> bool:
    """Whether a state with this `cursor` holds the arrival's event."""
    return arrival.offset <= cursor.get(arrival.topic, -1)


def cursor_of(
    arrivals: Iterable[Arrival], before: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Returns the cursor of a state that includes all `arrivals` and all that `before` includes."""
    cursor = dict(before or {})
    for arrival in arrivals:
        cursor[arrival.topic] = max(arrival.offset, cursor.get(arrival.topic, -1))
    return cursor


def state_of(arrivals: Iterable[Arrival]) -> LeadState:
    """Folds the events of `arrivals`."""
    state = initial_state()
    for arrival in arrivals:
        state = evolve(state, arrival.event)
    return state


def without_each(arrivals: Sequence[Arrival]) -> dict[tuple[str, str], LeadState]:
    """Returns for each event the state of a lead to which everything but this event happened: the
    fold of all others, however often it was delivered. O(n) joins: a fold is a join of folds."""
    groups: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in arrivals:
        groups.setdefault(arrival.identity, []).append(arrival)
    folded = [state_of(group) for group in groups.values()]
    after = [initial_state()]
    for state in reversed(folded):
        after.append(join(state, after[-1]))
    before = initial_state()
    without = {}
    for i, (identity, state) in enumerate(zip(groups, folded, strict=True)):
        without[identity] = join(before, after[len(folded) - 1 - i])
        before = join(before, state)
    return without

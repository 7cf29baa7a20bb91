"""Simulates leads: the events that the systems around asllr would have reported, and the true
probability.

`simulate_leads` is what training, evaluation and `asllr simulate` read; `live` sends the same leads
over time. A lead depends on (seed, its number, the world) and nothing else. What is reported up to
`as_of` is drawn before the outcome is, so it cannot depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.events import EventBase
from training.simulator.draws import Draws
from training.simulator.journal import Journal
from training.simulator.life import SimulatedCall, live_before
from training.simulator.outcome import live_after
from training.simulator.phrases import Stance
from training.simulator.world import Person, World, draw_person, order_logit, probability_of

EPOCH = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""When the first scoring moments fall, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class SimulatedLead:
    """One lead. `events` ascend by time; those after `as_of` tell what became of it. `probability`
    is the true probability of an order within the horizon, from which `ordered` was drawn.
    `stances`: where the customer stands at `as_of`; a topic that nobody mentioned is absent."""

    lead: str
    person: Person
    as_of: datetime
    moments: tuple[datetime, ...]
    """Half an hour after each call, and `as_of`: the moments at which the lead may become a row."""
    events: tuple[EventBase, ...]
    calls: tuple[SimulatedCall, ...]
    stances: Mapping[str, Stance]
    probability: float
    ordered: bool

    @property
    def history(self) -> tuple[EventBase, ...]:
        return tuple(event for event in self.events if event.occurred_at <= self.as_of)

    @property
    def outcomes(self) -> tuple[EventBase, ...]:
        return tuple(event for event in self.events if event.occurred_at > self.as_of)


def simulate_leads(
    seed: int, n: int, *, world: World | None = None, start: datetime = EPOCH, first: int = 0
) -> Iterator[SimulatedLead]:
    """The leads number `first` to `first + n - 1`."""
    world = world or World()
    for number in range(first, first + n):
        yield simulate_lead(seed, number, world=world, start=start)


def simulate_lead(
    seed: int,
    number: int,
    *,
    world: World,
    start: datetime = EPOCH,
    outcome: bool | None = None,
) -> SimulatedLead:
    """The lead with this number. `outcome` replaces the drawn label: what came before must not
    change (a test checks that)."""
    draws = Draws(seed, number)
    day = draws.uniform() * world.span_days
    person = draw_person(draws, world.file, world.drift, day)
    as_of = (start + timedelta(days=day)).replace(microsecond=0)
    journal = Journal(lead_id(number), as_of, world.file)
    before = live_before(draws, journal, person, world, day)
    probability = probability_of(order_logit(world, person, before.stage, before.stances, day))
    after_each_call = (call.started_at + timedelta(minutes=30) for call in before.calls)
    ordered = draws.chance(probability)
    ordered = ordered if outcome is None else outcome
    live_after(draws, journal, world.file, person, before, ordered=ordered)
    return SimulatedLead(
        lead=journal.lead,
        person=person,
        as_of=journal.as_of,
        moments=(*after_each_call, journal.as_of),
        events=journal.events(),
        calls=before.calls,
        stances=before.stances,
        probability=probability,
        ordered=ordered,
    )


def lead_id(number: int) -> str:
    return f"L{number:07d}"


def simulate_events(
    seed: int, n: int, *, world: World | None = None, start: datetime = EPOCH
) -> list[EventBase]:
    """The events of `n` leads as one log, in the order in which they happened."""
    leads = simulate_leads(seed, n, world=world, start=start)
    return sorted(
        (event for lead in leads for event in lead.events),
        key=lambda event: (event.occurred_at, event.source, event.id),
    )

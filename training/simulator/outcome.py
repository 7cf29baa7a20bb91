"""Simulates what became of a lead after its scoring moment: funnel moves, the order or the loss."""

from __future__ import annotations

from math import exp

from schemas.events import Direction
from training.simulator.business import Business
from training.simulator.draws import Draws
from training.simulator.journal import Journal
from training.simulator.life import DAY_S, Before
from training.simulator.world import Person, text_logit

LOST_SHARE = 0.4
"""The share of leads without an order that say so within two months. The others go silent."""


def live_after(
    draws: Draws,
    journal: Journal,
    business: Business,
    person: Person,
    before: Before,
    *,
    ordered: bool,
) -> None:
    """Writes the moves and the end into the journal."""
    mood = 0.4 * person.intent + 0.4 * text_logit(business, person, before.stances)
    funnel, horizon_days = business.funnel, business.horizon_days
    ordered_s = draws.between(1.0, horizon_days - 0.5) * DAY_S
    at_s = 0.0
    for move in funnel.milestones:
        at_s += draws.between(0.1, 0.3) * (ordered_s if ordered else horizon_days * DAY_S)
        if draws.chance(1.0 / (1.0 + exp(-move.later_logit - mood))):
            journal.contact(at_s, move.channel, Direction.INBOUND)
            journal.stage(at_s + 60.0, move.stage)
    if ordered:
        journal.stage(ordered_s, funnel.won.stage)
        journal.closed(ordered_s + 60.0, funnel.won.reason)
    elif draws.chance(LOST_SHARE):
        lost_s = draws.between(*funnel.lost_days) * DAY_S
        journal.stage(lost_s, funnel.lost.stage)
        journal.closed(lost_s + 60.0, funnel.lost.reason)

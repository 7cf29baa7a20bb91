"""Simulates what became of a lead after its scoring moment: funnel moves, the order or the loss."""

from __future__ import annotations

from math import exp

from schemas.events import Channel, Direction, Stage
from training.simulator.draws import Draws
from training.simulator.journal import Journal
from training.simulator.life import DAY_S, Before
from training.simulator.world import HORIZON_DAYS, Person, text_logit

LOST_SHARE = 0.4
"""The share of leads without an order that say so within two months. The others go silent."""

_MOVES = (
    (Stage.VISIT, Channel.VISIT, -1.5),
    (Stage.TEST_DRIVE, Channel.TEST_DRIVE, -2.0),
    (Stage.QUOTE, Channel.QUOTE, -2.2),
)
"""(stage, channel, logit) of each move. Far more leads move than order; a move says less about the
person than an order does."""


def live_after(
    draws: Draws, journal: Journal, person: Person, before: Before, *, ordered: bool
) -> None:
    """Writes the moves and the end into the journal."""
    mood = 0.4 * person.intent + 0.4 * text_logit(person, before.stances)
    ordered_s = draws.between(1.0, HORIZON_DAYS - 0.5) * DAY_S
    at_s = 0.0
    for stage, channel, base in _MOVES:
        at_s += draws.between(0.1, 0.3) * (ordered_s if ordered else HORIZON_DAYS * DAY_S)
        if draws.chance(1.0 / (1.0 + exp(-base - mood))):
            journal.contact(at_s, channel, Direction.INBOUND)
            journal.stage(at_s + 60.0, stage)
    if ordered:
        journal.stage(ordered_s, Stage.ORDER)
        journal.closed(ordered_s + 60.0, "ordered")
    elif draws.chance(LOST_SHARE):
        lost_s = draws.between(15.0, 60.0) * DAY_S
        journal.stage(lost_s, Stage.LOST)
        journal.closed(lost_s + 60.0, "lost")

"""Simulates what a customer writes instead of saying it: messages and e-mails with their text."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.events import Direction
from training.simulator.business import Business
from training.simulator.draws import Draws
from training.simulator.journal import Journal
from training.simulator.phrases import Stance


def send_letters(
    draws: Draws,
    journal: Journal,
    business: Business,
    letters: Mapping[str, Stance],
    age_s: float,
) -> None:
    """Adds a message or e-mail for each topic of `letters` that takes the stance: a clause of the
    topic inside a sentence that means it. A world without writing has no letters."""
    writing = business.writing
    if writing is None:
        return
    for topic, stance in letters.items():
        clause = draws.pick(business.phrases[topic].clauses[stance])
        journal.contact(
            -draws.between(0.02, 0.9) * age_s,
            draws.pick(writing.channels),
            Direction.INBOUND,
            text=draws.pick(writing.letters).format(clause),
        )

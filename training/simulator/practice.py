"""Generated calls to practise on: annotated talk about random topics, of no customer in particular.

The demo's base reads them before it sees a lead, and the tagger of `tree_practised` is trained on
them.
"""

from __future__ import annotations

from training.simulator.business import Business, read_business
from training.simulator.draws import Draws
from training.simulator.phrases import Stance
from training.simulator.talk import Item, Speech, SpokenLine, hold_call
from training.simulator.world import FIRST

MAX_TOPICS = {"phrasebook": 1, "short calls": 2, "calls": 5}
"""Stage of the practice, in order -> the most topics of a call."""

TAUGHT_SPEECH = Speech(slang=0.05, asr_errors=0.03, small_talk=0.12)


def practice_call(draws: Draws, max_topics: int) -> tuple[list[Item], tuple[SpokenLine, ...]]:
    """What a call is about, and its lines. A few topics come twice; the later stance holds."""
    business = read_business(FIRST)
    agenda = _agenda(draws, business, 1 + draws.below(max_topics))
    return agenda, hold_call(draws, business, agenda, TAUGHT_SPEECH)


def _agenda(draws: Draws, business: Business, n_turns: int) -> list[Item]:
    topics, stances = business.topic_names, tuple(Stance)
    agenda: list[Item] = []
    for _ in range(n_turns):
        topic, stance = draws.pick(topics), draws.pick(stances)
        is_change = any(item.topic == topic for item in agenda)
        agenda.append(Item(topic, stance, is_change))
    return agenda

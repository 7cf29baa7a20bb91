"""Who the simulated customers are and how likely each is to order: latent traits, drift, the true
logit.

`order_logit` is the only definition of the truth: table + stances + interactions of table and
stances; the sizes are in the world's file. Nothing here knows events or words (`talk`, `emit`);
nothing here may be imported by serving code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import cos, exp, pi

from training.simulator.business import (
    STAGE,
    Business,
    Comparison,
    Effect,
    Wording,
    read_business,
)
from training.simulator.draws import Draws
from training.simulator.phrases import RequiredValues, Stance

YEAR_DAYS = 365.0
FIRST = "auto"
"""The business of a world that names none."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What changes over a year; all 0.0 = a world that does not change."""

    prices: float = 0.3
    """The share of budgets that a year of rising prices lowers by one band."""
    season: float = 0.2
    """The amplitude on the order logit: more orders in spring, fewer in autumn."""
    slang: float = 0.1
    """The share of the words in `SmallWords.slang` that are said in the new way after a year."""


@dataclass(frozen=True, slots=True)
class World:
    """The settings of the simulated world. `business` names its file. `base_logit` sets the share
    of orders; None: the file's, about 1.5% for `auto` with the other defaults. `wording`: whose
    sentences are said: stances, orders and times stay the same."""

    business: str = FIRST
    base_logit: float | None = None
    table_weight: float = 1.0
    text_weight: float = 1.0
    span_days: int = 240
    """Scoring moments are spread evenly over so many days."""
    asr_errors: float = 0.03
    drift: Drift = field(default_factory=Drift)
    wording: Wording = Wording.USUAL

    @property
    def file(self) -> Business:
        return read_business(self.business, self.wording)

    @property
    def usual(self) -> Business:
        """The same business in the sentences of its own file."""
        return read_business(self.business)

    @property
    def horizon_days(self) -> int:
        """An order counts when it comes within so many days of the scoring moment."""
        return self.file.horizon_days


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as they are. `profile` and `flags` are true; the CRM's copy may lack or garble a
    field. `comparisons` and `intent` are never reported; intent is standard normal: clicks, calls
    and visits follow from it."""

    profile: Mapping[str, str]
    flags: Mapping[str, bool]
    comparisons: Mapping[str, bool]
    intent: float

    def meets(self, conditions: RequiredValues) -> bool:
        return all(self._trait(name) in values for name, values in conditions.items())

    def _trait(self, name: str) -> str | bool:
        for traits in (self.profile, self.flags, self.comparisons):
            if name in traits:
                return traits[name]
        raise KeyError(f"{name} is no field, flag or comparison of the world")


def draw_person(draws: Draws, business: Business, drift: Drift, day: float) -> Person:
    profile = {name: draws.weighted(*table) for name, table in business.tables.items()}
    if business.falling_field is not None:
        _fall(draws, profile, business, drift.prices * day / YEAR_DAYS)
    person = Person(profile, {}, {}, 0.0)
    return Person(
        profile,
        {
            flag.name: not (flag.unless and person.meets(flag.unless)) and draws.chance(flag.chance)
            for flag in business.flags
        },
        {each.name: _exceeds(each, profile) for each in business.comparisons},
        intent=draws.normal(),
    )


def _fall(draws: Draws, profile: dict[str, str], business: Business, share: float) -> None:
    name = str(business.falling_field)
    bands = tuple(business.fields[name])
    if profile[name] != bands[0] and draws.chance(share):
        profile[name] = bands[bands.index(profile[name]) - 1]


def _exceeds(comparison: Comparison, profile: Mapping[str, str]) -> bool:
    level = comparison.levels[profile[comparison.field]]
    return level > comparison.limits[profile[comparison.exceeds]]


STANCES = (Stance.PRO, Stance.OPEN, Stance.CONTRA)
_LIKELY = ((0.40, 0.65, 1.0), (0.30, 0.52, 1.0))
"""Cumulative shares of pro, open, contra for keen customers and for others: the table alone says
little about the stances."""


def draw_stance(draws: Draws, person: Person) -> Stance:
    return draws.weighted(STANCES, _LIKELY[person.intent < 0])


def topic_weights(business: Business, person: Person) -> dict[str, float]:
    """How likely each topic is to come up: what does not concern a customer rarely does."""
    return {
        topic.name: topic.weight_when.weight
        if topic.weight_when is not None and person.meets(topic.weight_when.when)
        else topic.weight
        for topic in business.topics
    }


def order_logit(
    world: World, person: Person, stage: str, stances: Mapping[str, Stance], day: float
) -> float:
    """The true logit of an order within the horizon of the scoring moment `day`. An open stance,
    and a topic nobody mentioned, add 0."""
    business = world.file
    season = world.drift.season * cos(2.0 * pi * (day % YEAR_DAYS - 105.0) / YEAR_DAYS)
    base = business.base_logit if world.base_logit is None else world.base_logit
    return (
        base
        + season
        + world.table_weight * table_logit(business, person, stage)
        + world.text_weight * text_logit(business, person, stances)
    )


def table_logit(business: Business, person: Person, stage: str) -> float:
    """The part of the logit that follows from profile, intent and stage."""
    total = 0.0
    for effect in business.effects:
        total += _effect_on(effect, person, stage)
    return total


def _effect_on(effect: Effect, person: Person, stage: str) -> float:
    if effect.field is not None:
        value = stage if effect.field == STAGE else person.profile[effect.field]
        return effect.logits.get(value, 0.0)
    if effect.when is not None:
        return effect.then if person.meets(effect.when) else effect.otherwise
    return effect.intent * person.intent


def text_logit(business: Business, person: Person, stances: Mapping[str, Stance]) -> float:
    """The part of the logit that follows from what the customer said, alone and together with the
    table."""
    total = 0.0
    for topic, stance in stances.items():
        total += business.phrases[topic].logits.get(stance, 0.0)
    for each in business.interactions:
        if each.topic in stances and person.meets(each.when):
            total += each.logits.get(stances[each.topic], 0.0)
    return total


def probability_of(logit: float) -> float:
    return 1.0 / (1.0 + exp(-logit))

"""Who the simulated customers are and how likely each is to order: latent traits, drift, the true
logit.

`order_logit` is the only definition of the truth: table + stances + interactions of table and
stances. Nothing here knows events or words (`talk`, `emit`); nothing here may be imported by
serving code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from math import cos, exp, pi

from training.simulator.draws import Draws
from training.simulator.phrases import Stance, TalkTopic

HORIZON_DAYS = 14
"""An order counts when it comes within so many days of the scoring moment."""

YEAR_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class Drift:
    """What changes over a year; all 0.0 = a world that does not change."""

    prices: float = 0.3
    """The share of budgets that a year of rising prices lowers by one band."""
    season: float = 0.2
    """The amplitude on the order logit: more orders in spring, fewer in autumn."""
    slang: float = 0.1
    """The share of the words in `phrases.SLANG` that are said in the new way after a year."""


@dataclass(frozen=True, slots=True)
class World:
    """The settings of the simulated world. `base_logit` sets the share of orders, about 1.5% with
    the other defaults."""

    base_logit: float = -5.85
    table_weight: float = 1.0
    text_weight: float = 1.0
    span_days: int = 240
    """Scoring moments are spread evenly over so many days."""
    asr_errors: float = 0.03
    drift: Drift = field(default_factory=Drift)


CATEGORIES: dict[str, dict[str, float]] = {
    "age_band": {"twenties": 2, "thirties": 3, "forties": 3, "fifties": 2, "sixties": 1},
    "city_tier": {"metropolis": 2, "city": 4, "town": 3, "village": 1},
    "occupation": {
        "employee": 5,
        "manager": 2,
        "freelance": 2,
        "official": 1,
        "worker": 3,
        "student": 1,
        "retired": 1,
    },
    "income_band": {"low": 2, "middle": 4, "good": 3, "high": 1},
    "household": {"single": 2, "couple": 3, "family": 4, "shared": 1},
    "current_car": {
        "none": 2,
        "small": 3,
        "sedan": 3,
        "suv": 2,
        "van": 1,
        "electric": 1,
        "premium": 1,
    },
    "region": {"north": 1, "south": 1, "east": 1, "west": 1, "centre": 1},
    "lead_source": {
        "website": 4,
        "walk_in": 1,
        "referral": 1,
        "ad": 3,
        "event": 1,
        "marketplace": 2,
    },
    "campaign": {
        "none": 4,
        "spring": 1,
        "summer": 1,
        "autumn": 1,
        "winter": 1,
        "launch": 1,
        "clearance": 1,
    },
    "model_interest": {"compact": 3, "sedan": 2, "suv": 4, "van": 1, "electric": 2, "sports": 1},
    "budget_band": {"under_15k": 2, "15k_25k": 4, "25k_40k": 3, "over_40k": 1},
    "purchase_window": {"this_month": 2, "1_3_months": 4, "3_6_months": 3, "later": 2},
}
"""Profile field -> value -> relative share, in the vocabulary of the pack `auto`."""

_TABLES = {
    name: (tuple(shares), tuple(accumulate(shares.values()))) for name, shares in CATEGORIES.items()
}

PRICE_LEVEL = {"compact": 0, "sedan": 1, "van": 1, "suv": 2, "electric": 2, "sports": 3}
BUDGET_LEVEL = {"under_15k": 0, "15k_25k": 1, "25k_40k": 2, "over_40k": 3}

WINDOW_LOGIT = {"this_month": 1.0, "1_3_months": 0.3, "3_6_months": -0.45, "later": -1.1}
SOURCE_LOGIT = {
    "website": 0.0,
    "walk_in": 0.5,
    "referral": 0.6,
    "ad": -0.5,
    "event": -0.3,
    "marketplace": -0.1,
}
STAGE_LOGIT = {"new": -0.45, "contacted": -0.2, "visit": 0.2, "test_drive": 0.65, "quote": 0.9}


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as they are. `profile` is true; the CRM's copy may lack or garble a field.
    `intent` is standard normal and never reported: clicks, calls and visits follow from it."""

    profile: Mapping[str, str]
    trade_in: bool
    financing: bool
    intent: float

    @property
    def is_over_budget(self) -> bool:
        return (
            PRICE_LEVEL[self.profile["model_interest"]] > BUDGET_LEVEL[self.profile["budget_band"]]
        )


def draw_person(draws: Draws, drift: Drift, day: float) -> Person:
    profile = {name: draws.weighted(*table) for name, table in _TABLES.items()}
    if profile["budget_band"] != "under_15k" and draws.chance(drift.prices * day / YEAR_DAYS):
        bands = tuple(BUDGET_LEVEL)
        profile["budget_band"] = bands[bands.index(profile["budget_band"]) - 1]
    return Person(
        profile,
        trade_in=profile["current_car"] != "none" and draws.chance(0.6),
        financing=draws.chance(0.5),
        intent=draws.normal(),
    )


STANCES = (Stance.PRO, Stance.OPEN, Stance.CONTRA)
_LIKELY = ((0.40, 0.65, 1.0), (0.30, 0.52, 1.0))
"""Cumulative shares of pro, open, contra for keen customers and for others: the table alone says
little about the stances."""


def draw_stance(draws: Draws, person: Person) -> Stance:
    return draws.weighted(STANCES, _LIKELY[person.intent < 0])


def topic_weights(person: Person) -> dict[TalkTopic, float]:
    """How likely each topic is to come up: what does not concern a customer rarely does."""
    return {
        TalkTopic.TIMING: 1.2,
        TalkTopic.PRICE: 1.4,
        TalkTopic.FAMILY: 0.9 if person.profile["household"] in ("couple", "family") else 0.5,
        TalkTopic.RIVAL: 1.0,
        TalkTopic.FINANCE: 1.2 if person.financing else 0.4,
        TalkTopic.TRADE_IN: 1.0 if person.trade_in else 0.2,
    }


STANCE_LOGIT = {
    TalkTopic.TIMING: {Stance.PRO: 1.1, Stance.CONTRA: -1.3},
    TalkTopic.PRICE: {Stance.PRO: 0.9, Stance.CONTRA: -0.6},
    TalkTopic.FAMILY: {Stance.PRO: 0.9, Stance.CONTRA: -1.1},
    TalkTopic.RIVAL: {Stance.PRO: 0.9, Stance.CONTRA: -1.3},
    TalkTopic.FINANCE: {Stance.PRO: 0.4, Stance.CONTRA: -0.4},
    TalkTopic.TRADE_IN: {Stance.PRO: 0.2, Stance.CONTRA: -0.2},
}
"""What each stance adds to the logit; an open stance, and a topic nobody mentioned, add 0."""


def order_logit(
    world: World, person: Person, stage: str, stances: Mapping[TalkTopic, Stance], day: float
) -> float:
    """The true logit of an order within the horizon of the scoring moment `day`."""
    season = world.drift.season * cos(2.0 * pi * (day % YEAR_DAYS - 105.0) / YEAR_DAYS)
    return (
        world.base_logit
        + season
        + world.table_weight * table_logit(person, stage)
        + world.text_weight * text_logit(person, stances)
    )


def table_logit(person: Person, stage: str) -> float:
    """The part of the logit that follows from profile, intent and stage."""
    profile = person.profile
    has_children = profile["household"] == "family"
    return (
        WINDOW_LOGIT[profile["purchase_window"]]
        + SOURCE_LOGIT[profile["lead_source"]]
        + STAGE_LOGIT[stage]
        + 0.58 * person.intent
        + (-0.55 if person.is_over_budget else 0.2)
        + (0.25 if has_children and profile["model_interest"] in ("suv", "van") else 0.0)
        + {"low": -0.2, "middle": 0.0, "good": 0.1, "high": 0.2}[profile["income_band"]]
        + (0.2 if profile["campaign"] == "clearance" else 0.0)
    )


def text_logit(person: Person, stances: Mapping[TalkTopic, Stance]) -> float:
    """The part of the logit that follows from what the customer said, alone and together with the
    table."""
    total = sum(STANCE_LOGIT[topic].get(stance, 0.0) for topic, stance in stances.items())
    if stances.get(TalkTopic.PRICE) is Stance.CONTRA and person.is_over_budget:
        total -= 1.4
    if person.financing and (stance := stances.get(TalkTopic.FINANCE)) is not None:
        total += {Stance.PRO: 0.5, Stance.OPEN: 0.0, Stance.CONTRA: -1.0}[stance]
    if person.trade_in and (stance := stances.get(TalkTopic.TRADE_IN)) is not None:
        total += {Stance.PRO: 0.7, Stance.OPEN: 0.0, Stance.CONTRA: -0.8}[stance]
    return total


def probability_of(logit: float) -> float:
    return 1.0 / (1.0 + exp(-logit))

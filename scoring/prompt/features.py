"""Declares the tabular features as data. To use others, edit FEATURES and INSTRUCTION here.

Nothing else knows a feature's name: the vector, the prompt's sections, the time edges and
`FEATURES_ID` (which a trained artifact must match) all follow from this list and its order.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from schemas.events import Channel, Direction, Stage
from scoring.domain.model import Section
from scoring.lead.history import LeadHistory
from scoring.prompt.declaration import Bins, Feature, Kind, encode
from scoring.prompt.sources import (
    SOURCES_VERSION,
    Age,
    Contacts,
    Count,
    CurrentStage,
    FirstContact,
    Flag,
    Last,
    LastContact,
    Profile,
    StageEntered,
    TalkMinutes,
)


def _words(*values: str) -> Bins:
    return tuple((value, value.replace("_", " ")) for value in values)


def _levels(low: int, mid: int, high: int) -> Bins:
    return (0, "none"), (low, "low"), (mid, "mid"), (high, "high")


AGES: Bins = (
    (0, "today"),
    (1, "yesterday"),
    (2, "2 days"),
    (4, "4 days"),
    (7, "1 week"),
    (14, "2 weeks"),
    (30, "1 month"),
    (60, "2 months"),
    (90, "3 months"),
)
AGE_DAYS = tuple(int(bound) for bound, _ in AGES)

_P, _I, _B, _F = Section.PROFILE, Section.INTENT, Section.BEHAVIOUR, Section.FOLLOW_UP
_CATEGORY, _FLAG, _NUMBER, _AGE = (
    Kind.CATEGORY,
    Kind.FLAG,
    Kind.NUMBER,
    Kind.AGE,
)
_IN, _OUT = Direction.INBOUND, Direction.OUTBOUND
_AGES_OF = _words("twenties", "thirties", "forties", "fifties", "sixties")
_CITIES = _words("metropolis", "city", "town", "village")
_JOBS = _words("employee", "manager", "freelance", "official", "worker", "student", "retired")
_INCOMES = _words("low", "middle", "good", "high")
_HOMES = _words("single", "couple", "family", "shared")
_CARS = _words("none", "small", "sedan", "suv", "van", "electric", "premium")
_REGIONS = _words("north", "south", "east", "west", "centre")
_LEADS_FROM = _words("website", "walk_in", "referral", "ad", "event", "marketplace")
_CAMPAIGNS = _words("none", "spring", "summer", "autumn", "winter", "launch", "clearance")
_MODELS = _words("compact", "sedan", "suv", "van", "electric", "sports")
_BUDGETS = (
    ("under_15k", "under 15k"),
    ("15k_25k", "15k to 25k"),
    ("25k_40k", "25k to 40k"),
    ("over_40k", "over 40k"),
)
_WINDOWS = (
    ("this_month", "this month"),
    ("1_3_months", "this quarter"),
    ("3_6_months", "half a year"),
    ("later", "later"),
)
_CALLS, _VISITS = Contacts((Channel.CALL,)), Contacts((Channel.VISIT,))
_WEB, _APP, _QUOTES = (Contacts((c,)) for c in (Channel.WEB, Channel.APP, Channel.QUOTE))
_TEST_DRIVES = Contacts((Channel.TEST_DRIVE,))
_MESSAGES_IN = Contacts((Channel.MESSAGE, Channel.EMAIL), _IN)
_CALLS_IN = Contacts((Channel.CALL,), _IN)
_ANY_IN, _ANY_OUT = Contacts(None, _IN), Contacts(None, _OUT)
_UNANSWERED = Contacts((Channel.CALL,), _OUT, only_unanswered=True)


def _profile(name: str, section: Section, meaning: str, wording: str, bins: Bins) -> Feature:
    return Feature(name, section, meaning, _CATEGORY, wording, bins, Profile(name))


def _flag(name: str, meaning: str, wording: str) -> Feature:
    return Feature(name, _I, meaning, _FLAG, wording, (), Flag(name))


def _count(
    name: str, section: Section, wording: str, bins: Bins, source: Count | TalkMinutes
) -> Feature:
    what = "minutes spoken" if isinstance(source, TalkMinutes) else "contacts"
    meaning = f"{what} in the last {source.window_days} days"
    return Feature(name, section, meaning, _NUMBER, wording, bins, source)


FEATURES: tuple[Feature, ...] = (
    _profile("age_band", _P, "age of the customer", "age", _AGES_OF),
    _profile("city_tier", _P, "size of the place the customer lives in", "place", _CITIES),
    _profile("occupation", _P, "what the customer does", "job", _JOBS),
    _profile("income_band", _P, "income for the region", "income", _INCOMES),
    _profile("household", _P, "who lives together", "home", _HOMES),
    _profile("current_car", _P, "what the customer drives now", "car", _CARS),
    _profile("region", _P, "sales region", "region", _REGIONS),
    _profile("lead_source", _I, "where the lead came from", "source", _LEADS_FROM),
    _profile("campaign", _I, "campaign the lead answered", "campaign", _CAMPAIGNS),
    _profile("model_interest", _I, "what the customer asked about", "model", _MODELS),
    _profile("budget_band", _I, "stated budget", "budget", _BUDGETS),
    _profile("purchase_window", _I, "when the customer wants to buy", "buying", _WINDOWS),
    _flag("trade_in", "has a car to trade in", "trade"),
    _flag("financing", "wants financing", "financing"),
    _flag("test_drive_requested", "asked for a test drive", "drive"),
    _count("web_7d", _B, "web", _levels(1, 3, 8), Count(_WEB, 7)),
    _count("app_7d", _B, "app", _levels(1, 3, 8), Count(_APP, 7)),
    _count("messages_in_7d", _B, "messages", _levels(1, 2, 4), Count(_MESSAGES_IN, 7)),
    _count("calls_30d", _B, "calls", _levels(1, 3, 6), Count(_CALLS, 30)),
    _count("talk_time_30d", _B, "minutes", _levels(1, 5, 15), TalkMinutes(_CALLS, 30)),
    _count("inbound_calls_30d", _B, "inbound", _levels(1, 2, 4), Count(_CALLS_IN, 30)),
    _count("visits_90d", _B, "visits", _levels(1, 2, 4), Count(_VISITS, 90)),
    _count("test_drives_90d", _B, "drives", _levels(1, 2, 3), Count(_TEST_DRIVES, 90)),
    _count("quotes_90d", _B, "quotes", _levels(1, 2, 3), Count(_QUOTES, 90)),
    Feature(
        "stage",
        _F,
        "funnel stage",
        _CATEGORY,
        "stage",
        _words(*(stage.value for stage in Stage)),
        CurrentStage(),
    ),
    Feature(
        "days_in_stage",
        _F,
        "since it entered the stage",
        _AGE,
        "since",
        AGES,
        Age(StageEntered(), AGE_DAYS),
    ),
    Feature(
        "days_since_first_contact",
        _F,
        "since the first contact",
        _AGE,
        "first",
        AGES,
        Age(FirstContact(), AGE_DAYS),
    ),
    Feature(
        "days_since_last_contact",
        _F,
        "since the last contact",
        _AGE,
        "last",
        AGES,
        Age(LastContact(), AGE_DAYS),
    ),
    Feature(
        "days_since_last_inbound",
        _F,
        "since the customer last came to us",
        _AGE,
        "inbound",
        AGES,
        Age(Last(_ANY_IN), AGE_DAYS),
    ),
    _count("followups_7d", _F, "followups", _levels(1, 3, 5), Count(_ANY_OUT, 7)),
    _count("unanswered_7d", _F, "unanswered", _levels(1, 2, 4), Count(_UNANSWERED, 7)),
)

INSTRUCTION = "Judge a car lead. Clicks, messages and followups count 7 days, calls 30, visits 90."
"""The prompt's first line, the same for every lead: what a reader cannot tell from the labels."""


def feature_vector(history: LeadHistory, as_of_ms: int) -> NDArray[np.float32]:
    """Returns the features of a lead as numbers: float32 (len(FEATURES),), NaN = unknown. Constant
    between two edges of the lead.

    >>> from schemas.events import InteractionLogged
    >>> from schemas.timestamps import DAY_MS, to_ms
    >>> from scoring.lead.fold import fold
    >>> from scoring.lead.history import history_of
    >>> visit = InteractionLogged(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1", channel="visit",
    ...     direction="inbound", occurred_at="2026-03-01T09:30:00Z",
    ... )
    >>> vector = feature_vector(history_of(fold([visit])), to_ms(visit.occurred_at) + 3 * DAY_MS)
    >>> numbers = dict(zip((feature.name for feature in FEATURES), vector.tolist()))
    >>> numbers["visits_90d"], numbers["days_since_last_inbound"], numbers["age_band"]
    (1.0, 2.0, nan)
    """
    return np.array(
        [encode(feature, feature.source.value(history, as_of_ms)) for feature in FEATURES],
        dtype=np.float32,
    )


def _features_id() -> str:
    declared = repr((SOURCES_VERSION, FEATURES))
    return blake2b(declared.encode(), digest_size=8).hexdigest()


FEATURES_ID = _features_id()

"""A world's file: who the customers of a business are, what they do and say, and what it is worth.

The simulator's code knows how leads behave in any business; a file in `worlds` says in which words
and with which effects. Each is the test bench of the domain pack of its name. A file of the same
name in `held_out` says all of it again in sentences that no model of ours has practised.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from schemas.events import Direction, Ending
from training.simulator.phrases import (
    Phrases,
    PhraseTable,
    RequiredValues,
    SmallWords,
    Stance,
    WorldPart,
    WrittenTalk,
)

WORLDS = Path(__file__).parent / "worlds"
HELD_OUT = Path(__file__).parent / "held_out"
STAGE = "stage"
"""Names the funnel's stage among the effects."""


class Wording(StrEnum):
    """Whose sentences are said: those of the world's file, which the demo's base and the tagger
    practise, or those of the file in `held_out`."""

    USUAL = "usual"
    HELD_OUT = "held-out"


class WorldFlag(WorldPart):
    """A yes or no of the customer's. Never yes where `unless` holds."""

    name: str
    chance: float
    unless: RequiredValues | None = None


class Request(WorldPart):
    """A yes or no that a keener customer says more often, at 1 / (1 + exp(threshold - slope ·
    intent))."""

    name: str
    threshold: float
    slope: float


class Comparison(WorldPart):
    """True where the level of `field` exceeds the limit that another field sets. Never reported."""

    name: str
    field: str
    levels: dict[str, int]
    exceeds: str
    limits: dict[str, int]


class WorldQueues(WorldPart):
    """Which team works a lead, by a profile field."""

    field: str
    teams: dict[str, str]
    otherwise: str


class Milestone(WorldPart):
    """A stage and the contact that leads to it: `threshold` for a customer of no particular intent
    before the scoring moment, `later_logit` after it. Far more leads move than order."""

    stage: str
    channel: str
    direction: Direction
    threshold: float
    later_logit: float


class End(WorldPart):
    stage: str
    reason: str


class Funnel(WorldPart):
    """`stages` ascend: the first is where a lead begins, the second what the first call makes of
    it. `lost_days`: when a lead says that it is lost, in days after the scoring moment."""

    stages: Annotated[tuple[str, ...], Field(min_length=2)]
    milestones: tuple[Milestone, ...]
    won: End
    lost: End
    lost_days: tuple[float, float]

    def ending_of(self, stage: str) -> Ending | None:
        return {self.won.stage: Ending.WON, self.lost.stage: Ending.LOST}.get(stage)


class Click(WorldPart):
    """What a customer does alone; `mean`: how often one of no particular intent does."""

    channel: str
    mean: float
    source: str


class Effect(WorldPart):
    """What the table adds to the true logit: by the value of a `field` (0 for a value that is not
    named), by intent, or by what holds."""

    field: str | None = None
    logits: dict[str, float] = Field(default={})
    intent: float = 0.0
    when: RequiredValues | None = None
    then: float = 0.0
    otherwise: float = 0.0


class Interaction(WorldPart):
    """What a stance adds only where something else is true."""

    topic: str
    when: RequiredValues
    logits: dict[Stance, float]


class Business(WorldPart):
    """A world's file. `fields`: profile field -> value -> relative share. `numbers`: fields of
    which the CRM reports a number, value -> its range. `late_fields` are asked for later;
    `falling_field` loses one band to rising prices, its values ascend."""

    name: str
    horizon_days: int
    base_logit: float
    mean_age_days: float
    fields: dict[str, dict[str, float]]
    numbers: dict[str, dict[str, tuple[int, int]]] = Field(default={})
    late_fields: tuple[str, ...] = ()
    falling_field: str | None = None
    queues: WorldQueues
    flags: tuple[WorldFlag, ...] = ()
    requests: tuple[Request, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    funnel: Funnel
    clicks: tuple[Click, ...]
    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...] = ()
    topics: Annotated[tuple[Phrases, ...], Field(min_length=1)]
    talk: SmallWords
    writing: WrittenTalk | None = None

    @cached_property
    def topic_names(self) -> tuple[str, ...]:
        return tuple(topic.name for topic in self.topics)

    @cached_property
    def phrases(self) -> Mapping[str, Phrases]:
        """The phrases of each topic, by its name."""
        return {topic.name: topic for topic in self.topics}

    @cached_property
    def tables(self) -> Mapping[str, tuple[tuple[str, ...], tuple[float, ...]]]:
        """Profile field -> (values, cumulative shares)."""
        return {
            name: (tuple(shares), tuple(accumulate(shares.values())))
            for name, shares in self.fields.items()
        }

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The words that a misheard word may become."""
        clauses = (
            line
            for topic in self.topics
            for lines in (topic.ask_pro, topic.ask_contra, *topic.clauses.values())
            for line in lines
        )
        talk = self.talk
        lines = (*clauses, *talk.yes, *talk.no, *talk.undecided, *talk.they)
        return tuple(sorted({word for line in lines for word in line.split()}))


def business_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in WORLDS.glob("*.toml")))


@cache
def read_business(name: str, wording: Wording = Wording.USUAL) -> Business:
    """The world's file of this name, one of `business_names`, in the sentences of `wording`."""
    world = _toml(WORLDS / f"{name}.toml")
    if wording is Wording.HELD_OUT:
        world = _said_otherwise(world, read_phrase_table(name))
    return Business.model_validate(world)


def read_phrase_table(name: str) -> PhraseTable:
    """The held-out sentences of the world of this name."""
    return PhraseTable.model_validate(_toml(HELD_OUT / f"{name}.toml"))


def _toml(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)


def _said_otherwise(world: dict[str, Any], table: PhraseTable) -> dict[str, Any]:
    """The world with all sentences of the table instead of its own, and everything else as it
    is."""
    lines = {topic.name: topic.model_dump() for topic in table.topics}
    topics = [{**topic, **lines[topic["name"]]} for topic in world["topics"]]
    otherwise = {**world, "topics": topics, "talk": table.talk.model_dump()}
    if table.writing is not None:
        otherwise["writing"] = {**world["writing"], **table.writing.model_dump()}
    return otherwise

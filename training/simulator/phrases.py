"""The form of what people say about each topic in a world's file; `talk` puts it together."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Lines = Annotated[tuple[str, ...], Field(min_length=1)]
RequiredValues = dict[str, tuple[str | bool, ...]]
"""Profile field, flag or comparison -> the values that it may have; all must hold."""


class Stance(StrEnum):
    """Where the customer stands on a topic when the last word on it is spoken."""

    PRO = "pro"
    OPEN = "open"
    CONTRA = "contra"


class WorldPart(BaseModel):
    """A part of a world's file. An unknown key is refused: it would silently do nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WeightWhen(WorldPart):
    weight: float
    when: RequiredValues


class Phrases(WorldPart):
    """One topic: how likely it is to come up, what each stance adds to the true logit (0 where none
    is said), and its phrases. `ask_pro` invites a yes from a customer who is pro, `ask_contra` from
    one who is contra. `notes` are the agent's."""

    name: str
    weight: float
    weight_when: WeightWhen | None = None
    logits: dict[Stance, float]
    ask_pro: Lines
    ask_contra: Lines
    clauses: dict[Stance, Lines]
    notes: dict[Stance, Lines]


class SmallWords(WorldPart):
    """What is said whatever the topic: short answers, what may stand around a clause, small talk as
    (agent, customer). `slang`: word -> the newer word that speech drifts to."""

    yes: Lines
    no: Lines
    undecided: Lines
    hedges: Lines
    denials: Lines
    turns: Lines
    they: Lines
    says: Lines
    and_so_do_i: Lines
    but_not_i: Lines
    but_unsure: Lines
    scorn: Lines
    greetings: tuple[tuple[str, str], ...]
    small_talk: tuple[tuple[str, str], ...]
    closings: tuple[tuple[str, str], ...]
    slang: dict[str, str]


class WrittenTalk(WorldPart):
    """Messages and e-mails with their text. `share`: of the topics, those that the customer writes
    about instead of speaking of them. `letters` hold `{}` for a clause; `fillers` say nothing of
    any topic; `sent` are the agent's."""

    share: float
    channels: Lines
    letters: Lines
    fillers: Lines
    sent: Lines


class TopicLines(WorldPart):
    """What is said of one topic, in other sentences: the fields are those of Phrases."""

    name: str
    ask_pro: Lines
    ask_contra: Lines
    clauses: dict[Stance, Lines]
    notes: dict[Stance, Lines]


class WrittenLines(WorldPart):
    """What is written, in other sentences: the fields are those of WrittenTalk."""

    letters: Lines
    fillers: Lines
    sent: Lines


class PhraseTable(WorldPart):
    """A second way to say all that a world's file has sentences for. `writing` where that has."""

    topics: tuple[TopicLines, ...]
    talk: SmallWords
    writing: WrittenLines | None = None

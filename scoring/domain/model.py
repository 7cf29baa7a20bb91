"""`domain.toml` as one frozen model: stages, channels, features, topics, the prompt's sentences.

Data only: no regular expressions, no code, every list bounded, since a domain travels in an
artifact and an artifact is input. What a domain means for a prompt is `scoring.prompt`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.events import Direction

MAX_FEATURES = 128
MAX_WORDS = 64
"""Of one feature: values of a category, bins of a number."""
MAX_STAGES = MAX_CHANNELS = 64
MAX_TOPICS = 26
"""A statement carries a letter for each."""
MAX_PHRASES = 2_000
"""Of one topic in one language."""
MAX_DAYS = 3_650

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
"""A stage or channel, as events name it."""
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f<>|#]{1,200}$")]
"""One line of a prompt or a reason, without the characters that the prompt's layout uses."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Phrase = Annotated[
    str, StringConstraints(pattern=r"^[^\W_#][^\x00-\x1f*]{0,59}\*?$|^# ?[^\W_]{1,20}\*?$")
]
"""Words in lower case. `*` at the end: any ending; `#` at the beginning: a number."""
Days = Annotated[int, Field(gt=0, le=MAX_DAYS)]
Bin = tuple[Annotated[int, Field(ge=0, le=1_000_000_000)], Line]
"""(lower bound, word)."""


class Section(StrEnum):
    """The prompt's sections, what rarely changes first."""

    PROFILE = "profile"
    INTENT = "intent"
    BEHAVIOUR = "behaviour"
    FOLLOW_UP = "followup"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class FunnelStage(Part):
    """`ends`: the lead is off the list from here on."""

    name: Word
    ends: Literal["won", "lost"] | None = None


class ContactChannel(Part):
    """`click`: interest, but nobody was in contact with anybody. `spoken`, `written`: a contact.
    `milestone`: a step a person remembers ("test drive", "demo held"). `said`: how a reason calls
    it; empty for the name."""

    name: Word
    kind: Literal["click", "spoken", "written", "milestone", "contact"]
    said: Line | None = None


class ProfileField(Part):
    """A profile field as text or, of a flag, as yes or no."""

    of: Literal["profile"]
    field: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class CurrentStageWord(Part):
    of: Literal["stage"]


class ContactFilter(Part):
    """Which contacts are meant; without `channels` or `direction`, any. `unanswered`: nobody
    spoke, as far as is known."""

    channels: tuple[Word, ...] | None = Field(default=None, max_length=MAX_CHANNELS)
    direction: Direction | None = None
    unanswered: bool = False


class ContactCount(ContactFilter):
    of: Literal["count"]
    window_days: Days


class ContactMinutes(ContactFilter):
    of: Literal["minutes"]
    window_days: Days


class AgeOf(ContactFilter):
    """Days since the stage was entered, the first or last contact, or the last of some contacts."""

    of: Literal["stage_entered", "first_contact", "last_contact", "last"]


Source = Annotated[
    ProfileField | CurrentStageWord | ContactCount | ContactMinutes | AgeOf,
    Field(discriminator="of"),
]


class DeclaredFeature(Part):
    """`wording`: its label in the prompt. `values` of a category: what the field may hold, each
    alone or with its word. `bins` of a number: (lower bound, word), ascending from 0; an age has
    the domain's `ages`."""

    name: Name
    section: Section
    meaning: Line
    kind: Literal["category", "flag", "number", "age"]
    wording: Line
    source: Source
    values: tuple[Line | tuple[Line, Line], ...] = Field(default=(), max_length=MAX_WORDS)
    bins: tuple[Bin, ...] = Field(default=(), max_length=MAX_WORDS)

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        ages = ("stage_entered", "first_contact", "last_contact", "last")
        allowed = {
            "category": ("profile", "stage"),
            "flag": ("profile",),
            "number": ("count", "minutes"),
            "age": ages,
        }[self.kind]
        if self.source.of not in allowed:
            raise ValueError(
                f"feature {self.name} is a {self.kind} of {self.source.of}; a {self.kind} is of "
                f"{' or '.join(allowed)}"
            )
        if self.kind == "category" and self.source.of == "profile" and not self.values:
            raise ValueError(f"feature {self.name} is a category without values; list them")
        if self.kind == "number":
            check_ascending(self.bins, f"bins of feature {self.name}")
        check_unique((_value(each) for each in self.values), f"value of feature {self.name}")
        return self


def _value(declared: str | tuple[str, str]) -> str:
    return declared if isinstance(declared, str) else declared[0]


class DomainTopic(Part):
    """What may decide a sale. `name`: as reasons call it. `phrases`: language -> words."""

    name: Line
    phrases: dict[Language, Annotated[tuple[Phrase, ...], Field(max_length=MAX_PHRASES)]] = Field(
        default={}, max_length=100
    )


class Domain(Part):
    """One business. `question` may hold `{horizon_days}`. `stages` in funnel order: its rungs."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    languages: tuple[Language, ...] = Field(max_length=100)
    instruction: Line
    question: Line
    horizon_days: Days
    stages: tuple[FunnelStage, ...] = Field(default=(), max_length=MAX_STAGES)
    channels: tuple[ContactChannel, ...] = Field(default=(), max_length=MAX_CHANNELS)
    ages: tuple[Bin, ...] = Field(max_length=MAX_WORDS)
    features: tuple[DeclaredFeature, ...] = Field(default=(), max_length=MAX_FEATURES)
    topics: tuple[DomainTopic, ...] = Field(default=(), max_length=MAX_TOPICS)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_ascending(self.ages, "ages")
        check_unique((stage.name for stage in self.stages), "stage")
        check_unique((channel.name for channel in self.channels), "channel")
        check_unique((feature.name for feature in self.features), "feature")
        check_unique((topic.name for topic in self.topics), "topic")
        known = {channel.name for channel in self.channels}
        for feature in self.features:
            named = getattr(feature.source, "channels", None) or ()
            for channel in named:
                if channel not in known:
                    raise ValueError(
                        f"feature {feature.name} counts channel {channel}, which is not among the "
                        "channels; add it there or mend the name"
                    )
        foreign = {lang for topic in self.topics for lang in topic.phrases} - set(self.languages)
        if foreign:
            raise ValueError(
                f"topics have phrases in {min(foreign)}, which is not among the languages; add it"
            )
        return self

    @property
    def asked(self) -> str:
        """The question with its horizon."""
        return self.question.replace("{horizon_days}", str(self.horizon_days))


def check_ascending(bins: Iterable[Bin], what: str) -> None:
    bounds = [bound for bound, _ in bins]
    if not bounds or bounds[0] != 0:
        raise ValueError(f"{what} do not begin at 0")
    for low, high in pairwise(bounds):
        if low >= high:
            raise ValueError(f"{what} are out of order: {high} comes after {low}")


def check_unique(names: Iterable[str], what: str) -> None:
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]} stands twice; remove or rename one")

"""`domain.toml` as one frozen model: stages, channels, features, topics, the prompt's sentences.

Data only: no regular expressions, no code, every list bounded, since a domain travels in an
artifact and an artifact is input. What a domain means for a prompt is `scoring.prompt`'s business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import Annotated, Literal, Self
from unicodedata import normalize

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from schemas.events import Direction, Word
from schemas.field_names import FieldName

MAX_FEATURES = 128
MAX_WORDS = 64
"""Of one feature: values of a category, bins of a number."""
MAX_STAGES = MAX_CHANNELS = 64
MAX_OWN_FIELDS = 32
"""More would not fit a prompt beside what was said."""
MAX_TOPICS = 26
"""A statement carries a letter for each."""
MAX_PHRASES = 2_000
"""Of one topic in one language."""
MAX_PHRASES_IN_ALL = 10_000
"""They are looked for at once: 40 MB and a fifth of a second to build for each language."""
MAX_DAYS = 3_650

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
DOMAIN_NAME_PATTERN = r"^[a-z][a-z0-9-]{0,63}$"
WORD_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
LINE_PATTERN = r"^[^\x00-\x1f\x7f-\x9f<>|#]{1,200}$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}$"
PHRASE_PATTERN = r"^[^\W_#][^\x00-\x1f\x7f-\x9f*#]{0,59}\*?$|^# ?[^\W_]{1,20}\*?$"  # `#`: a number


def _is_shown(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise PydanticCustomError("not_shown", "a person could not see all of it")
    return text


def _is_findable(phrase: str) -> str:
    if phrase != phrase.lower():
        raise PydanticCustomError("not_lower", "texts are read in lower case")
    if not (phrase[-1] == "*" or phrase[-1].isalnum()):
        raise PydanticCustomError("not_ended", "no word ends like this")
    return phrase


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
ProfileName = Annotated[FieldName, AfterValidator(partial(normalize, "NFC"))]
Line = Annotated[str, StringConstraints(pattern=LINE_PATTERN), AfterValidator(_is_shown)]
"""One line of a prompt or a reason, without the characters that the prompt's layout uses."""
Language = Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN)]
Phrase = Annotated[
    str,
    StringConstraints(pattern=PHRASE_PATTERN),
    AfterValidator(_is_shown),
    AfterValidator(_is_findable),
]
"""Words in lower case. `*` at the end: any ending; `#` at the beginning: a number."""
Days = Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]
Bin = tuple[Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)], Line]
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
    """`ends`: the funnel is over, won or lost. A lead leaves its list by what its event says
    (`StageChanged.ends`), since states know no domain."""

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
    """A profile field: as text, of a flag as yes or no, of a number as one. Most trades keep what
    matters most as a number (employees, area, budget, size of a gift), which no list of values
    can name."""

    of: Literal["profile"]
    field: ProfileName


class CurrentStageWord(Part):
    of: Literal["stage"]


class ContactFilter(Part):
    """Which contacts are meant; without `channels` or `direction`, any. `unanswered`: nobody
    spoke, as far as is known."""

    channels: tuple[Word, ...] | None = Field(default=None, max_length=MAX_CHANNELS)
    direction: Direction | None = None
    unanswered: Annotated[bool, Field(strict=True)] = False


class ContactCount(ContactFilter):
    of: Literal["count"]
    window_days: Days


class ContactMinutes(ContactFilter):
    of: Literal["minutes"]
    window_days: Days


class AgeOf(ContactFilter):
    """Days since the stage was entered, the first or last contact, or the last of some contacts
    (`last`: the only one that heeds channels, direction and `unanswered`)."""

    of: Literal["stage_entered", "first_contact", "last_contact", "last"]

    @property
    def has_unused_filter(self) -> bool:
        return self.of != "last" and (
            self.channels is not None or self.direction is not None or self.unanswered
        )


Source = Annotated[
    ProfileField | CurrentStageWord | ContactCount | ContactMinutes | AgeOf,
    Field(discriminator="of"),
]


class DeclaredFeature(Part):
    """`wording`: its label in the prompt. `values` of a category: what the field may hold, each
    alone or with its word. `bins` of a number: (lower bound, word), ascending from 0; an age has
    the domain's `ages`. Any other value of a category reads "other"."""

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
        allowed = SOURCES_OF[self.kind]
        if self.source.of not in allowed:
            raise ValueError(
                f"feature {self.name} is a {self.kind} of {self.source.of}; a {self.kind} is of "
                f"{' or '.join(allowed)}: change kind or source"
            )
        if isinstance(self.source, AgeOf) and self.source.has_unused_filter:
            raise ValueError(
                f"feature {self.name} is an age of {self.source.of}, which is of all contacts; "
                'say of = "last", or remove channels, direction and unanswered'
            )
        self._check_values()
        if self.kind == "number":
            check_ascending(self.bins, f"bins of feature {self.name}")
        elif self.bins:
            raise ValueError(
                f"feature {self.name} has bins, which only a number has; remove them, or say "
                'kind = "number" (an age has the domain\'s ages)'
            )
        return self

    def _check_values(self) -> None:
        is_listed = self.kind == "category" and self.source.of == "profile"
        if is_listed and not self.values:
            raise ValueError(f"feature {self.name} is a category without values; list them")
        if self.values and not is_listed:
            raise ValueError(
                f"feature {self.name} is a {self.kind} of {self.source.of}, and only a category of "
                "a profile field has values; remove them"
            )
        values = [_value(each) for each in self.values]
        for value, n in Counter(values).items():
            if n > 1:
                raise ValueError(
                    f'value "{value}" of feature {self.name} stands twice; remove one of the two'
                )
            if value != value.strip().lower():
                raise ValueError(
                    f'value "{value}" of feature {self.name} would never be found, since profile '
                    f'fields are read in lower case; write "{value.strip().lower()}"'
                )


AGES_OF = ("stage_entered", "first_contact", "last_contact", "last")
SOURCES_OF: dict[str, tuple[str, ...]] = {
    "category": ("profile", "stage"),
    "flag": ("profile",),
    "number": ("profile", "count", "minutes"),
    "age": AGES_OF,
}
"""Kind of a feature -> what it may be of."""


def _value(declared: str | tuple[str, str]) -> str:
    return declared if isinstance(declared, str) else declared[0]


class DomainTopic(Part):
    """What may decide a sale. `name`: as reasons call it. `phrases`: language -> words."""

    name: Line
    phrases: dict[Language, Annotated[tuple[Phrase, ...], Field(max_length=MAX_PHRASES)]] = Field(
        default={}, max_length=100
    )


class Domain(Part):
    """One business. `question` may hold `{horizon_days}`. `stages` in funnel order: its rungs.
    `own_fields`: which profile fields a prompt reads beside the features, what tells most first; a
    fit writes it."""

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
    own_fields: tuple[ProfileName, ...] = Field(default=(), max_length=MAX_OWN_FIELDS)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(mark in self.question.replace("{horizon_days}", "") for mark in "{}"):
            raise ValueError(
                "question holds { or }, which only {horizon_days} may; write it so, or leave it out"
            )
        check_ascending(self.ages, "ages")
        check_unique(self.languages, "language")
        self._check_ends()
        check_unique((stage.name for stage in self.stages), "stage")
        check_unique((channel.name for channel in self.channels), "channel")
        check_unique((feature.name for feature in self.features), "feature")
        check_unique((topic.name for topic in self.topics), "topic")
        check_unique(self.own_fields, "own field")
        self._check_channels()
        self._check_phrases()
        return self

    def _check_ends(self) -> None:
        won, lost = ({s.name for s in self.stages if s.ends == end} for end in ("won", "lost"))
        if won & lost:
            raise ValueError(f"stage {min(won & lost)} is both won and lost; remove one of the two")

    def _check_channels(self) -> None:
        known = {channel.name for channel in self.channels}
        for feature in self.features:
            for channel in getattr(feature.source, "channels", None) or ():
                if channel not in known:
                    raise ValueError(
                        f"feature {feature.name} counts channel {channel}, which is not among the "
                        "channels; add it there or mend the name"
                    )

    def _check_phrases(self) -> None:
        for topic in self.topics:
            for language in topic.phrases:
                if language not in self.languages:
                    raise ValueError(
                        f"topic {topic.name} has phrases in {language}, which is not among the "
                        "languages; add it there or remove them"
                    )
        n = sum(len(found) for topic in self.topics for found in topic.phrases.values())
        if n > MAX_PHRASES_IN_ALL:
            raise ValueError(
                f"the topics have {n:,} phrases in all, at most {MAX_PHRASES_IN_ALL:,}; keep those "
                "that decide a sale"
            )

    @property
    def asked(self) -> str:
        """The question with its horizon."""
        return self.question.replace("{horizon_days}", str(self.horizon_days))


def check_ascending(bins: Iterable[Bin], what: str) -> None:
    bounds = [bound for bound, _ in bins]
    if not bounds or bounds[0] != 0:
        raise ValueError(f"{what} do not begin at 0; put one there")
    for low, high in pairwise(bounds):
        if low >= high:
            raise ValueError(f"{what} are out of order: {high} comes after {low}; sort them")


def check_unique(names: Iterable[str], what: str) -> None:
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]} stands twice; remove or rename one")

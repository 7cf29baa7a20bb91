"""How an artifact's leads become prompts and tables: a renderer's version and a domain.

The code that renders is numbered. An artifact names its number and carries its domain, so that it
scores to the same bits in every later asllr: what a renderer writes never changes under its number
(golden prompts hold it), another text gets another number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b

from scoring.domain.model import Domain
from scoring.domain.phrases import phrasebook
from scoring.domain.reading import canonical_json, domain_digest, pack
from scoring.prompt.conversation import SummaryReader
from scoring.prompt.declaration import Feature
from scoring.prompt.from_domain import features_of
from scoring.prompt.sources import UNTIMED, FeatureSource
from scoring.prompt.undated_talk import UndatedTalkReader
from scoring.prompt.units import TalkReader
from scoring.prompt.whole_talk import WholeTalkReader

RENDERERS = (1, 2, 3)
"""The renderers that this build has. 1 reads of each call a summary by the phrases of `auto`, 2 all
that was said and written (`scoring.prompt.whole_talk`), 3 the same, and what changes with time
behind it (`scoring.prompt.undated_talk`)."""

UNDATED_TALK = 3

FIRST_PACK = "auto"
FIRST_DOMAIN = "719b1c83f29608255396cfc92bd10232"
FIRST_IDS = ("59abf2ab99499e18", "2655ac2142b8c4c1")
"""Artifacts from before domains name no renderer, carry no domain and have these ids of prompt and
features: renderer 1 with `auto` as it was then, of which FIRST_DOMAIN is the digest."""


class UnknownRenderer(ValueError):
    """A renderer that this build does not have; the message says which, and what to do."""


@dataclass(frozen=True)
class Rendering:
    """A renderer with a domain, and what follows from both. Raises UnknownRenderer."""

    version: int
    domain: Domain

    def __post_init__(self) -> None:
        if self.version not in RENDERERS:
            known = ", ".join(map(str, RENDERERS))
            raise UnknownRenderer(
                f"renderer {self.version} is unknown, this build has {known}; run the version of "
                "asllr that the artifact was made with, or a newer one"
            )

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """In the order of the table's columns and of the prompt's sections."""
        return features_of(self.domain)

    @cached_property
    def timed_sources(self) -> tuple[FeatureSource, ...]:
        """The features' sources that time alone may change, each once: several features share
        one."""
        sources = (feature.source for feature in self.features)
        return tuple(dict.fromkeys(each for each in sources if not isinstance(each, UNTIMED)))

    @cached_property
    def age_days(self) -> tuple[int, ...]:
        return tuple(bound for bound, _ in self.domain.ages)

    @cached_property
    def stage_names(self) -> frozenset[str]:
        return frozenset(stage.name for stage in self.domain.stages)

    @cached_property
    def late_stages(self) -> frozenset[str]:
        """The later half of the stages that do not end the funnel."""
        ladder = open_stages(self.domain)
        return frozenset(ladder[len(ladder) // 2 :])

    @cached_property
    def channel_kinds(self) -> dict[str, str]:
        return {channel.name: channel.kind for channel in self.domain.channels}

    @cached_property
    def channel_words(self) -> dict[str, str]:
        """How a reason calls a channel."""
        return {
            channel.name: channel.said or channel.name.replace("_", " ")
            for channel in self.domain.channels
        }

    @cached_property
    def reader(self) -> TalkReader:
        if self.version == 1:
            return SummaryReader(self.domain.ages)
        reader = UndatedTalkReader if self.undated_talk else WholeTalkReader
        return reader(phrasebook(self.domain), self.domain.ages, self.channel_words)

    def __reduce__(self) -> tuple[type[Rendering], tuple[int, Domain]]:
        """What follows stays here: a reader that has remembered something cannot be sent."""
        return Rendering, (self.version, self.domain)

    @property
    def undated_talk(self) -> bool:
        """Whether a conversation says behind it how long ago it was, and what happened lately."""
        return self.version >= UNDATED_TALK

    @property
    def own_fields(self) -> tuple[str, ...]:
        """The profile fields that a prompt reads beside the features, in its order. Renderer 1
        reads none."""
        return self.domain.own_fields if self.version > 1 else ()

    @property
    def question(self) -> str:
        return self.domain.asked

    @cached_property
    def prompt_id(self) -> str:
        """Names all that shapes a prompt."""
        return self._ids[0]

    @cached_property
    def features_id(self) -> str:
        """Names all that shapes the table."""
        return self._ids[1]

    @cached_property
    def _ids(self) -> tuple[str, str]:
        if (self.version, domain_digest(self.domain)) == (1, FIRST_DOMAIN):
            return FIRST_IDS
        of_table = self.domain.model_copy(update={"own_fields": ()})  # which shape the prompt alone
        return (
            self._id("prompt", canonical_json(self.domain)),
            self._id("features", canonical_json(of_table)),
        )

    def _id(self, of: str, said: str) -> str:
        return blake2b(f"{of} {self.version} {said}".encode(), digest_size=8).hexdigest()


def open_stages(domain: Domain) -> list[str]:
    """The stages that do not end the funnel, in its order."""
    return [stage.name for stage in domain.stages if stage.ends is None]


def newest_rendering(domain: Domain) -> Rendering:
    """That of an artifact which is trained now. `auto` as it ships stays with renderer 1: what is
    known of its models was measured on that."""
    first = domain_digest(domain) == FIRST_DOMAIN
    return first_rendering() if first else Rendering(RENDERERS[-1], domain)


def language_model_rendering(domain: Domain) -> Rendering:
    """That of a language model which is fitted now: it reads all that was said, in `auto`, too."""
    return Rendering(UNDATED_TALK, domain)


@cache
def first_rendering() -> Rendering:
    """That of artifacts which name none: renderer 1 with the pack `auto`."""
    return Rendering(1, pack(FIRST_PACK))

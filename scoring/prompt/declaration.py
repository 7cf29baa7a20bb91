"""How a feature is declared, and how its value becomes a number and words in the prompt.

Names no feature; a domain declares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scoring.domain.model import Section
from scoring.prompt.sources import MOST_NUMBER, FeatureSource, ProfileNumber, Raw

UNKNOWN = "unknown"
OTHER = "other"


class Kind(StrEnum):
    """The kinds of features."""

    CATEGORY = "category"
    """One of `bins`; the vector holds its index, `len(bins)` for any other value."""
    FLAG = "flag"
    NUMBER = "number"
    """Worded as the raw value and the word of its bin; the word of bin 0 stands alone."""
    AGE = "age"
    """Days, the lower bound of a bin; worded as the bin's word."""


Bins = tuple[tuple[str | int, str], ...]
"""CATEGORY: (value, word). NUMBER and AGE: (lower bound, word), ascending from 0."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: `source` gives its raw value, `kind` and `bins` say how it becomes a number and
    words, `wording` is its label in the prompt."""

    name: str
    section: Section
    meaning: str
    kind: Kind
    wording: str
    bins: Bins
    source: FeatureSource


def encode(feature: Feature, raw: Raw) -> float:
    """Returns the number of a raw value; NaN for unknown."""
    if raw is None:
        return float("nan")
    if feature.kind is Kind.CATEGORY:
        values = [value for value, _ in feature.bins]
        return float(values.index(str(raw)) if raw in values else len(values))
    return float(raw)


def words(feature: Feature, raw: Raw) -> str:
    """Returns the words for a raw value in the prompt. Never repeats text that a caller
    supplied."""
    if raw is None:
        return UNKNOWN
    match feature.kind:
        case Kind.CATEGORY:
            return next((word for value, word in feature.bins if value == raw), OTHER)
        case Kind.FLAG:
            return "yes" if raw else "no"
        case Kind.NUMBER | Kind.AGE:
            number = float(raw)
            word = [word for bound, word in feature.bins if int(bound) <= number][-1]
            alone = feature.kind is Kind.AGE or word == feature.bins[0][1]
            return word if alone else f"{int(number)} {word}"


def possible_words(feature: Feature) -> list[str]:
    """Returns all that `words` can return, with the longest number for all numbers: four digits
    of what is counted."""
    own = [word for _, word in feature.bins]
    match feature.kind:
        case Kind.CATEGORY:
            return [UNKNOWN, OTHER, *own]
        case Kind.FLAG:
            return [UNKNOWN, "yes", "no"]
        case Kind.NUMBER:
            most = MOST_NUMBER if isinstance(feature.source, ProfileNumber) else 9999
            return [UNKNOWN, own[0], *(f"{most} {word}" for word in own[1:])]
        case Kind.AGE:
            return [UNKNOWN, *own]

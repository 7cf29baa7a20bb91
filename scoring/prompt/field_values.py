"""Whether the values of profile fields are those that the features know.

A field may be named like a feature's and hold other values (`lead_source` with `Google`,
`Landing page`): a feature would read all of them as "other". Such a field is the user's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scoring.lead.history import history_of
from scoring.lead.state import PROFILE, LeadState, Patch, Value
from scoring.prompt.declaration import OTHER, Feature, Kind
from scoring.prompt.sources import CurrentStage, Flag, Profile, ProfileNumber

TOLD_FROM = 0.01
"""The share of a field's values that a feature does not know from which a person is told."""
MAX_SHOWN = 3
MAX_SHOWN_CHARS = 40

STAGE = "stage"
"""The register of the funnel stage."""


@dataclass(frozen=True, slots=True)
class UnknownValues:
    """Values of a profile field that its feature does not know: `n_unknown` of `n_values`, the
    commonest of them in `examples`, and what it does know in `known`."""

    field: str
    n_values: int
    n_unknown: int
    examples: tuple[str, ...]
    known: str

    @property
    def is_own(self) -> bool:
        """Whether the field is the user's own: most of its values are unknown."""
        return 2 * self.n_unknown > self.n_values

    @property
    def sentence(self) -> str:
        """Says so to a person, without naming the field."""
        then = "so it is a field of your own" if self.is_own else f'they read "{OTHER}"'
        return (
            f"{self.n_unknown:,} of {self.n_values:,} values ({', '.join(self.examples)}) are not "
            f"what the feature of this name knows ({self.known}); {then}"
        )


def features_by_field(features: Iterable[Feature]) -> dict[str, Feature]:
    """The first feature that reads a profile field, by the field's name."""
    found: dict[str, Feature] = {}
    for feature in features:
        if isinstance(feature.source, Profile | Flag | ProfileNumber):
            found.setdefault(feature.source.field, feature)
    return found


def unknown_values(feature: Feature, values: Iterable[Value]) -> UnknownValues | None:
    """What of a field's `values` (None = not told) its `feature` does not know; None where that is
    too little to tell.

    >>> from scoring.prompt.rendering import first_rendering
    >>> feature = features_by_field(first_rendering().features)["lead_source"]
    >>> found = unknown_values(feature, ["Google", "website", "Google", None])
    >>> found.n_unknown, found.n_values, found.is_own
    (2, 3, True)
    """
    counts = Counter((type(value), value) for value in values if value is not None)
    unknown = Counter(
        {value: n for (_, value), n in counts.items() if not is_known(feature, value)}
    )
    n_values, n_unknown = counts.total(), unknown.total()
    if n_unknown == 0 or n_unknown < TOLD_FROM * n_values:
        return None
    return UnknownValues(
        field=(register_of(feature) or "").removeprefix(PROFILE),
        n_values=n_values,
        n_unknown=n_unknown,
        examples=tuple(_shown(value) for value, _ in unknown.most_common(MAX_SHOWN)),
        known=_known(feature),
    )


def register_of(feature: Feature) -> str | None:
    """The register that a feature reads alone: of a profile field, or of the stage."""
    match feature.source:
        case Profile() | Flag() | ProfileNumber():
            return f"{PROFILE}{feature.source.field}"
        case CurrentStage():
            return STAGE
    return None


def is_known(feature: Feature, value: Value) -> bool:
    """Whether the feature reads `value`, of its register, as something it has a word for. "other"
    is meant so."""
    register = register_of(feature)
    if register is None:
        raise ValueError(f"feature {feature.name} reads no single field; name one that does")
    state = LeadState(registers=(Patch(0, "", {register: value}),))
    raw = feature.source.value(history_of(state), 0)
    if feature.kind is not Kind.CATEGORY:
        return raw is not None
    return raw in (OTHER, *(known for known, _ in feature.bins))


def _known(feature: Feature) -> str:
    match feature.kind:
        case Kind.CATEGORY:
            shown = [str(value) for value, _ in feature.bins[:MAX_SHOWN]]
            more = len(feature.bins) - MAX_SHOWN
            return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
        case Kind.FLAG:
            return "true and false"
        case _:
            return "numbers from 0"


def _shown(value: Value) -> str:
    text = str(value)
    return repr(text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…")

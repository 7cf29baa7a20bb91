"""A domain's declared features as the renderer computes and words them."""

from __future__ import annotations

from typing import assert_never

from scoring.domain.model import (
    AgeOf,
    ContactCount,
    ContactFilter,
    ContactMinutes,
    CurrentStageWord,
    DeclaredFeature,
    Domain,
    ProfileField,
)
from scoring.prompt.declaration import Bins, Feature, Kind
from scoring.prompt.sources import (
    Age,
    Contacts,
    Count,
    CurrentStage,
    FeatureSource,
    FirstContact,
    Flag,
    Last,
    LastContact,
    Moment,
    Profile,
    ProfileNumber,
    StageEntered,
    TalkMinutes,
)


def features_of(domain: Domain) -> tuple[Feature, ...]:
    """In the declared order, which is that of the vector and of the prompt's sections."""
    return tuple(
        Feature(
            name=declared.name,
            section=declared.section,
            meaning=declared.meaning,
            kind=Kind(declared.kind),
            wording=declared.wording,
            bins=_bins(declared, domain),
            source=_source(declared, domain),
        )
        for declared in domain.features
    )


def _bins(declared: DeclaredFeature, domain: Domain) -> Bins:
    match declared.kind:
        case "age":
            return domain.ages
        case "number":
            return declared.bins
        case "flag":
            return ()
        case "category":
            if isinstance(declared.source, CurrentStageWord):
                return tuple((stage.name, _plain(stage.name)) for stage in domain.stages)
            return tuple(
                (value, _plain(value)) if isinstance(value, str) else value
                for value in declared.values
            )
    assert_never(declared.kind)


def _plain(value: str) -> str:
    return value.replace("_", " ")


def _source(declared: DeclaredFeature, domain: Domain) -> FeatureSource:
    source = declared.source
    match source:
        case ProfileField():
            return _profile_source(declared.kind, source.field)
        case CurrentStageWord():
            return CurrentStage()
        case ContactCount():
            return Count(_contacts(source), source.window_days)
        case ContactMinutes():
            return TalkMinutes(_contacts(source), source.window_days)
        case AgeOf():
            return Age(_moment(source), tuple(bound for bound, _ in domain.ages))
    assert_never(source)


def _profile_source(kind: str, field: str) -> FeatureSource:
    match kind:
        case "flag":
            return Flag(field)
        case "number":
            return ProfileNumber(field)
    return Profile(field)


def _contacts(source: ContactFilter) -> Contacts:
    return Contacts(source.channels, source.direction, source.unanswered)


def _moment(source: AgeOf) -> Moment:
    match source.of:
        case "stage_entered":
            return StageEntered()
        case "first_contact":
            return FirstContact()
        case "last_contact":
            return LastContact()
        case "last":
            return Last(_contacts(source))
    assert_never(source.of)

"""A domain as a person reads it: stages, channels, features with their sources, topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from scoring.domain.model import (
    AgeOf,
    Bin,
    ContactCount,
    ContactFilter,
    ContactMinutes,
    CurrentStageWord,
    DeclaredFeature,
    Domain,
    ProfileField,
    Section,
)

MAX_LISTED = 12
"""Values of a category that a line names."""


def counts_of(domain: Domain) -> str:
    n_phrases = sum(len(found) for topic in domain.topics for found in topic.phrases.values())
    counts = {
        "stage": len(domain.stages),
        "channel": len(domain.channels),
        "feature": len(domain.features),
        "topic": len(domain.topics),
        "phrase": n_phrases,
    }
    return ", ".join(f"{n:,} {name}{'' if n == 1 else 's'}" for name, n in counts.items())


def domain_text(domain: Domain) -> str:
    return "\n".join(_lines(domain))


def _lines(domain: Domain) -> Iterator[str]:
    yield f"{domain.name}: {counts_of(domain)}; languages {', '.join(domain.languages)}"
    yield f"  says  {domain.instruction}"
    yield f"  asks  {domain.asked}"
    yield f"  ages  {', '.join(word for _, word in domain.ages)}"
    yield from _table("stages, by rung", _stages(domain), 'none declared: each reads "other"')
    yield from _table("channels", _channels(domain), "none declared")
    for section in Section:
        rows = [
            (one.name, f'"{one.wording}"', f"{source_words(one)}{_choices(one)}")
            for one in domain.features
            if one.section is section
        ]
        yield from _table(f"features: {section.value}", rows, "none")
    topics = (
        (topic.name, ", ".join(f"{len(found)} {lang}" for lang, found in topic.phrases.items()))
        for topic in domain.topics
    )
    yield from _table("topics, with their phrases", topics, "none")


def _table(heading: str, rows: Iterable[tuple[str, ...]], if_empty: str) -> Iterator[str]:
    listed = list(rows)
    yield ""
    yield heading
    if not listed:
        yield f"  {if_empty}"
        return
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for row in listed:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def _stages(domain: Domain) -> Iterator[tuple[str, ...]]:
    for rung, stage in enumerate(domain.stages):
        yield str(rung), stage.name, f"ends the funnel: {stage.ends}" if stage.ends else ""


def _channels(domain: Domain) -> Iterator[tuple[str, ...]]:
    for channel in domain.channels:
        yield channel.name, channel.kind, channel.said or ""


def source_words(feature: DeclaredFeature) -> str:
    """Where a feature's value comes from: `calls inbound, counted over 30 days`."""
    source = feature.source
    match source:
        case ProfileField():
            what = {"flag": "yes or no in", "number": "number in"}.get(feature.kind, "text of")
            return f"{what} profile field {source.field}"
        case CurrentStageWord():
            return "the current stage"
        case ContactCount():
            return f"contacts of the last {source.window_days} days{_which(source)}"
        case ContactMinutes():
            return f"minutes spoken in the last {source.window_days} days{_which(source)}"
        case AgeOf():
            since = {
                "stage_entered": "it entered its stage",
                "first_contact": "the first contact",
                "last_contact": "the last contact",
                "last": "the last contact",
            }[source.of]
            return f"time since {since}{_which(source)}"
    assert_never(source)


def _which(contacts: ContactFilter) -> str:
    words = list(contacts.channels or ())
    channels = f" by {' or '.join(words)}" if words else ""
    direction = f", {contacts.direction.value}" if contacts.direction else ""
    return f"{channels}{direction}{', unanswered' if contacts.unanswered else ''}"


def _choices(feature: DeclaredFeature) -> str:
    if feature.values:
        words = [each if isinstance(each, str) else each[0] for each in feature.values]
        more = len(words) - MAX_LISTED
        return f": {', '.join(words[:MAX_LISTED])}{f' and {more} more' if more > 0 else ''}"
    return f": {', '.join(map(_bin, feature.bins))}" if feature.bins else ""


def _bin(each: Bin) -> str:
    bound, word = each
    return f"{word} from {bound:,}"

"""Drafts a domain from a survey of events, with a remark on everything that was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from schemas.events import Ending
from schemas.field_names import field_id
from schemas.timestamps import DAY_MS
from scoring.domain.model import ContactChannel, DeclaredFeature, Domain, FunnelStage, Section
from scoring.domain.reading import pack, pack_names
from scoring.draft.fields import FieldDraft, draft_field, quarters
from scoring.draft.survey import ChannelUse, Survey

MAX_FIELD_FEATURES = 32
MAX_COUNTED_CHANNELS = 8
"""So that the longest record still fits a prompt; the packs have some 30 features."""
WINDOW_DAYS = 30
FOLLOWUP_DAYS = 7
LEVELS = ((0, "none"), (1, "low"), (3, "mid"), (6, "high"))
INSTRUCTION = f"Judge a lead. Contacts count {WINDOW_DAYS} days, followups {FOLLOWUP_DAYS}."


@dataclass(frozen=True, slots=True)
class Remarked:
    """A part of a draft and what was found of it; one line."""

    part: FunnelStage | ContactChannel | DeclaredFeature
    remark: str


@dataclass(frozen=True, slots=True)
class DomainDraft:
    """`left_out`: what is no part of the domain, and why, a line each."""

    domain: Domain
    like: str
    found: str
    stages: tuple[Remarked, ...]
    channels: tuple[Remarked, ...]
    features: tuple[Remarked, ...]
    left_out: tuple[str, ...]


def draft_domain(survey: Survey, name: str, like: Domain) -> DomainDraft:
    """A domain of what was found; the question, its horizon, ages and topics are those of
    `like`. Raises ValueError where `name` is not that of a domain."""
    stages = tuple(_stages(survey))
    channels = tuple(_channels(survey))
    most = max((found.n for found in survey.fields.values()), default=1)
    fields = [draft_field(name, found) for name, found in survey.fields.items()]
    fields.sort(key=lambda one: (-round(10 * one.n / most), one.name))
    chosen = [one for one in fields if one.feature][:MAX_FIELD_FEATURES]
    features = tuple(_named_apart([*_field_features(chosen), *_others(survey)]))
    domain = Domain(
        name=name,
        languages=like.languages,
        instruction=INSTRUCTION,
        question=like.question,
        horizon_days=like.horizon_days,
        ages=like.ages,
        topics=like.topics,
        stages=tuple(one.part for one in stages if isinstance(one.part, FunnelStage)),
        channels=tuple(one.part for one in channels if isinstance(one.part, ContactChannel)),
        features=tuple(one.part for one in features if isinstance(one.part, DeclaredFeature)),
    )
    found = f"{survey.n_events:,} events of {len(survey.leads):,} leads"
    left_out = (*_fields_left_out(survey, fields, chosen), *_words_left_out(survey, like))
    return DomainDraft(domain, like.name, found, stages, channels, features, left_out)


def _stages(survey: Survey) -> Iterator[Remarked]:
    for stage in survey.stages_in_order():
        endings, ending = survey.endings[stage], survey.ending(stage)
        others = [
            f"{n:,} of them {end.value if end else 'without an end'}"
            for end, n in endings.items()
            if end is not ending
        ]
        remark = ", ".join([f"{endings.total():,} times", *sorted(others)])
        yield Remarked(FunnelStage(name=stage, ends=ending.value if ending else None), remark)


def _channels(survey: Survey) -> Iterator[Remarked]:
    known = {
        channel.name: channel for name in reversed(pack_names()) for channel in pack(name).channels
    }
    for name, use in _by_use(survey):
        channel = known.get(name) or ContactChannel(name=name, kind=_kind(use))
        remark = f"{use.n:,} contacts, {use.n_inbound:,} in, {use.n_outbound:,} out"
        if name not in known:
            remark += '; kind by durations and texts: say "click" or "milestone" if it is one'
        yield Remarked(channel, remark)


def _by_use(survey: Survey) -> list[tuple[str, ChannelUse]]:
    """The channels, the busiest first."""
    return sorted(survey.channels.items(), key=lambda item: (-item[1].n, item[0]))


def _kind(use: ChannelUse) -> Literal["spoken", "written", "contact"]:
    if 2 * use.n_spoken > use.n:
        return "spoken"
    return "written" if 2 * use.n_written > use.n else "contact"


def _field_features(chosen: list[FieldDraft]) -> Iterator[Remarked]:
    for one in chosen:
        if one.feature is not None:
            yield Remarked(one.feature, one.remark)


def _others(survey: Survey) -> Iterator[Remarked]:
    """The features of contacts, of the stage and of time."""
    for channel, use in _by_use(survey)[:MAX_COUNTED_CHANNELS]:
        counts = survey.counts_within(channel, WINDOW_DAYS * DAY_MS)
        said = f"{len(counts):,} leads have some"
        yield _counted(channel, None, counts, said)
        if use.n_inbound and use.n_outbound:
            yield _counted(channel, "inbound", counts, said)
    if survey.endings:
        yield Remarked(_feature("stage", "category", "stage", {"of": "stage"}), "the stages above")
        yield _age("days_in_stage", "since", {"of": "stage_entered"})
    if survey.channels:
        yield _age("days_since_first_contact", "first", {"of": "first_contact"})
        yield _age("days_since_last_contact", "last", {"of": "last_contact"})
    if any(use.n_inbound for use in survey.channels.values()):
        yield _age("days_since_last_inbound", "inbound", {"of": "last", "direction": "inbound"})
    if any(use.n_outbound for use in survey.channels.values()):
        source = {"of": "count", "direction": "outbound", "window_days": FOLLOWUP_DAYS}
        name = f"followups_{FOLLOWUP_DAYS}d"
        followups = _feature(name, "number", "followups", source, bins=LEVELS)
        yield Remarked(followups, f"our contacts of {FOLLOWUP_DAYS} days")


def _counted(channel: str, direction: str | None, counts: list[int], said: str) -> Remarked:
    words = (channel.replace("_", " ").strip() or channel) + (" in" if direction else "")
    source = {"of": "count", "channels": [channel], "window_days": WINDOW_DAYS}
    if direction:
        source["direction"] = direction
    bins = ((0, "none"), *_levels(counts))
    name = field_id(f"{channel}{'_in' if direction else ''}_{WINDOW_DAYS}d"[:64])
    return Remarked(_feature(name, "number", words, source, bins=bins), said)


def _levels(counts: list[int]) -> list[tuple[int, str]]:
    """The words of the numbers from 1 on, by the quarters of those found."""
    bounds = [1, *(bound for bound in quarters(counts) if bound > 1)]
    words = {1: ("some",), 2: ("low", "high"), 3: ("low", "mid", "high")}
    words[4] = ("low", "mid", "high", "top")
    return list(zip(bounds, words[len(bounds)], strict=True))


def _age(name: str, wording: str, source: dict[str, object]) -> Remarked:
    return Remarked(_feature(name, "age", wording, source), "worded by the ages above")


def _feature(
    name: str, kind: str, wording: str, source: dict[str, object], **said: object
) -> DeclaredFeature:
    is_count = source["of"] == "count" and source.get("direction") != "outbound"
    return DeclaredFeature.model_validate(
        {
            "name": name,
            "section": Section.BEHAVIOUR if is_count else Section.FOLLOW_UP,
            "meaning": name.replace("_", " "),
            "kind": kind,
            "wording": wording,
            "source": source,
            **said,
        }
    )


def _named_apart(features: list[Remarked]) -> Iterator[Remarked]:
    """Without two of one name: a profile field may be called `web_30d`."""
    taken: set[str] = set()
    for one in features:
        name = one.part.name
        for n in range(2, len(features) + 2):
            if name not in taken:
                break
            name = f"{one.part.name[:60]}_{n}"
        taken.add(name)
        yield Remarked(one.part.model_copy(update={"name": name}), one.remark)


def _fields_left_out(
    survey: Survey, fields: list[FieldDraft], chosen: list[FieldDraft]
) -> Iterator[str]:
    for one in fields:
        if one.feature is None:
            yield f"field {one.name}: {one.remark}"
        elif one not in chosen:
            yield f"field {one.name}: {one.n:,} values; {len(chosen)} fields are features already"
    if survey.n_more_fields:
        yield (
            f"fields beyond the first {len(survey.fields):,}, told {survey.n_more_fields:,} times: "
            "does a source invent names?"
        )


def _words_left_out(survey: Survey, like: Domain) -> Iterator[str]:
    for n, what, seen in (
        (survey.n_more_stages, "stages", survey.endings),
        (survey.n_more_channels, "channels", survey.channels),
    ):
        if n:
            yield f"{what} beyond the first {len(seen)}, told {n:,} times"
    for channel, use in _by_use(survey)[MAX_COUNTED_CHANNELS:]:
        yield f"count of {channel}: {use.n:,} contacts, fewer than on those that are counted"
    for language, n in survey.languages.most_common():
        if language not in like.languages and language != "und":
            yield f"language {language}: {n:,} transcripts, and {like.name} has no phrases for it"
    ended = [stage for stage in survey.endings if survey.ending(stage)]
    if not any(survey.ending(stage) is Ending.WON for stage in ended):
        yield 'a stage that ends the funnel as won: no event says so; add ends = "won" to yours'

"""Why a lead has this very score: the few things without which it would be another.

Each thing that the scorer may have read is left out, one at a time, and the score is taken again
(occlusion: M. D. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks,
arXiv 1311.2901, 2013, section 4.2). What is named is what was left out, and its size is what the
score lost by it. Sizes do not add up, for the reason that `scoring.explain.occlusion` gives.

Speaks in the words of the domain and of asllr, and names own fields as the artifact does; repeats
nothing that anybody said or that a field holds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from schemas.outputs import ReasonKind, Score
from schemas.timestamps import from_ms
from scoring.columns.own_fields import OwnFields
from scoring.domain.model import Section
from scoring.explain.removal import Removal, of_own_fields, of_section, without
from scoring.explain.whatif import probabilities
from scoring.lead.history import LeadHistory, Said, all_said
from scoring.lead.talk import one_line
from scoring.prompt.declaration import Feature, Kind, words
from scoring.prompt.own_fields import HEADING, own_lines
from scoring.prompt.reason import MAX_TOPICS, reason
from scoring.prompt.rendering import Rendering
from scoring.prompt.sources import Count, Profile, ProfileNumber, Raw, TalkMinutes
from scoring.prompt.sources import Flag as FlagField
from scoring.prompt.units import fence
from scoring.prompt.whole_talk import CALL, CONTACT, NOTE
from scoring.score import Scorer, Subject

MAX_CLAUSES = 3
"""A rep reads a reason in seconds."""

MAX_PIECES = 256
"""How many things are left out in turn, since each costs a score. All that a language model may
read is fewer: 30 things said, 128 features, 32 own fields and the wholes; beyond it are the last
columns."""

MIN_EFFECT = 1e-6
"""Less would be printed as nothing."""

MIN_SHARE = 0.05
"""Of the greater of the scores with and without: less moves no lead far."""

MAX_NAME = 40
"""Characters of an own field's name that are shown."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

ALL_SAID = "all that was said and written"


@dataclass(frozen=True, slots=True)
class NamedEffect:
    """One thing that a score owes something to. `probability`: without it; `effect`: the score less
    that."""

    words: str
    removal: Removal
    probability: float
    effect: float

    @property
    def clause(self) -> str:
        """`call of 3 Mar 2026 (price) +6.0 points`."""
        return f"{self.words} {_points(self.effect)}"

    @property
    def is_notable(self) -> bool:
        greater = max(self.probability, self.probability + self.effect)
        return abs(self.effect) >= max(MIN_EFFECT, MIN_SHARE * greater)


@dataclass(frozen=True, slots=True)
class ToldReason:
    """`moved_by`: what `text` names, largest first; empty for a recent one."""

    kind: ReasonKind
    text: str
    moved_by: tuple[NamedEffect, ...] = ()


def faithful_reason(history: LeadHistory, as_of_ms: int, scorer: Scorer) -> ToldReason:
    """The reason of the score at `as_of_ms`; the recent one where nothing alone moves it. Costs one
    score more than there are `things_left_out`. Raises `Unscorable`."""
    removals = things_left_out(history, as_of_ms, scorer)
    wholes = _wholes(history, scorer.rendering)
    read = scorer.read(history, as_of_ms)
    inputs = [read, *(without(history, as_of_ms, scorer, one) for one in removals.values())]
    score, *others = probabilities(scorer, inputs)
    notable = [
        effect
        for (words, removal), probability in zip(removals.items(), others, strict=True)
        if (effect := NamedEffect(words, removal, probability, score - probability)).is_notable
    ]
    moved_by = sorted(
        (one for one in notable if not _is_said_closer(one, wholes, notable)),
        key=lambda one: (-abs(one.effect), one.words),
    )[:MAX_CLAUSES]
    if not moved_by:
        return ToldReason(ReasonKind.RECENT, reason(history, as_of_ms, scorer.rendering))
    text = ", ".join(one.clause for one in moved_by)
    return ToldReason(ReasonKind.FAITHFUL, text, tuple(moved_by))


def explained(score: Score, subject: Subject, scorer: Scorer) -> Score:
    """The same score with its faithful reason, or as it is where nothing alone moves it. Live,
    replay, the oracle and `asllr explain` agree: all ask `faithful_reason`. Raises `Unscorable`."""
    told = faithful_reason(subject.history, subject.as_of_ms, scorer)
    return score.model_copy(update={"reason": told.text, "reason_kind": told.kind})


def told_as(kind: ReasonKind, score: Score, subject: Subject, scorer: Scorer) -> Score:
    """A score computed again, with the kind of reason that it was published with: which leads stood
    at the top of a board then is no part of what a score is computed from. Raises `Unscorable`."""
    return explained(score, subject, scorer) if kind is ReasonKind.FAITHFUL else score


def things_left_out(history: LeadHistory, as_of_ms: int, scorer: Scorer) -> dict[str, Removal]:
    """What is left out in turn, at most MAX_PIECES things, by the words that name it."""
    named = _named(_parts(history, as_of_ms, scorer))
    return dict(islice((_wholes(history, scorer.rendering) | named).items(), MAX_PIECES))


def _is_said_closer(
    whole: NamedEffect, wholes: Mapping[str, Removal], notable: Iterable[NamedEffect]
) -> bool:
    """Whether this is a whole of which a part can be named."""
    return whole.words in wholes and any(
        one.words not in wholes and one.removal <= whole.removal for one in notable
    )


def _wholes(history: LeadHistory, rendering: Rendering) -> dict[str, Removal]:
    """What may matter together where no part of it does alone: calls that say the same, counts of
    the same contacts."""
    sections = {
        f"{section.value} as a whole": of_section(section, rendering) for section in Section
    }
    if rendering.own_fields:
        sections[f"{HEADING} as a whole"] = of_own_fields(rendering)
    return sections | {ALL_SAID: Removal(said=all_said(history))}


def _named(parts: Iterable[tuple[str, Removal]]) -> dict[str, Removal]:
    """Things of the same words are left out together, so that words name one removal."""
    named: dict[str, Removal] = {}
    counts = Counter[str]()
    for words_, removal in parts:
        named[words_] = named.get(words_, Removal()) | removal
        counts[words_] += 1
    return {
        words_ if counts[words_] == 1 else f"{words_}, {counts[words_]} of them": removal
        for words_, removal in named.items()
    }


def _parts(history: LeadHistory, as_of_ms: int, scorer: Scorer) -> Iterator[tuple[str, Removal]]:
    """Each thing that can be named, in words, and what hides it."""
    said = sorted(_said(history, scorer.rendering), key=lambda one: one[0], reverse=True)
    for at_ms, what, topics, name in said:
        about = f" ({' and '.join(topics[:MAX_TOPICS])})" if topics else ""
        yield f"{what} of {_day(at_ms)}{about}", Removal(said=frozenset({name}))
    own = dict.fromkeys(_own_parts(scorer.columns.own, history, as_of_ms))
    own |= dict.fromkeys(own_lines(history, as_of_ms, scorer.rendering))
    for feature in scorer.rendering.features:
        raw = feature.source.value(history, as_of_ms)
        if raw is not None:
            fields = frozenset({_field(feature)} & own.keys())
            own = {field: None for field in own if field not in fields}
            yield _feature_words(feature, raw), Removal(frozenset({feature.name}), columns=fields)
    for field in own:
        yield _own_words(field), Removal(columns=frozenset({field}))


def _said(history: LeadHistory, rendering: Rendering) -> Iterator[tuple[int, str, list[str], Said]]:
    """When it was said or written, what it is, the customer's topics in it, and its name."""
    topics = rendering.reader.customer_topics(history)
    for call, spoken in zip(history.calls, topics, strict=True):
        yield call.started_ms, CALL, spoken, Said("call", call.call_id)
    for writing in history.writings:
        if writing.text is not None:
            channel = rendering.channel_words.get(writing.channel, CONTACT)
            written = rendering.reader.writing_topics(writing)
            yield writing.at_ms, channel, written, Said("text", writing.stamp)
        if writing.note is not None:
            yield writing.at_ms, NOTE, [], Said("note", writing.stamp)


def _own_parts(own: OwnFields, history: LeadHistory, as_of_ms: int) -> Iterator[str]:
    """The fields that have a value and the codes that were noted."""
    first_code = len(own.part_names) - len(own.codes)
    numbers = own.numbers(history.state, as_of_ms)
    for at, (part, number) in enumerate(zip(own.part_names, numbers, strict=True)):
        if number > 0 or (at < first_code and not math.isnan(number)):
            yield part


def _day(at_ms: int) -> str:
    """A day in UTC. No age: a score stands until something changes it, and "yesterday" would not be
    true as long."""
    at = from_ms(at_ms)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def _own_words(name: str) -> str:
    """How an own field or code is named: in quotes, so that a producer's words are not taken for
    ours."""
    named = fence(one_line(name)).replace('"', "'")
    return f'field "{named[:MAX_NAME]}{"…" if len(named) > MAX_NAME else ""}"'


def _points(effect: float) -> str:
    """In points of a percent, with a decimal or as many as show something."""
    points = effect * 100
    decimals = next((n for n in range(1, 4) if abs(points) >= 10**-n), 4)
    return f"{points:+.{decimals}f} points"


def _field(feature: Feature) -> str:
    """The profile field that a feature reads: an artifact may read it as its own as well."""
    source = feature.source
    return source.field if isinstance(source, Profile | FlagField | ProfileNumber) else ""


def _feature_words(feature: Feature, raw: Raw) -> str:
    source = feature.source
    if isinstance(source, Count | TalkMinutes):
        what = feature.wording if isinstance(source, Count) else "minutes spoken"
        return f"{int(float(raw or 0)) or 'no'} {what} in {source.window_days} days"
    if feature.kind is Kind.NUMBER:  # of a profile field, whose content is not repeated
        number = float(raw or 0)
        word = [word for bound, word in feature.bins if int(bound) <= number][-1]
        return f"{feature.meaning}: {word}"
    return f"{feature.meaning}: {words(feature, raw)}"

"""The held-out sentences: none that anybody practised, some for everything, and the same lives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from schemas import codec
from schemas.events import EventBase
from training.simulator.business import (
    HELD_OUT,
    Business,
    Wording,
    business_names,
    read_business,
    read_phrase_table,
)
from training.simulator.emit import EPOCH, simulate_leads
from training.simulator.live import live_events
from training.simulator.world import World

NAMES = business_names()

_SMALL = """
a an the and or but if as than that this there here it its it's is isn't are was were be been am do
does did have has haven't hasn't had of to in on at by for from with up out off over about so too
not no nor i i'm i've i'd i'll me my mine we we're we've we'd we'll our ours us you your yours
you're you've he his her she they they're they've who what which how when where can can't could
couldn't would wouldn't will won't shall should may must might let let's more some any all one only
just own nobody else then now again get got go going come comes make made take say says said put
never
"""
FUNCTION_WORDS = frozenset(_SMALL.split())
"""Words that every English sentence is made of, whatever it is about."""

SHARES_A_WORD = {
    "too true",
    "which is how I see it too",
    "which I can't make up my mind about",
    "oh there you are",
    "like a skating rink",
    "sales desk here am I speaking to the right person",
}
"""Short answers and small talk, which are of no topic."""

Sentence = str | tuple[str, str]
"""A sentence, or an agent's and its answer."""


def _choices(part: Any) -> Iterator[tuple[Sentence, ...]]:
    """Every list of sentences among which the simulator chooses, in the order of the file's form.
    `part`: plain data."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key not in {"channels", "weight_when", "logits"}:
                yield from _choices(value)
    elif isinstance(part, tuple):
        if part and isinstance(part[0], dict):
            for each in part:
                yield from _choices(each)
        elif part:
            yield part


def _said(*parts: BaseModel | None) -> list[tuple[Sentence, ...]]:
    return [each for part in parts if part is not None for each in _choices(part.model_dump())]


def _of(business: Business) -> list[tuple[Sentence, ...]]:
    return _said(*business.topics, business.talk, business.writing)


def _sentences(choices: list[tuple[Sentence, ...]]) -> list[str]:
    both = (each for choice in choices for each in choice)
    return [text for each in both for text in ([each] if isinstance(each, str) else each)]


def _content(sentences: list[str]) -> set[str]:
    words = (word for each in sentences for word in re.findall(r"[a-z']+", each.lower()))
    return set(words) - FUNCTION_WORDS


@pytest.mark.parametrize("name", NAMES)
def test_no_held_out_sentence_is_one_that_was_practised(name: str) -> None:
    usual, other = (_sentences(_of(read_business(name, wording))) for wording in Wording)
    assert not set(usual) & set(other)


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_is_spoken_of_in_none_of_its_usual_words(name: str) -> None:
    """Or a model would know the sentence by a word, and need not understand it."""
    usual, other = (read_business(name, wording) for wording in Wording)
    for topic in usual.topic_names:
        known = _content(_sentences(_said(usual.phrases[topic])))
        for sentence in _sentences(_said(other.phrases[topic])):
            assert not _content([sentence]) & known, (topic, sentence)
    known = _content(_sentences(_said(usual.talk)))
    talk = _sentences(_said(other.talk))
    assert {each for each in talk if _content([each]) & known} <= SHARES_A_WORD


@pytest.mark.parametrize("name", NAMES)
def test_there_are_as_many_sentences_for_everything_with_the_same_slots(name: str) -> None:
    usual, other = (_of(read_business(name, wording)) for wording in Wording)
    assert len(usual) > 60
    for theirs, ours in zip(usual, other, strict=True):
        assert len(theirs) <= len(ours), ours
        assert len(ours) == len(set(map(str, ours))), ours
        assert {str(each).count("{}") for each in ours} == {
            str(each).count("{}") for each in theirs
        }


@pytest.mark.parametrize("name", NAMES)
def test_only_sentences_differ(name: str) -> None:
    """Weights, effects and funnel are the world's, whoever speaks."""
    usual, other = (read_business(name, wording) for wording in Wording)
    for field in Business.model_fields:
        if field not in {"topics", "talk", "writing"}:
            assert getattr(usual, field) == getattr(other, field), field
    for theirs, ours in zip(usual.topics, other.topics, strict=True):
        for field in ("name", "weight", "weight_when", "logits"):
            assert getattr(theirs, field) == getattr(ours, field), theirs.name
    assert (usual.writing is None) == (read_phrase_table(name).writing is None)
    if usual.writing is not None and other.writing is not None:
        assert (usual.writing.share, usual.writing.channels) == (
            other.writing.share,
            other.writing.channels,
        )


@pytest.mark.parametrize("seed", [5, 6])
@pytest.mark.parametrize("name", NAMES)
def test_the_world_of_a_seed_is_the_same_whoever_speaks(name: str, seed: int) -> None:
    usual, other = (
        simulate_leads(seed, 150, world=World(name, wording=wording)) for wording in Wording
    )
    n_other_words = 0
    for theirs, ours in zip(usual, other, strict=True):
        assert (theirs.person, theirs.as_of, theirs.moments) == (
            ours.person,
            ours.as_of,
            ours.moments,
        )
        assert (theirs.stances, theirs.probability, theirs.ordered) == (
            ours.stances,
            ours.probability,
            ours.ordered,
        )
        for call, same in zip(theirs.calls, ours.calls, strict=True):
            assert (call.stances, call.codes, call.started_at) == (
                same.stances,
                same.codes,
                same.started_at,
            )
            assert [(line.role, line.topic, line.stance, line.end_s) for line in call.lines] == [
                (line.role, line.topic, line.stance, line.end_s) for line in same.lines
            ]
        for event, same_event in zip(theirs.events, ours.events, strict=True):
            n_other_words += codec.encode(event) != codec.encode(same_event)
            assert _without_words(event) == _without_words(same_event)
    assert n_other_words > 150


def _without_words(event: EventBase) -> dict[str, Any]:
    kept: dict[str, Any] = event.model_dump(exclude={"segments", "text", "note"})
    return kept


def test_the_stream_of_a_demo_speaks_it_too() -> None:
    streams = (
        list(live_events(3, start=EPOCH, rate_per_s=1.0, n_leads=20, world=World(wording=wording)))
        for wording in Wording
    )
    for theirs, ours in zip(*streams, strict=True):
        assert theirs.after_s == ours.after_s
        assert _without_words(theirs.event) == _without_words(ours.event)


def test_every_world_has_a_held_out_table() -> None:
    assert {f"{name}.toml" for name in NAMES} == {path.name for path in HELD_OUT.iterdir()}
    for name in NAMES:
        table = read_phrase_table(name)
        assert tuple(topic.name for topic in table.topics) == read_business(name).topic_names

"""The quick search finds what a plain one does: at every start of a word the first topic of which a
phrase begins there."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.domain.model import Domain
from scoring.domain.phrases import LETTERS, Phrasebook, phrasebook
from scoring.domain.reading import pack, pack_names

CROSSED = ("ok*", "ok go", "okay then*", "o", "#k", "2nd*", "2 k*", "no", "now*", "no way", "n*")
"""Phrases that begin alike: each is a topic of its own, in either order."""


def crossed(phrases: tuple[str, ...]) -> Domain:
    topic = pack("generic").topics[0]
    topics = (
        topic.model_copy(update={"name": f"topic {n}", "phrases": {"en": (phrase,)}})
        for n, phrase in enumerate(phrases)
    )
    return pack("generic").model_copy(update={"topics": tuple(topics), "languages": ("en",)})


DOMAINS = {name: pack(name) for name in pack_names()} | {
    "crossed": crossed(CROSSED),
    "crossed back": crossed(CROSSED[::-1]),
}
LANGUAGES = ("en", "de", "und", "de-AT", "fr")


@cache
def book(name: str) -> Phrasebook:
    return phrasebook(DOMAINS[name])


@cache
def plain_pattern(domain_name: str, language: str) -> re.Pattern[str] | None:
    """Every phrase of every topic, tried in order at every start of a word."""
    domain = DOMAINS[domain_name]
    spoken = language.split("-")[0]
    languages = domain.languages if spoken == "und" else (spoken,)
    topics = [
        (letter, [p for one in languages for p in topic.phrases.get(one, ())])
        for letter, topic in zip(LETTERS, domain.topics, strict=False)
    ]
    alternatives = [
        f"(?P<{letter}>{'|'.join(map(plain_phrase, phrases))})"
        for letter, phrases in topics
        if phrases
    ]
    return re.compile(rf"\b(?=\w)(?={'|'.join(alternatives)})") if alternatives else None


def plain_phrase(phrase: str) -> str:
    stem = phrase.removesuffix("*")
    number = r"\d+" if stem.startswith("#") else ""
    return number + re.escape(stem.removeprefix("#")) + (r"\b" if stem == phrase else "")


def plain_topics(domain_name: str, text: str, language: str) -> tuple[int, ...]:
    pattern = plain_pattern(domain_name, language)
    found = {m.lastgroup for m in pattern.finditer(text.lower())} if pattern else set()
    return tuple(i for i in range(len(book(domain_name).names)) if LETTERS[i] in found)


def said_in(domain: Domain) -> st.SearchStrategy[str]:
    """Texts of a domain's phrases, whole or cut, among other words, digits and marks."""
    phrases = sorted(
        phrase.rstrip("*").replace("#", "20 ")
        for topic in domain.topics
        for each in topic.phrases.values()
        for phrase in each
    )
    piece = st.one_of(
        st.sampled_from(phrases or ["word"]),
        st.sampled_from(phrases or ["word"]).map(lambda phrase: phrase[:3].title()),
        st.sampled_from(["n't", "20", "٣k", "Σ", "İ", "don", ", ", ".", "\n", "x", "…"]),
        st.text(max_size=4),
    )
    return st.lists(st.tuples(piece, st.sampled_from(["", " ", "-"])), max_size=12).map(
        lambda pieces: "".join(text + between for text, between in pieces)
    )


@pytest.mark.parametrize("name", DOMAINS)
@settings(max_examples=60)
@given(data=st.data(), language=st.sampled_from(LANGUAGES))
def test_the_quick_search_finds_what_a_plain_one_does(
    name: str, data: st.DataObject, language: str
) -> None:
    texts = data.draw(st.lists(said_in(DOMAINS[name]), max_size=5))
    found = book(name).topics_in_each(texts, language)
    assert found == [plain_topics(name, text, language) for text in texts]

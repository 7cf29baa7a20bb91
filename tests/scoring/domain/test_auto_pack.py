"""The pack `auto` says word for word what artifacts from before domains were trained on."""

from __future__ import annotations

import random

import pytest

from scoring.domain.phrases import LETTERS, phrasebook
from scoring.domain.reading import domain_digest, pack, pack_names
from scoring.lead.topics import PHRASES, TOPICS, topics_of
from scoring.prompt.rendering import FIRST_DOMAIN

AUTO = pack("auto")
BOOK = phrasebook(AUTO)
FILLER = ("well", "the", "a", "12", "25 k", "30k", "kidney", "sonic", "dates", "i", "you", "no")


def test_it_is_the_domain_of_artifacts_from_before_domains() -> None:
    """If this fails, artifacts that carry no domain would be read as another one: give the changed
    pack another name, or keep the old one beside it for them."""
    assert domain_digest(AUTO) == FIRST_DOMAIN


def test_its_topics_have_the_names_and_the_order_of_the_code() -> None:
    assert [topic.name for topic in AUTO.topics] == list(TOPICS.values())


@pytest.mark.parametrize("language", ["en", "de", "und", "fr", "en-GB"])
def test_its_phrases_find_what_the_expressions_of_the_code_find(language: str) -> None:
    rng = random.Random(7)
    words = [
        phrase.rstrip("*").replace("#", "20")
        for topic in AUTO.topics
        for phrases in topic.phrases.values()
        for phrase in phrases
    ]
    endings = ("", "", "s", "ed", "ing", "n", "k", ",", "!", "-")
    for _ in range(3_000):
        text = " ".join(
            rng.choice((*words, *FILLER)) + rng.choice(endings) for _ in range(rng.randint(1, 6))
        )
        found = "".join(list(TOPICS)[i] for i in BOOK.topics_in(text, language))
        assert found == topics_of(text, language), text


def test_a_statement_has_a_letter_for_each_topic() -> None:
    assert all(len(pack(name).topics) <= len(LETTERS) for name in pack_names())
    assert set(PHRASES) == set(AUTO.languages)

"""Every pack that ships is a domain that finds what it names."""

from __future__ import annotations

from collections import Counter

import pytest

from scoring.domain.model import Section
from scoring.domain.phrases import phrasebook
from scoring.domain.reading import pack, pack_names
from scoring.prompt.declaration import possible_words
from scoring.prompt.from_domain import features_of

OURS = [name for name in pack_names() if name != "auto"]
"""`auto` says word for word what the code says: tests/scoring/domain/test_auto_pack.py."""


def test_the_packs_are_those_that_were_promised() -> None:
    promised = "auto donations education generic insurance real-estate software"
    assert pack_names() == promised.split()


@pytest.mark.parametrize("name", OURS)
def test_a_pack_has_the_name_of_its_file_and_speaks_english_and_german(name: str) -> None:
    domain = pack(name)
    assert domain.name == name
    assert domain.languages == ("en", "de")
    assert str(domain.horizon_days) in domain.asked


@pytest.mark.parametrize("name", pack_names())
def test_every_feature_of_a_pack_has_its_words(name: str) -> None:
    for feature in features_of(pack(name)):
        assert all(possible_words(feature))


@pytest.mark.parametrize("name", OURS)
def test_no_two_features_of_a_section_have_one_label(name: str) -> None:
    labels = Counter((feature.section, feature.wording) for feature in pack(name).features)
    assert [label for label, n in labels.items() if n > 1] == []


@pytest.mark.parametrize("name", OURS)
def test_the_funnel_of_a_pack_can_be_won_and_lost(name: str) -> None:
    ends = [stage.ends for stage in pack(name).stages]
    if name == "generic":
        assert ends == []
    else:
        assert 5 <= len(ends) <= 9
        assert {"won", "lost"} <= set(ends)
        assert ends == sorted(ends, key=lambda end: (end is not None, end != "won"))


@pytest.mark.parametrize("name", OURS)
def test_a_pack_is_neither_thin_nor_crowded(name: str) -> None:
    domain = pack(name)
    assert 12 <= len(domain.features) <= 28
    assert 6 <= len(domain.topics) <= 10
    counts = {len(found) for topic in domain.topics for found in topic.phrases.values()}
    assert min(counts) >= 15
    assert max(counts) <= 40
    assert {Section.BEHAVIOUR, Section.FOLLOW_UP} <= {one.section for one in domain.features}


@pytest.mark.parametrize("name", OURS)
def test_every_channel_where_people_speak_is_counted(name: str) -> None:
    domain = pack(name)
    counted = {
        channel
        for feature in domain.features
        for channel in getattr(feature.source, "channels", None) or ()
    }
    spoken = {channel.name for channel in domain.channels if channel.kind == "spoken"}
    assert spoken <= counted


@pytest.mark.parametrize("name", OURS)
def test_every_phrase_finds_its_own_topic(name: str) -> None:
    """An earlier topic that has its beginning would hide it."""
    domain = pack(name)
    book = phrasebook(domain)
    hidden = [
        (topic.name, language, phrase)
        for number, topic in enumerate(domain.topics)
        for language, phrases in topic.phrases.items()
        for phrase in phrases
        if number not in book.topics_in(phrase.rstrip("*").replace("#", "20"), language)
    ]
    assert hidden == []


SAID = {
    "software": ("send the order form today, I want to sign this week", "commitment"),
    "generic": ("please stop calling me", "refusal"),
    "insurance": ("I can leave my current insurer in March", "current insurer"),
    "real-estate": ("the bank has approved our mortgage", "financing"),
    "education": ("is there a scholarship for it?", "funding"),
    "donations": ("how do i know where my money goes, is it a scam?", "trust"),
}


@pytest.mark.parametrize("name", OURS)
def test_what_people_of_the_trade_say_is_heard(name: str) -> None:
    text, topic = SAID[name]
    book = phrasebook(pack(name))
    assert topic in [book.names[i] for i in book.topics_in(text, "en")]


def test_what_turns_a_sale_down_counts_as_refusal_alone() -> None:
    book = phrasebook(pack("generic"))
    found = [book.names[i] for i in book.topics_in("we decided against it", "en")]
    assert found == ["refusal"]


FALSE_FRIENDS = {
    "en": "what kind of brand do you see, not bad, the police in a bar was also fast, he rented it",
    "de": "das war so, wir waren da, man will also das, was die Leute sagen, und hat es gut",
}
"""Words of one language that are spelled like a phrase one may think of in another."""


@pytest.mark.parametrize("language", FALSE_FRIENDS)
@pytest.mark.parametrize("name", OURS)
def test_a_text_of_unknown_language_is_not_misread(name: str, language: str) -> None:
    book = phrasebook(pack(name))
    text = FALSE_FRIENDS[language]
    assert book.topics_in(text, "und") == book.topics_in(text, language) == ()

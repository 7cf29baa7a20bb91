"""Calls in a language that a domain has no phrases of are counted and told."""

from __future__ import annotations

import pytest

from schemas.events import TranscriptReady
from scoring.domain.reading import pack
from scoring.lead.fold import fold
from scoring.lead.history import LeadHistory, history_of
from scoring.prompt.languages import WordsRead, unknown_languages
from scoring.prompt.rendering import Rendering, first_rendering
from tests.scoring.histories import START, event, segment

AUTO = first_rendering()
SOFTWARE = Rendering(2, pack("software"))


def lead(*languages: str) -> LeadHistory:
    calls = [
        event(
            TranscriptReady,
            id=f"t{n}",
            call_id=f"c{n}",
            started_at=START,
            language=language,
            segments=[segment("The price is too high.")],
        )
        for n, language in enumerate(languages)
    ]
    return history_of(fold(calls))


@pytest.mark.parametrize("rendering", [AUTO, SOFTWARE], ids=("1", "2"))
def test_nothing_is_told_where_all_was_understood(rendering: Rendering) -> None:
    understood = [lead("en", "de-AT"), lead("und"), lead()]
    assert unknown_languages(understood, rendering, WordsRead.ALL) is None


@pytest.mark.parametrize(("rendering", "name"), [(AUTO, "auto"), (SOFTWARE, "software")])
def test_calls_are_counted_by_language_over_all_leads(rendering: Rendering, name: str) -> None:
    found = unknown_languages([lead("zh", "en", "ZH"), lead("fr")], rendering, WordsRead.ALL)
    assert found is not None
    assert (dict(found.by_language), found.n_calls) == ({"zh": 2, "fr": 1}, 4)
    assert found.sentence == (
        f"3 of 4 calls are in zh, fr, of which domain {name} has no phrases: no topic is known of "
        "what was said, and the model reads all of it"
    )


def test_a_model_without_words_says_that_it_reads_none_and_few_languages_are_named() -> None:
    found = unknown_languages([lead("zh")], SOFTWARE, WordsRead.NONE)
    assert found is not None
    assert found.sentence == (
        "1 of 1 calls is in zh, of which domain software has no phrases: no topic is known of what "
        "was said, and the model reads no words"
    )
    many = [lead("fr", "es", "it"), lead("pl", "nl", "tr", "pt")]
    found = unknown_languages(many, SOFTWARE, WordsRead.NONE)
    assert found is not None
    assert "7 of 7 calls are in es, fr, it, nl, pl and 2 more, of which" in found.sentence


def test_a_domain_with_phrases_of_another_language_alone_knows_no_english() -> None:
    topics = tuple(
        topic.model_copy(update={"phrases": {"de": topic.phrases["de"]}})
        for topic in SOFTWARE.domain.topics
        if "de" in topic.phrases
    )
    german = SOFTWARE.domain.model_copy(update={"languages": ("de",), "topics": topics})
    found = unknown_languages([lead("en", "de")], Rendering(2, german), WordsRead.ALL)
    assert found is not None
    assert dict(found.by_language) == {"en": 1}

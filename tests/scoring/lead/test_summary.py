"""What a summary keeps of a call."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Role, Segment, TranscriptReady
from scoring.lead.fold import lift
from scoring.lead.summary import (
    KEPT_SHARE,
    MAX_STATEMENT_TOKENS,
    MAX_SUMMARY_TOKENS,
    SHORT_CALL_TOKENS,
    Statement,
    count_summary_tokens,
    cut_words,
    summarise,
)
from scoring.lead.topics import PHRASES, TOPICS, topics_of
from tests.scoring.histories import START, event, segment
from tests.scoring.prompt.golden_leads import LONG_CALL, call

SMALL_TALK = "Nothing much happened here, the sky was grey and the road was long."


def transcript(segments: list[Segment], language: str = "en") -> TranscriptReady:
    return event(
        TranscriptReady, started_at=START, call_id="c", language=language, segments=segments
    )


def summary_of(event: TranscriptReady) -> tuple[Statement, ...]:
    return summarise(lift(event).transcripts[0])


def spoken_in(statements: tuple[Statement, ...]) -> int:
    return sum(count_summary_tokens(statement.text) for statement in statements)


def padded(*texts: str, language: str = "en", n_padding: int = 25) -> tuple[Statement, ...]:
    """The summary of a long call in which `texts` are said one by one amid small talk."""
    lines = [*texts[:1], *[SMALL_TALK] * n_padding, *texts[1:], *[SMALL_TALK] * n_padding]
    segments = [
        segment(text, Role.AGENT if text == SMALL_TALK else Role.CUSTOMER, 5.0 * n)
        for n, text in enumerate(lines)
    ]
    return summary_of(transcript(segments, language))


def test_a_short_call_stays_whole_with_roles_times_and_topics() -> None:
    kept = summary_of(call(0, [("a", "When do you\n need it?"), ("c", "The price is too high!")]))
    assert kept == (
        Statement("agent", 0.0, "When do you need it?", "t"),
        Statement("customer", 4.0, "The price is too high!", "bo"),
    )


def test_a_long_call_becomes_about_sixty_percent_shorter() -> None:
    length = sum(count_summary_tokens(text) for _, text in LONG_CALL)
    assert SHORT_CALL_TOKENS < length < MAX_SUMMARY_TOKENS / KEPT_SHARE
    kept = spoken_in(summary_of(call(0, LONG_CALL)))
    assert 0.30 * length <= kept <= KEPT_SHARE * length


segments = st.lists(
    st.builds(
        lambda text, role, start: Segment(role=role, start_s=start, end_s=start, text=text),
        st.one_of(
            st.text(max_size=80).map(lambda text: text.replace("\x00", "")),
            st.sampled_from(
                (SMALL_TALK * 30, "x" * 5000, "价格太高了。" * 300, "yes", "a . " * 99)
            ),
        ),
        st.sampled_from(Role),
        st.integers(0, 600).map(float),
    ),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(segments, st.sampled_from(("en", "de-CH", "und", "tlh")))
def test_any_call_is_bounded_ordered_and_made_of_its_own_words(
    segments: list[Segment], language: str
) -> None:
    kept = summary_of(transcript(segments, language))
    assert spoken_in(kept) <= max(SHORT_CALL_TOKENS, MAX_SUMMARY_TOKENS)
    assert [statement.at_s for statement in kept] == sorted(s.at_s for s in kept)
    assert kept == summary_of(transcript(segments, language))
    letters = {c for s in segments for c in s.text if c.isalnum()}
    assert {c for statement in kept for c in statement.text if c.isalnum()} <= letters
    assert not any("\n" in statement.text or not statement.text for statement in kept)


@pytest.mark.parametrize(
    "text",
    [
        "My budget is twenty thousand.",
        "We want to decide next month.",
        "The other dealer was friendlier.",
        "I am not convinced at all.",
        "My wife has to agree first.",
        "Could I book a test drive?",
        "We would need a loan for that.",
        "You could have my old car.",
    ],
)
def test_decisive_statements_survive_small_talk(text: str) -> None:
    assert text in [statement.text for statement in padded(text)]


def test_the_last_word_on_a_topic_outranks_earlier_ones() -> None:
    prices = [f"I think the price of offer number {n} is what we want to pay." for n in range(30)]
    kept = [
        s.text
        for s in summary_of(transcript([segment(t, start_s=4.0 * n) for n, t in enumerate(prices)]))
    ]
    assert prices[-1] in kept
    assert len(kept) < len(prices)


@pytest.mark.parametrize("language", ["en", "tlh"])
def test_a_question_and_its_short_answer_stay_together(language: str) -> None:
    lines = LONG_CALL + [("a", "Does that suit you?"), ("c", "no")] * 3
    kept = [statement.text for statement in summary_of(call(0, lines, language))]
    assert "no" in kept
    for index, text in enumerate(kept):
        if text in ("no", "Not really."):
            assert kept[index - 1] in ("Does that suit you?", "Would you like to finance it?")


def test_a_language_without_phrases_prefers_the_customer_and_the_end() -> None:
    lines = [("a" if n % 2 else "c", f"jIH mughato {n} qaStaH nuq DaneH jIyaj") for n in range(60)]
    kept = summary_of(call(0, lines, "tlh"))
    assert {statement.topics for statement in kept} == {""}
    roles = [statement.role for statement in kept]
    assert roles.count("customer") > 0
    assert kept[-1].at_s > 0.9 * 4.0 * len(lines)


def test_a_monologue_is_kept_by_sentences_each_cut_at_a_word() -> None:
    text = "The price is too high. " + "word " * 300 + ". " + SMALL_TALK * 5
    kept = summary_of(transcript([segment(text)]))
    assert "The price is too high." in [statement.text for statement in kept]
    assert all(count_summary_tokens(s.text) <= MAX_STATEMENT_TOKENS for s in kept)
    assert all(set(s.text.split()) <= set(text.split()) for s in kept)


def test_overlapping_and_unsorted_speech_is_told_in_order() -> None:
    kept = summary_of(transcript([segment("second", start_s=5), segment("first", start_s=2)]))
    assert [statement.text for statement in kept] == ["first", "second"]


def test_length_is_counted_in_words_marks_and_characters_of_scripts_without_spaces() -> None:
    assert count_summary_tokens("Well, that is it.") == 6
    assert count_summary_tokens("价格太高") == 4
    assert count_summary_tokens("x" * 160) == 10
    assert count_summary_tokens("") == 0


@given(st.text(max_size=200), st.integers(1, 30))
def test_cutting_keeps_a_beginning_within_the_limit(text: str, limit: int) -> None:
    kept = cut_words(text, limit)
    assert text.startswith(kept)
    assert count_summary_tokens(kept) <= limit


def test_topics_are_letters_of_the_table_in_every_language() -> None:
    assert all(set(table) <= set(TOPICS) for table in PHRASES.values())
    assert topics_of("Der Preis ist zu hoch", "de-AT") == "b"
    assert topics_of("the PRICE", "en-US") == "b"
    assert topics_of("the price", "und") == "b"
    assert topics_of("the price", "fr") == ""


BY_PATTERN = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[^\w\s]"
)


@given(
    st.one_of(
        st.text(st.characters(max_codepoint=127), max_size=80),
        st.text(max_size=40),
        st.lists(
            st.sampled_from(["word", "don't", "a" * 33, "_x_", "\x1c", ". ", "é"]), max_size=9
        ).map("".join),
    )
)
def test_tokens_are_words_and_marks_in_ascii_too(text: str) -> None:
    words = BY_PATTERN.findall(text)
    assert count_summary_tokens(text) == sum(1 + (len(word) - 1) // 16 for word in words)

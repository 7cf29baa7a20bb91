"""Which topics a text touches: plain words and endings, found at the starts of words.

A domain's phrases are input, so none of them is a regular expression: all are looked for at once,
and a text is looked through once (A. V. Aho and M. J. Corasick, Efficient String Matching, 1975).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ahocorasick_rs import AhoCorasick, Implementation

from scoring.domain.model import Domain
from scoring.lead.language import UNDETERMINED, primary_language

LETTERS = "abcdefghijklmnopqrstuvwxyz"
NUMBER = "#"
DIGITS = "0123456789"
DIGIT = -1


@dataclass(frozen=True, slots=True)
class Matcher:
    """`stems`: what is looked for, of each its topic's number and whether a word may go on after
    it; a digit has DIGIT for a topic. `numbers`: the phrases that begin with any number, a group
    for each of `number_topics`."""

    automaton: AhoCorasick
    stems: tuple[tuple[int, bool], ...]
    numbers: re.Pattern[str] | None
    number_topics: tuple[int, ...]

    def first_topics(self, text: str) -> dict[int, int]:
        """By the place of a word's start the first topic that begins there."""
        found: dict[int, int] = {}
        digits: list[int] = []
        stems, n_chars = self.stems, len(text)
        for stem, start, end in self.automaton.find_matches_as_indexes(text, overlapping=True):
            if start and ((before := text[start - 1]) == "_" or before.isalnum()):
                continue  # most finds lie within a word
            topic, goes_on = stems[stem]
            if topic == DIGIT:
                digits.append(start)
                continue
            if not goes_on and end < n_chars and ((after := text[end]) == "_" or after.isalnum()):
                continue
            if found.get(start, topic) >= topic:
                found[start] = topic
        for place in self._numbers_in(text, digits):
            topic = self.number_topics[(place.lastindex or 1) - 1]
            found[place.start()] = min(topic, found.get(place.start(), topic))
        return found

    def _numbers_in(self, text: str, digits: Sequence[int]) -> Iterator[re.Match[str]]:
        """`digits`: where words begin with one of 0 to 9; other scripts have others."""
        if self.numbers is None:
            return iter(())
        if not text.isascii():
            return self.numbers.finditer(text)
        return filter(None, (self.numbers.match(text, at) for at in digits))


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """`matchers` by language; each finds, at every start of a word, the first topic that begins
    there. A text of undetermined language is looked through with the phrases of all."""

    names: tuple[str, ...]
    matchers: dict[str, Matcher]

    def knows(self, language: str) -> bool:
        """Whether there are phrases for `language` (BCP 47, or `und`)."""
        return primary_language(language) in self.matchers

    def topics_in(self, text: str, language: str) -> tuple[int, ...]:
        """The numbers of the topics that `text` touches, ascending.

        >>> from scoring.domain.reading import pack
        >>> book = phrasebook(pack("auto"))
        >>> [book.names[i] for i in book.topics_in("The price is too high", "en-US")]
        ['price', 'objection']
        """
        return self.topics_in_each([text], language)[0]

    def topics_in_each(self, texts: Sequence[str], language: str) -> list[tuple[int, ...]]:
        """`topics_in` of many texts, which are looked through at once: no phrase has a line's
        end in it."""
        found: list[tuple[int, ...]] = [()] * len(texts)
        matcher = self.matchers.get(primary_language(language))
        if matcher is None:
            return found
        if len(texts) == 1:
            return [tuple(sorted(set(matcher.first_topics(texts[0].lower()).values())))]
        joined = "\n".join(texts)
        # Beyond ASCII a text may be longer in small letters.
        lines = texts if joined.isascii() else [text.lower() for text in texts]
        ends = list(accumulate(len(line) + 1 for line in lines))
        touched: dict[int, set[int]] = {}
        for at, topic in matcher.first_topics(joined.lower()).items():
            touched.setdefault(bisect_right(ends, at), set()).add(topic)
        for line, topics in touched.items():
            found[line] = tuple(sorted(topics))
        return found


def phrasebook(domain: Domain) -> Phrasebook:
    chosen = {UNDETERMINED: domain.languages} | {one: (one,) for one in domain.languages}
    found = {name: _matcher(domain, languages) for name, languages in chosen.items()}
    return Phrasebook(
        names=tuple(topic.name for topic in domain.topics),
        matchers={name: matcher for name, matcher in found.items() if matcher is not None},
    )


def _matcher(domain: Domain, languages: tuple[str, ...]) -> Matcher | None:
    phrases = [
        (number, phrase)
        for number, topic in enumerate(domain.topics[: len(LETTERS)])
        for one in languages
        for phrase in topic.phrases.get(one, ())
    ]
    if not phrases:
        return None
    plain = [(topic, phrase) for topic, phrase in phrases if not phrase.startswith(NUMBER)]
    with_number: dict[int, list[str]] = {}
    for topic, phrase in phrases:
        if phrase.startswith(NUMBER):
            with_number.setdefault(topic, []).append(phrase)
    digits = DIGITS if with_number else ""
    return Matcher(
        automaton=AhoCorasick(
            [*(phrase.removesuffix("*") for _, phrase in plain), *digits],
            implementation=Implementation.DFA,
        ),
        stems=(
            *((topic, phrase.endswith("*")) for topic, phrase in plain),
            *((DIGIT, True) for _ in digits),
        ),
        numbers=_numbers(with_number.values()) if with_number else None,
        number_topics=tuple(with_number),
    )


def _numbers(phrases_of_topics: Iterable[Sequence[str]]) -> re.Pattern[str]:
    """`#k` is a number and k, `# euro*` a number and a word that begins so. Of two topics the
    first is found."""
    topics = (rf"(\d*(?:{'|'.join(map(_after_number, each))}))" for each in phrases_of_topics)
    # A digit comes first in the pattern: it is what the text is skipped to.
    return re.compile(rf"\d(?<!\w\d)(?:{'|'.join(topics)})")


def _after_number(phrase: str) -> str:
    stem, star, _ = phrase.removeprefix(NUMBER).partition("*")
    return re.escape(stem) + ("" if star else r"\b")

"""Which topics a text touches: plain words and endings, found at the starts of words.

A domain's phrases are input, so none of them is a regular expression: each is escaped, and a text
is looked through once.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from scoring.domain.model import Domain
from scoring.lead.language import UNDETERMINED, primary_language

LETTERS = "abcdefghijklmnopqrstuvwxyz"
BEGIN_CHARS = 4
NUMBER = "#"


@dataclass(frozen=True, slots=True)
class Matcher:
    """`begins` finds where a phrase may begin, by its first characters; `topics` tries the phrases
    that begin so, NUMBER those that begin with any digit. Nearly every word begins none, and is
    passed over in a fraction of the time."""

    begins: re.Pattern[str]
    topics: dict[str, re.Pattern[str]]

    def found_in(self, text: str) -> Iterator[tuple[int, str | None]]:
        """Where in the text a phrase begins, and the letter of its topic."""
        for place in self.begins.finditer(text):
            topics = self.topics.get(place[1]) or self.topics[NUMBER]
            if match := topics.match(text, place.start()):
                yield place.start(), match.lastgroup


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
        matcher = self.matchers.get(primary_language(language))
        if matcher is None:
            return [()] * len(texts)
        lines = [text.lower() for text in texts]
        ends = list(accumulate(len(line) + 1 for line in lines))
        letters: list[set[str | None]] = [set() for _ in lines]
        for at, letter in matcher.found_in("\n".join(lines)):
            letters[bisect_right(ends, at)].add(letter)
        names = range(len(self.names))
        return [
            tuple(i for i in names if LETTERS[i] in touched) if touched else ()
            for touched in letters
        ]


def phrasebook(domain: Domain) -> Phrasebook:
    chosen = {UNDETERMINED: domain.languages} | {one: (one,) for one in domain.languages}
    found = {name: _matcher(domain, languages) for name, languages in chosen.items()}
    return Phrasebook(
        names=tuple(topic.name for topic in domain.topics),
        matchers={name: matcher for name, matcher in found.items() if matcher is not None},
    )


def _matcher(domain: Domain, languages: tuple[str, ...]) -> Matcher | None:
    by_first: dict[str, list[tuple[str, str]]] = {}
    for letter, topic in zip(LETTERS, domain.topics, strict=False):
        for one in languages:
            for phrase in topic.phrases.get(one, ()):
                by_first.setdefault(_begin(phrase)[0], []).append((letter, phrase))
    if not by_first:
        return None
    begins = {
        first: sorted({_begin(phrase) for _, phrase in phrases})
        for first, phrases in sorted(by_first.items())
    }
    return Matcher(
        begins=re.compile(rf"\b(?=\w)(?=({'|'.join(map(_any_of, begins.values()))}))"),
        topics={
            begin: _topics(begin, by_first[first])
            for first, each in begins.items()
            for begin in each
        },
    )


def _begin(phrase: str) -> str:
    is_number = phrase[0] == NUMBER or phrase[0].isdecimal()
    return NUMBER if is_number else phrase.removesuffix("*")[:BEGIN_CHARS]


def _any_of(begins: Sequence[str]) -> str:
    """Of one first character, which is written once: a word is compared with few of them."""
    if begins[0] == NUMBER:
        return r"\d"
    rest = "|".join(re.escape(begin[1:]) for begin in begins)
    return f"{re.escape(begins[0][0])}(?:{rest})"


def _topics(begin: str, phrases: Iterable[tuple[str, str]]) -> re.Pattern[str]:
    """Finds the first topic that begins where the text reads `begin`: of the phrases those that
    can. Of two begins the shorter is found first, since they are tried in order."""
    by_letter: dict[str, list[str]] = {}
    for letter, phrase in phrases:
        if _begin(phrase).startswith(begin):
            by_letter.setdefault(letter, []).append(_escaped(phrase))
    alternatives = (f"(?P<{letter}>{'|'.join(each)})" for letter, each in by_letter.items())
    return re.compile(f"(?={'|'.join(alternatives)})")


def _escaped(phrase: str) -> str:
    """`pric*` begins a word, `kid` is one, `#k` is a number and k."""
    stem, star, _ = phrase.partition("*")
    number = r"\d+" if stem.startswith("#") else ""
    return number + re.escape(stem.removeprefix("#")) + ("" if star else r"\b")

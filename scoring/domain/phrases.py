"""Which topics a text touches: plain words and endings, found at the starts of words.

A domain's phrases are input, so none of them is a regular expression: each is escaped, and a text
is looked through once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from scoring.domain.model import Domain
from scoring.lead.language import UNDETERMINED, primary_language

LETTERS = "abcdefghijklmnopqrstuvwxyz"
BEGIN_CHARS = 4


@dataclass(frozen=True, slots=True)
class Matcher:
    """`begins` finds where a phrase may begin, by its first characters; `topics` tries all phrases
    there. Nearly every word begins none, and is passed over in a fraction of the time."""

    begins: re.Pattern[str]
    topics: re.Pattern[str]

    def letters_in(self, text: str) -> Iterator[str | None]:
        for place in self.begins.finditer(text):
            if match := self.topics.match(text, place.start()):
                yield match.lastgroup


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
        matcher = self.matchers.get(primary_language(language))
        if matcher is None:
            return ()
        letters = set(matcher.letters_in(text.lower()))
        return tuple(i for i in range(len(self.names)) if LETTERS[i] in letters)


def phrasebook(domain: Domain) -> Phrasebook:
    chosen = {UNDETERMINED: domain.languages} | {one: (one,) for one in domain.languages}
    found = {name: _matcher(domain, languages) for name, languages in chosen.items()}
    return Phrasebook(
        names=tuple(topic.name for topic in domain.topics),
        matchers={name: matcher for name, matcher in found.items() if matcher is not None},
    )


def _matcher(domain: Domain, languages: tuple[str, ...]) -> Matcher | None:
    alternatives = []
    begins: set[str] = set()
    for letter, topic in zip(LETTERS, domain.topics, strict=False):
        phrases = [phrase for one in languages for phrase in topic.phrases.get(one, ())]
        if phrases:
            alternatives.append(f"(?P<{letter}>{'|'.join(map(_escaped, phrases))})")
            begins.update(phrase.removesuffix("*")[:BEGIN_CHARS] for phrase in phrases)
    if not alternatives:
        return None
    return Matcher(
        begins=re.compile(rf"\b(?=\w)(?={_any_of(begins)})"),
        topics=re.compile(rf"(?={'|'.join(alternatives)})"),
    )


def _any_of(begins: set[str]) -> str:
    """By their first character, so that a word is compared with few of them."""
    by_first: dict[str, set[str]] = {}
    for begin in begins:
        by_first.setdefault(begin[0], set()).add(begin[1:])
    return "|".join(
        r"\d"
        if first == "#"
        else re.escape(first) + f"(?:{'|'.join(map(re.escape, sorted(rest)))})"
        for first, rest in sorted(by_first.items())
    )


def _escaped(phrase: str) -> str:
    """`pric*` begins a word, `kid` is one, `#k` is a number and k."""
    stem, star, _ = phrase.partition("*")
    number = r"\d+" if stem.startswith("#") else ""
    return number + re.escape(stem.removeprefix("#")) + ("" if star else r"\b")

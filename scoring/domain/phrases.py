"""Which topics a text touches: plain words and endings, found at the starts of words.

A domain's phrases are input, so none of them is a regular expression: each is escaped, and a text
is looked through once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scoring.domain.model import Domain

UNDETERMINED = "und"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """`matchers` by language; each finds, at every start of a word, the first topic that begins
    there. A text of undetermined language is looked through with the phrases of all."""

    names: tuple[str, ...]
    matchers: dict[str, re.Pattern[str]]

    def knows(self, language: str) -> bool:
        """Whether there are phrases for `language` (BCP 47, or `und`)."""
        return _primary(language) in self.matchers

    def topics_in(self, text: str, language: str) -> tuple[int, ...]:
        """The numbers of the topics that `text` touches, ascending.

        >>> from scoring.domain.reading import pack
        >>> book = phrasebook(pack("auto"))
        >>> [book.names[i] for i in book.topics_in("The price is too high", "en-US")]
        ['price', 'objection']
        """
        matcher = self.matchers.get(_primary(language))
        if matcher is None:
            return ()
        letters = {match.lastgroup for match in matcher.finditer(text.lower())}
        return tuple(i for i in range(len(self.names)) if LETTERS[i] in letters)


def phrasebook(domain: Domain) -> Phrasebook:
    chosen = {UNDETERMINED: domain.languages} | {one: (one,) for one in domain.languages}
    found = {name: _matcher(domain, languages) for name, languages in chosen.items()}
    return Phrasebook(
        names=tuple(topic.name for topic in domain.topics),
        matchers={name: matcher for name, matcher in found.items() if matcher is not None},
    )


def _matcher(domain: Domain, languages: tuple[str, ...]) -> re.Pattern[str] | None:
    alternatives = []
    for letter, topic in zip(LETTERS, domain.topics, strict=False):
        phrases = [phrase for one in languages for phrase in topic.phrases.get(one, ())]
        if phrases:
            alternatives.append(f"(?P<{letter}>{'|'.join(map(_escaped, phrases))})")
    return re.compile(rf"\b(?=\w)(?={'|'.join(alternatives)})") if alternatives else None


def _escaped(phrase: str) -> str:
    """`pric*` begins a word, `kid` is one, `#k` is a number and k."""
    stem, star, _ = phrase.partition("*")
    number = r"\d+" if stem.startswith("#") else ""
    return number + re.escape(stem.removeprefix("#")) + ("" if star else r"\b")


def _primary(language: str) -> str:
    return language.split("-")[0].lower()

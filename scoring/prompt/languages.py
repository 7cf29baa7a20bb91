"""Which calls are in a language that a domain has no phrases of: no topic is known of them.

A message says of no language what it is in; such a text is looked through with the phrases of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from scoring.lead.history import LeadHistory
from scoring.lead.language import primary_language
from scoring.prompt.rendering import Rendering

MAX_NAMED = 5


class WordsRead(StrEnum):
    """What a model reads of what was said."""

    ALL = "the model reads all of it"
    LEARNED = "the model reads those of its words that it learned"
    NONE = "the model reads no words"


@dataclass(frozen=True, slots=True)
class UnknownLanguages:
    """Calls of which no topic is known: how many of `n_calls` by language, the commonest first.
    `reads`: what the model reads of what was said."""

    domain: str
    n_calls: int
    by_language: Mapping[str, int]
    reads: WordsRead

    @property
    def sentence(self) -> str:
        """Says so to a person."""
        n = sum(self.by_language.values())
        named = ", ".join([*self.by_language][:MAX_NAMED])
        more = len(self.by_language) - MAX_NAMED
        return (
            f"{n:,} of {self.n_calls:,} calls {'is' if n == 1 else 'are'} in {named}"
            f"{f' and {more} more' if more > 0 else ''}, of which domain {self.domain} has no "
            f"phrases: no topic is known of what was said, and {self.reads.value}"
        )


def unknown_languages(
    histories: Iterable[LeadHistory], rendering: Rendering, reads: WordsRead
) -> UnknownLanguages | None:
    """None where the domain has phrases of all that was spoken."""
    n_by_language = Counter(
        primary_language(call.language) for history in histories for call in history.calls
    )
    unknown = {
        language: n
        for language, n in sorted(n_by_language.items(), key=lambda pair: (-pair[1], pair[0]))
        if not rendering.reader.knows(language)
    }
    if not unknown:
        return None
    return UnknownLanguages(rendering.domain.name, n_by_language.total(), unknown, reads)

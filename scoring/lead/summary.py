"""Summarises one transcript by picking what was decisive, with who said it and when.

Deterministic and bounded; it picks and cuts utterances, it never rewords them. A call's part of
the lead's rolling summary is a tuple of `Statement`s and nothing else, so an LM summariser that
fills the same tuple fits here. `scoring.prompt.conversation` composes the parts of a lead's calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.events import Role
from scoring.lead.talk import Transcript
from scoring.lead.topics import topics_of


class Statement(NamedTuple):
    """An utterance as a summary keeps it; `topics` are letters of `scoring.lead.topics.TOPICS`."""

    role: str
    at_s: float
    text: str
    topics: str


SUMMARY_VERSION = 1
"""Bumped when the same transcript gives another summary: prompts then change too."""

SHORT_CALL_TOKENS = 200
"""Calls up to this length stay whole: about 90 seconds of talk."""

KEPT_SHARE = 0.4
"""Of a longer call's tokens. In asLLR (Sun et al. 2025, arXiv 2510.21713) summaries were about 60%
shorter than the calls too."""

MAX_SUMMARY_TOKENS = 160
"""Whatever the call's length: six such calls fit a prompt beside a lead's record."""

MAX_STATEMENT_TOKENS = 40
"""In a longer call: past this, a statement is cut at a word."""

SHORT_ANSWER_TOKENS = 6
"""An utterance this short after another speaker's answers it ("yes", "not really, no")."""

REPLY_TOKENS = 20
"""What a customer says right after the agent, up to here, is a reply to it."""

MAX_STATEMENT_COUNT = 200
"""Keeps a call of many one-letter utterances bounded in bytes as well."""

_TOKEN = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[^\w\s]"
)
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])")
_LONG_WORD_CHARS = 16

_CUSTOMER = Role.CUSTOMER.value  # looked up for every statement


_MARKS = bytes(c for c in range(128) if re.fullmatch(r"[^\w\s]", chr(c)))
_SPACES = bytes(c if chr(c).isalnum() or chr(c) == "_" else ord(" ") for c in range(128)) * 2
"""In ASCII: punctuation marks; and every byte, with a blank for what is in no word."""


@lru_cache(maxsize=4096)
def count_summary_tokens(text: str) -> int:
    """Counts words and punctuation marks, and single characters in scripts without spaces between
    words; a word counts once more per 16 characters, so that no text is long in bytes and short in
    tokens."""
    if text.isascii():  # most text by far, and four times as fast without the pattern
        written = text.encode()
        words: list[bytes] | list[str] = written.translate(_SPACES).split()
        n_marks = len(written) - len(written.translate(None, _MARKS))
    else:
        words, n_marks = _TOKEN.findall(text), 0
    if max(map(len, words), default=0) <= _LONG_WORD_CHARS:
        return n_marks + len(words)
    return n_marks + sum(1 + (len(word) - 1) // _LONG_WORD_CHARS for word in words)


@lru_cache(maxsize=512)
def summarise(transcript: Transcript) -> tuple[Statement, ...]:
    """Picks the statements worth keeping, in the order in which they were spoken. Remembered by
    the transcript's content: a message after a call changes nothing of the call."""
    language = transcript.language
    spoken = [Statement(*turn, topics_of(turn.text, language)) for turn in transcript.turns]
    length = sum(count_summary_tokens(statement.text) for statement in spoken)
    if length <= SHORT_CALL_TOKENS and len(spoken) <= MAX_STATEMENT_COUNT:
        return tuple(spoken)
    pieces = [piece for statement in spoken for piece in _pieces(statement, language)]
    return _choose(units(pieces), min(int(length * KEPT_SHARE), MAX_SUMMARY_TOKENS))


def units(statements: Sequence[Statement]) -> list[tuple[Statement, ...]]:
    """Groups statements that must be kept or dropped together: a statement and the reply to it,
    which alone would mean little or the opposite. A customer's reply may be longer than an agent's
    "I see"."""
    grouped: list[tuple[Statement, ...]] = []
    for statement in statements:
        limit = REPLY_TOKENS if statement.role == _CUSTOMER else SHORT_ANSWER_TOKENS
        if (
            grouped
            and len(grouped[-1]) == 1
            and grouped[-1][0].role != statement.role
            and count_summary_tokens(statement.text) <= limit
        ):
            grouped[-1] = (grouped[-1][0], statement)
        else:
            grouped.append((statement,))
    return grouped


def topics_in(unit: Sequence[Statement]) -> set[str]:
    """The letters of all topics that the statements touch."""
    return {letter for statement in unit for letter in statement.topics}


def last_words(grouped: Sequence[Sequence[Statement]]) -> list[set[str]]:
    """Returns for each unit the topics on which it is the customer's last word: people change their
    minds, and the last statement wins."""
    last: dict[str, int] = {}
    touched = [topics_in(unit) for unit in grouped]
    for index, unit in enumerate(grouped):
        if touched[index] and _from_customer(unit):
            last.update(dict.fromkeys(touched[index], index))
    return [
        {letter for letter in letters if last.get(letter) == index}
        for index, letters in enumerate(touched)
    ]


def cut_words(text: str, limit_tokens: int) -> str:
    """Returns the beginning of `text`, cut after a whole word, or inside a word that alone is
    longer than the limit."""
    if len(text) <= limit_tokens or count_summary_tokens(text) <= limit_tokens:
        return text
    end = used = 0
    for token in _TOKEN.finditer(text):
        cost = 1 + (len(token.group()) - 1) // _LONG_WORD_CHARS
        if used + cost > limit_tokens:
            return text[: end or limit_tokens * _LONG_WORD_CHARS].rstrip()
        used += cost
        end = token.end()
    return text


def token_starts(text: str) -> list[int]:
    """Returns the positions at which `text` may be cut."""
    return [token.start() for token in _TOKEN.finditer(text)]


def _pieces(statement: Statement, language: str) -> list[Statement]:
    """The statement's sentences when it is too long to be kept as one, each cut to the limit."""
    if _is_short(statement.text):
        return [statement]
    texts = (cut_words(s, MAX_STATEMENT_TOKENS) for s in _sentences(statement.text))
    return [statement._replace(text=t, topics=topics_of(t, language)) for t in texts]


def sentences(text: str) -> Iterator[str]:
    """A text in parts of at most MAX_STATEMENT_TOKENS, nothing left out: whole where it is short,
    else its sentences, very short ones together, and the parts of a sentence that is longer."""
    if _is_short(text):
        yield text
        return
    pending = ""
    for sentence in _sentences(text):
        for part in _parts(sentence):
            if pending and count_summary_tokens(pending) + count_summary_tokens(part) > (
                MAX_STATEMENT_TOKENS if count_summary_tokens(pending) < SHORT_ANSWER_TOKENS else 0
            ):
                yield pending
                pending = ""
            pending = f"{pending} {part}" if pending else part
    if pending:
        yield pending


def _parts(sentence: str) -> Iterator[str]:
    """Reads the sentence once, however long it is."""
    if _is_short(sentence):
        yield sentence.strip()
        return
    longest = MAX_STATEMENT_TOKENS * _LONG_WORD_CHARS
    begin = used = 0
    for token in _TOKEN.finditer(sentence):
        for at in range(token.start(), token.end(), longest):
            cost = 1 + (min(token.end(), at + longest) - at - 1) // _LONG_WORD_CHARS
            if used + cost > MAX_STATEMENT_TOKENS:
                yield sentence[begin:at].strip()
                begin, used = at, 0
            used += cost
    if rest := sentence[begin:].strip():
        yield rest


def _is_short(text: str) -> bool:
    # No text has more tokens than characters.
    return len(text) <= MAX_STATEMENT_TOKENS or count_summary_tokens(text) <= MAX_STATEMENT_TOKENS


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in SENTENCE_END.split(text) if sentence]


def _from_customer(unit: Sequence[Statement]) -> bool:
    return any(statement.role == _CUSTOMER for statement in unit)


def _choose(grouped: list[tuple[Statement, ...]], budget_tokens: int) -> tuple[Statement, ...]:
    """Takes the units of most worth first; what does not fit is skipped, so that short decisive
    units get in."""
    worth = [
        _worth(unit, len(last), index / len(grouped))
        for index, (unit, last) in enumerate(zip(grouped, last_words(grouped), strict=True))
    ]
    chosen: set[int] = set()
    for index in sorted(range(len(grouped)), key=lambda i: (worth[i], i), reverse=True):
        tokens = _tokens_of(grouped[index])
        if tokens <= budget_tokens:
            budget_tokens -= tokens
            chosen.add(index)
    return tuple(statement for index in sorted(chosen) for statement in grouped[index])


def _worth(unit: Sequence[Statement], n_last_words: int, lateness: float) -> float:
    """Last words first, then topics, then the customer's side, numbers, substance and lateness:
    the last three are all there is in a language without phrases."""
    return (
        4.0 * n_last_words
        + 1.5 * len(topics_in(unit))
        + 1.5 * _from_customer(unit)
        + 0.5 * any(any(map(str.isdigit, statement.text)) for statement in unit)
        + min(_tokens_of(unit), 20) / 20
        + 0.5 * lateness
    )


def _tokens_of(unit: Sequence[Statement]) -> int:
    return sum(count_summary_tokens(statement.text) for statement in unit)

"""Reads all that was said and written with a lead, in a domain's words: renderer 2.

Calls, messages, e-mails and notes stand in the order in which they happened. What does not fit the
budget is left out unit by unit: last what decides by the domain's phrases, and of the rest the
newest is kept. A language without phrases loses the oldest first, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from schemas.events import Role
from scoring.domain.phrases import LETTERS, Phrasebook
from scoring.lead.history import LeadHistory, one_per_call_id
from scoring.lead.language import UNDETERMINED
from scoring.lead.summary import Statement, count_summary_tokens, sentences
from scoring.lead.summary import units as grouped
from scoring.lead.talk import Talk, TalkTurn, Transcript, Writing
from scoring.prompt.declaration import Bins
from scoring.prompt.sources import age_bin
from scoring.prompt.units import (
    NO_CALLS,
    Room,
    Unit,
    WrittenUnit,
    by_worth,
    cut,
    render,
    topic_names,
)

CALL = "call"
NOTE = "note"
CONTACT = "contact"
"""How a written contact is headed on a channel that the domain does not name: the name is a
producer's text."""

GAP = "…"
"""A line of its own where a call was too long for its state."""

MAX_ROUNDS = 4
"""How often the choice is made anew because tokens were not what words had promised."""

MAX_COUNTED = 100
"""How many units are counted one by one where words promise nothing."""

GOOD_FILL = 0.93
"""Of the room: fuller is not worth another round."""

_WRITERS = {"inbound": Role.CUSTOMER.value, "outbound": Role.AGENT.value}


class Block(NamedTuple):
    """One call, message, e-mail or note, as units that stay together. `lines`: the units as they
    are written, where a renderer keeps them."""

    at_ms: int
    heading: str
    is_call: bool
    units: tuple[tuple[Statement, ...], ...]
    lines: tuple[WrittenUnit, ...] = ()


class WholeTalkReader:
    """Remembers what it read by the talk's digest, since a lead is scored many times between two
    calls, and by the piece, since one more message leaves the calls as they were. `book`: the
    domain's phrases, `ages` and `channel_words` its words."""

    def __init__(self, book: Phrasebook, ages: Bins, channel_words: Mapping[str, str]) -> None:
        self._book = book
        self._ages = {int(bound): word for bound, word in ages}
        self._channel_words = channel_words
        self._read: Callable[[Talk], tuple[Block, ...]] = lru_cache(maxsize=256)(self._blocks)
        self._read_call: Callable[[Transcript], Block] = lru_cache(maxsize=256)(self._call)
        self._read_writing: Callable[[Writing], tuple[Block, ...]] = lru_cache(maxsize=2048)(
            self._writing
        )
        self._remembered: Callable[[Talk, tuple[str, ...], Room], str] = lru_cache(maxsize=1024)(
            self._written
        )

    def whole(self, history: LeadHistory, as_of_ms: int) -> None:
        return None

    def text(self, history: LeadHistory, as_of_ms: int, room: Room) -> str:
        """At most `room`; NO_CALLS when nothing was said or nothing fits."""
        days = tuple(self._ages)
        ages = tuple(self._ages[age_bin(at_ms, as_of_ms, days)] for at_ms in self.moments(history))
        talk = history.talk
        return (self._remembered(talk, ages, room) if talk else "") or f"{NO_CALLS}\n"

    def moments(self, history: LeadHistory) -> list[int]:
        return [block.at_ms for block in self._blocks_of(history)]

    def knows(self, language: str) -> bool:
        return self._book.knows(language)

    @property
    def topic_names(self) -> Mapping[str, str]:
        return dict(zip(LETTERS, self._book.names, strict=False))

    def spoken(self, history: LeadHistory) -> list[Statement]:
        blocks = (block for block in self._blocks_of(history) if block.is_call)
        return [said for block in blocks for unit in block.units for said in unit]

    def customer_topics(self, history: LeadHistory) -> list[list[str]]:
        return [self._topics(block) for block in self._blocks_of(history) if block.is_call]

    def writing_topics(self, writing: Writing) -> list[str]:
        return [topic for block in self._read_writing(writing) for topic in self._topics(block)]

    def _blocks_of(self, history: LeadHistory) -> tuple[Block, ...]:
        return self._read(history.talk) if history.talk else ()

    def _topics(self, block: Block) -> list[str]:
        return topic_names(chain.from_iterable(block.units), self.topic_names)

    def _written(self, talk: Talk, ages: tuple[str, ...], room: Room) -> str:
        spoken = [
            Unit(index, f"{block.heading} {age}\n", unit)
            for index, (block, age) in enumerate(zip(self._read(talk), ages, strict=True))
            for unit in block.units
        ]
        return fit(spoken, room)

    def _blocks(self, talk: Talk) -> tuple[Block, ...]:
        """Oldest first."""
        pieces = talk.pieces
        blocks = [self._read_call(each) for each in one_per_call_id(pieces.transcripts)]
        for writing in pieces.writings:
            blocks += self._read_writing(writing)
        return tuple(sorted(blocks, key=lambda block: block.at_ms))

    def _call(self, call: Transcript) -> Block:
        units = self._units(self._statements(_with_gap(call), call.language))
        return Block(call.started_ms, CALL, True, units, self._lines(units))

    def _writing(self, writing: Writing) -> tuple[Block, ...]:
        return tuple(self._written_blocks(writing))

    def _written_blocks(self, writing: Writing) -> Iterator[Block]:
        channel = self._channel_words.get(writing.channel, CONTACT)
        writer = _WRITERS.get(writing.direction or "", Role.UNKNOWN.value)
        for heading, role, text in (
            (channel, writer, writing.text),
            (NOTE, Role.AGENT.value, writing.note),
        ):
            if text:
                said = self._statements([TalkTurn(role, 0.0, text)], UNDETERMINED)
                units = self._units(said)
                yield Block(writing.at_ms, heading, False, units, self._lines(units))

    def _statements(self, turns: Iterable[TalkTurn], language: str) -> list[Statement]:
        return self._with_topics(
            [TalkTurn(role, at_s, part) for role, at_s, text in turns for part in sentences(text)],
            language,
        )

    def _with_topics(self, turns: Sequence[TalkTurn], language: str) -> list[Statement]:
        each = self._book.topics_in_each([turn.text for turn in turns], language)
        topics = ["".join([LETTERS[i] for i in touched]) if touched else "" for touched in each]
        return list(map(Statement._make, zip(*zip(*turns, strict=True), topics, strict=True)))

    def _units(self, said: Sequence[Statement]) -> tuple[tuple[Statement, ...], ...]:
        return tuple(grouped(said))

    def _lines(self, units: Sequence[Sequence[Statement]]) -> tuple[WrittenUnit, ...]:
        return ()


def _with_gap(call: Transcript) -> tuple[TalkTurn, ...]:
    """The turns, and between them a line where some are missing."""
    if not 0 < call.gap < len(call.turns):
        return call.turns
    gap = TalkTurn(Role.SYSTEM.value, call.turns[call.gap].at_s, GAP)
    return (*call.turns[: call.gap], gap, *call.turns[call.gap :])


def fit(spoken: Sequence[Unit], room: Room) -> str:
    """The lines of the units of most worth that fit. Words are counted first, and tokens only of
    what they promised to fit: a tokenizer reads 20 KB in milliseconds."""
    words = [_words(unit) for unit in spoken]
    order = by_worth(spoken)
    tokens_per_word, best, best_tokens = 1.0, "", 0
    for _ in range(MAX_ROUNDS):
        left, chosen = room.tokens / tokens_per_word, []
        for index in order:
            if words[index] <= left:
                left -= words[index]
                chosen.append(index)
        text = render(spoken[index] for index in sorted(chosen))
        n_tokens = room.count_tokens(text) if text else 0
        if n_tokens <= room.tokens and len(text) > len(best):
            best, best_tokens = text, n_tokens
        if n_tokens <= room.tokens and len(chosen) == len(spoken):
            return text
        n_words = sum(words[index] for index in chosen)
        if not chosen or GOOD_FILL * room.tokens <= n_tokens <= room.tokens:
            break
        tokens_per_word = max(n_tokens, 1) / n_words * (1.02 if n_tokens > room.tokens else 0.99)
    if not spoken or best_tokens > room.tokens // 2:
        return best
    # Some unit takes many more tokens than its words promised: one by one, those of most worth.
    left, few = room.tokens, []
    for index in order[:MAX_COUNTED]:
        n_tokens = room.count_tokens(spoken[index].heading + spoken[index].lines())
        if n_tokens <= left:
            left -= n_tokens
            few.append(index)
    text = render(spoken[index] for index in sorted(few))
    if few and room.count_tokens(text) <= room.tokens:
        return text if len(text) > len(best) else best
    return best or render(cut(spoken[order[0]], room.tokens, room.count_tokens))


def _words(unit: Unit) -> int:
    """With those of the speakers' labels, and a share of the heading."""
    return 1 + sum(2 + count_summary_tokens(statement.text) for statement in unit.statements)

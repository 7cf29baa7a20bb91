"""Reads all that was said and written with a lead, and only then how long ago: renderer 3.

Nothing in the conversation changes with time, so that what a language model has read of a lead it
need not read again when a day passes. What is read is what renderer 2 reads, measured in
characters, which cost nothing to count: a talk that fits has its tokens counted once, a longer one
two to five times, and only one whose characters promise nothing line by line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from schemas.events import Role
from scoring.lead.summary import SENTENCE_END, Statement
from scoring.lead.talk import Talk, TalkTurn
from scoring.prompt.units import Room, Unit, WrittenUnit, cut, fence, kept_first, render
from scoring.prompt.whole_talk import MAX_COUNTED, MAX_ROUNDS, Block, WholeTalkReader

WHEN = "# when\n"
"""Heads the talk's last line: how long ago its calls and messages were, oldest first, and of each
age how many of which kind."""

MOST_PART_CHARS = 240
"""Of a statement: longer turns are read in parts, which end with a sentence where they can."""

REPLY_CHARS = 120
SHORT_ANSWER_CHARS = 36
"""What a customer, and what anybody else says right after another, up to here, is a reply."""

CHARS_PER_TOKEN = 4.0
"""Of plain English, about: a talk that fits by this is counted before anything is left out."""

CAREFUL = 0.96
"""A choice by what was counted of another text aims at this share of the room."""

GOOD_FILL = 0.85
POOR_FILL = 0.5
"""Of the talk's room: fuller is not worth another count, and emptier is worth counting lines."""

_CUSTOMER = Role.CUSTOMER.value


class UndatedTalkReader(WholeTalkReader):
    """As renderer 2's, but for how talk is divided, chosen and dated."""

    def _statements(self, turns: Iterable[TalkTurn], language: str) -> list[Statement]:
        divided: list[TalkTurn] = []
        for turn in turns:
            most = MOST_PART_CHARS if turn.text.isascii() else most_chars(turn.text)
            if len(turn.text) <= most:
                divided.append(turn)
            else:
                divided.extend(turn._replace(text=part) for part in parts(turn.text, most))
        return self._with_topics(divided, language)

    def _units(self, said: Sequence[Statement]) -> tuple[tuple[Statement, ...], ...]:
        return tuple(replies(said))

    def _lines(self, units: Sequence[Sequence[Statement]]) -> tuple[WrittenUnit, ...]:
        return tuple(map(written_unit, units))

    def _written(self, talk: Talk, ages: tuple[str, ...], room: Room) -> str:
        return _Talk.of(self._read(talk), ages).fit(room)


def most_chars(text: str) -> int:
    """Of a part of this text: scripts of more bytes a character take more tokens for each."""
    return max(1, MOST_PART_CHARS * len(text) // max(len(text.encode()), 1))


def parts(text: str, most: int = MOST_PART_CHARS) -> Iterator[str]:
    """A text in parts of at most `most` characters, nothing but blanks left out: whole sentences,
    as many as fit, and of a longer one what fits, cut at a blank where there is one.

    >>> [len(part) for part in parts("Yes. " * 100)]
    [239, 239, 20]
    """
    begin = 0
    while len(text) - begin > most:
        limit = begin + most
        places = SENTENCE_END.finditer(text, begin + 1, limit + 1)
        ends = [place.start() for place in places if place.start() <= limit]
        end = ends[-1] if ends else text.rfind(" ", begin + 1, limit + 1)
        end = end if end > begin else limit
        yield text[begin:end]
        begin = end + (text[end] == " ")
    if begin < len(text):
        yield text[begin:]


def replies(statements: Sequence[Statement]) -> Iterator[tuple[Statement, ...]]:
    """Statements that are kept or dropped together: one, and the reply to it, which alone would
    mean little or the opposite."""
    waiting: Statement | None = None
    for statement in statements:
        if waiting is None:
            waiting = statement
        elif statement.role != waiting.role and len(statement.text) <= _reply_chars(statement):
            yield waiting, statement
            waiting = None
        else:
            yield (waiting,)
            waiting = statement
    if waiting is not None:
        yield (waiting,)


def _reply_chars(statement: Statement) -> int:
    return REPLY_CHARS if statement.role == _CUSTOMER else SHORT_ANSWER_CHARS


def written_unit(unit: Sequence[Statement]) -> WrittenUnit:
    if len(unit) == 1:  # most, and the quickest way to read them
        ((role, _, text, topics),) = unit
        return WrittenUnit(f"{role}: {fence(text)}\n", topics, role == _CUSTOMER)
    return WrittenUnit(
        "".join([f"{said.role}: {fence(said.text)}\n" for said in unit]),
        "".join([said.topics for said in unit]),
        any(said.role == _CUSTOMER for said in unit),
    )


@dataclass(frozen=True, slots=True)
class _Talk:
    """Calls and writings with their ages, and their lines one after another. `block_of`: the block
    of each line."""

    blocks: Sequence[Block]
    ages: Sequence[str]
    lines: Sequence[WrittenUnit]
    block_of: Sequence[int]
    by_worth: Sequence[int]

    @classmethod
    def of(cls, blocks: Sequence[Block], ages: Sequence[str]) -> _Talk:
        lines = [line for block in blocks for line in block.lines]
        block_of: list[int] = []
        for n, block in enumerate(blocks):
            block_of += [n] * len(block.lines)
        worth = kept_first([(topics, is_customers) for _, topics, is_customers in lines])
        return cls(blocks, ages, lines, block_of, worth)

    def fit(self, room: Room) -> str:
        """The lines of most worth that fit, and when that was."""
        chars_per_token, beside = CHARS_PER_TOKEN, room.chars_around
        if self._n_chars(range(len(self.lines))) + beside > room.tokens * chars_per_token:
            some = self._best(room.tokens)
            text = self._written(some)
            chars_per_token = CAREFUL * len(text) / max(room.count_tokens(text), 1)
            beside += len(text) - self._n_chars(some)
        best, best_fill = "", 0.0
        for n_round in range(MAX_ROUNDS):
            chosen = self._best(int(room.tokens * chars_per_token) - beside)
            if not chosen:
                break
            text = self._written(chosen)
            n_tokens = room.taken_with(text)
            n_chars = room.chars_around + len(text)
            around = n_tokens * room.chars_around / n_chars  # about so many tokens
            fits, fill = n_tokens <= room.tokens, (n_tokens - around) / (room.tokens - around)
            if fits and len(text) > len(best):
                best, best_fill = text, fill
            if fits and (fill >= GOOD_FILL or len(chosen) == len(self.lines)):
                return best
            beside = n_chars - self._n_chars(chosen)
            chars_per_token = (
                n_chars / max(n_tokens, 1) * (0.99 if fits else CAREFUL ** (n_round + 1))
            )
        if not self.lines or best_fill > POOR_FILL:
            return best
        few = self._counted(room)
        return few if len(few) > len(best) else best

    def _n_chars(self, chosen: Iterable[int]) -> int:
        return sum([len(self.lines[index].text) for index in chosen])

    def _best(self, n_chars: int) -> list[int]:
        """Of most worth first what fits into so many characters; in order."""
        chosen = []
        for index in self.by_worth:
            size = len(self.lines[index].text)
            if size <= n_chars:
                n_chars -= size
                chosen.append(index)
        return sorted(chosen)

    def _written(self, chosen: Sequence[int]) -> str:
        written: list[str] = []
        shown: list[int] = []
        for index in chosen:
            block = self.block_of[index]
            if not shown or shown[-1] != block:
                shown.append(block)
                written.append(f"{self.blocks[block].heading}\n")
            written.append(self.lines[index].text)
        return "".join([*written, self._when(shown)])

    def _when(self, shown: Sequence[int]) -> str:
        ages = [
            (age, Counter(self.blocks[block].heading for block in same))
            for age, same in groupby(shown, key=self.ages.__getitem__)
        ]
        named = [
            " ".join([*(f"{n} {kind}" if n > 1 else kind for kind, n in kinds.items()), age])
            for age, kinds in ages
        ]
        return f"{WHEN}{', '.join(named)}\n" if named else ""

    def _counted(self, room: Room) -> str:
        """Where some line takes many more tokens than its characters promised: one by one, those
        of most worth; of a first one that is too long its end."""
        left, few = room.tokens - room.taken_with(self._when(range(len(self.blocks)))), []
        for index in self.by_worth[:MAX_COUNTED]:
            heading = self.blocks[self.block_of[index]].heading
            n_tokens = room.count_tokens(f"{heading}\n{self.lines[index].text}")
            if n_tokens <= left:
                left -= n_tokens
                few.append(index)
        text = self._written(sorted(few))
        if not few or room.taken_with(text) > room.tokens:
            text = ""
        most = room.tokens - room.taken_with("")
        if text and left < POOR_FILL * most:
            return text
        end = render(cut(self._unit(self.by_worth[0]), most, room.count_tokens))
        return max(text, end, key=len)

    def _unit(self, index: int) -> Unit:
        block = self.block_of[index]
        at = index - self.block_of.index(block)
        return Unit(block, f"{self.blocks[block].heading}\n", self.blocks[block].units[at])

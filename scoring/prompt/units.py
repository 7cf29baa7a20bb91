"""What was said as units that are kept or dropped together, and as the lines of a prompt.

Lead text leaves here fenced: on lines of its own, without any character or speaker label that our
layout uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from schemas.events import Role
from scoring.lead.history import LeadHistory
from scoring.lead.summary import Statement, token_starts
from scoring.lead.talk import Writing

RESERVED = str.maketrans(
    {
        **dict.fromkeys("<＜﹤", "‹"),
        **dict.fromkeys(">＞﹥", "›"),
        **dict.fromkeys("|｜", "/"),
        **dict.fromkeys("#＃﹟", "№"),
    }
)
"""Headings begin with `#`, turn markers are `<|...|>`: in lead text neither can occur. The wide
forms go too, because some tokenizers fold them into the plain ones."""

_GAP = r"[\s\u200c\u200d]*"
_COLON = rf"{_GAP}[:\uff1a\ufe55\ufe13\ua789\u2236\u02d0]"
SPEAKERS = re.compile(
    rf"\b({'|'.join([*Role, 'assistant', 'user', 'call'])})(?:{_COLON})+", re.IGNORECASE
)
"""A label inside a line would read like another speaker's turn: it loses its colons, however many
there are, and those that only look like one."""

CUT = "… "
MIN_CUT_TOKENS = 8
"""Fewer words of a statement would not carry what it meant."""

NO_CALLS = "none"


def fence(text: str) -> str:
    """Removes from lead text what would look like our layout: see RESERVED and SPEAKERS."""
    if text.isascii() and not (
        ":" in text or "#" in text or "|" in text or "<" in text or ">" in text
    ):
        return text  # nearly all: nothing that could be changed is there
    return SPEAKERS.sub(r"\1", text.translate(RESERVED))


@dataclass(frozen=True, slots=True)
class Unit:
    """Statements that stay together, of the `call`-th call or writing."""

    call: int
    heading: str
    statements: tuple[Statement, ...]

    def lines(self) -> str:
        return "".join(f"{s.role}: {fence(s.text)}\n" for s in self.statements)


class WrittenUnit(NamedTuple):
    """A unit as it is written, what it touches, and whether the customer speaks in it."""

    text: str
    topics: str
    is_customers: bool


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens a conversation may take, and how they are counted. `around`: what stands
    before it and behind it, if `tokens` are those of all three."""

    tokens: int
    count_tokens: Callable[[str], int]
    around: tuple[str, str] = ("", "")

    @property
    def chars_around(self) -> int:
        return sum(map(len, self.around))

    def taken_with(self, conversation: str) -> int:
        """Tokens of a conversation where it will stand, with what stands around it: a prompt that
        is counted here need not be counted again."""
        before, behind = self.around
        return self.count_tokens(before + conversation + behind)


class TalkReader(Protocol):
    """Reads what was said and written with a lead, as one renderer does in a domain's words."""

    def whole(self, history: LeadHistory, as_of_ms: int) -> str | None:
        """All that it reads, however long; None where `text` finds out itself whether all fits."""
        ...

    def text(self, history: LeadHistory, as_of_ms: int, room: Room) -> str:
        """Complete lines, about as long as there is room: a caller with a hard limit counts the
        whole prompt and asks again with less."""
        ...

    def moments(self, history: LeadHistory) -> Sequence[int]:
        """When that happened (ms) which it heads with an age."""
        ...

    def knows(self, language: str) -> bool:
        """Whether there are phrases of a language (BCP 47, or `und`), so that topics are known."""
        ...

    @property
    def topic_names(self) -> Mapping[str, str]:
        """The topics by the letter that a statement carries, in order."""
        ...

    def spoken(self, history: LeadHistory) -> list[Statement]:
        """What was said in calls, oldest first, as far as it is read."""
        ...

    def customer_topics(self, history: LeadHistory) -> list[list[str]]:
        """Of each of the history's calls the topics of which the customer spoke."""
        ...

    def writing_topics(self, writing: Writing) -> list[str]:
        """The topics of which the customer wrote."""
        ...


def topic_names(said: Iterable[Statement], names: Mapping[str, str]) -> list[str]:
    """The topics of which the customer spoke. `names`: by letter, in order."""
    letters = {
        letter
        for statement in said
        if statement.role == Role.CUSTOMER.value
        for letter in statement.topics
    }
    return [name for letter, name in names.items() if letter in letters]


def by_worth(spoken: Sequence[Unit]) -> list[int]:
    """Indices, what to keep first: see `kept_first`."""
    return kept_first(
        [
            ("".join(said.topics for said in unit.statements), _is_customers(unit.statements))
            for unit in spoken
        ]
    )


def _is_customers(unit: Sequence[Statement]) -> bool:
    return any(said.role == Role.CUSTOMER.value for said in unit)


def kept_first(units: Sequence[tuple[str, bool]]) -> list[int]:
    """Indices of units, each the letters of its topics and whether the customer speaks in it: a
    customer's last words on a topic, other decisive units, the rest; of each the newest first. In a
    language without phrases that is simply newest first."""
    last: list[int] = []
    decisive: list[int] = []
    rest: list[int] = []
    spoken_of: set[str] = set()
    for index in range(len(units) - 1, -1, -1):
        topics, is_customers = units[index]
        if not topics:
            rest.append(index)
        elif is_customers and not spoken_of.issuperset(topics):
            last.append(index)
            spoken_of.update(topics)
        else:
            decisive.append(index)
    return last + decisive + rest


def cut(unit: Unit, budget_tokens: int, count_tokens: Callable[[str], int]) -> list[Unit]:
    """The most wanted unit alone is too long: it loses the beginning of its first statement."""
    first, *rest = unit.statements
    starts = token_starts(first.text)[1 : 1 - MIN_CUT_TOKENS]
    low, high = 0, len(starts)
    while low < high:
        middle = (low + high) // 2
        if _cost(_from(unit, starts[middle], first, rest), count_tokens) <= budget_tokens:
            high = middle
        else:
            low = middle + 1
    return [_from(unit, starts[low], first, rest)] if low < len(starts) else []


def _from(unit: Unit, start: int, first: Statement, rest: Sequence[Statement]) -> Unit:
    shortened = first._replace(text=CUT + first.text[start:])
    return Unit(unit.call, unit.heading, (shortened, *rest))


def _cost(unit: Unit, count_tokens: Callable[[str], int]) -> int:
    return count_tokens(unit.heading + unit.lines())


def render(units_in_order: Iterable[Unit]) -> str:
    text, call = "", None
    for unit in units_in_order:
        text += unit.lines() if unit.call == call else unit.heading + unit.lines()
        call = unit.call
    return text

"""What is kept of a lead: its state. `scoring.lead.join` joins two.

Every field is a join-semilattice: registers and `newest` keep the greatest stamp, `stages` and
`contact` keep the earliest and latest time, `facts` and `talk` the newest few. So any order,
duplication and grouping of a lead's events gives the same bytes: law 1 of
docs/explanation/architecture.md. Counts and summaries are derived by `scoring.lead.history`, never
stored.
"""

from __future__ import annotations

from binascii import b2a_base64
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.events import MAX_PROFILE_FIELDS
from scoring.lead.talk import Talk, Transcript, Writing

FORMAT = 3
"""Bumped when the bytes change meaning; `from_bytes` refuses others."""

Value = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many of the newest facts, calls, writings (a message, an e-mail, a note) and profile
    fields a state keeps, of how many fields more it keeps the names, and how many stages. By number
    alone: a bound on the bytes of all would bring back what was dropped when a revision is shorter.
    Part of what a state means: join states only under the bounds they were made with."""

    facts: int = 200
    calls: int = 6
    writings: int = 24
    profile: int = MAX_PROFILE_FIELDS
    names_left_out: int = 64
    stages: int = 64


BOUNDS = Bounds()

PROFILE = "profile."
"""Registers of profile fields begin with this."""


class Register(NamedTuple):
    """Last writer wins by (at_ms, stamp). `stamp` = digest of (source, id) + content digest."""

    at_ms: int
    stamp: str
    value: Value


class Patch(NamedTuple):
    """The registers that one event set and no later one did: at least one, sorted by name."""

    at_ms: int
    stamp: str
    values: dict[str, Value]


class Fact(NamedTuple):
    """One `InteractionLogged`, compact. One per (source, id): `stamp[:ID_CHARS]` identifies it."""

    at_ms: int
    stamp: str
    channel: str
    direction: str | None = None
    duration_s: float | None = None
    call_id: str | None = None
    codes: tuple[str, ...] = ()
    has_note: bool = False


class Newest(NamedTuple):
    """The newest event included, by (at_ms, source, id, stamp)."""

    at_ms: int
    source: str
    id: str
    stamp: str
    type: str


class Span(NamedTuple):
    first_ms: int
    last_ms: int


class LeadState(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="v", tag=FORMAT):
    """What is known of one lead. `registers`: `queue`, `consent`, `owner`, `stage`, `ends` and
    `closed`, always kept, and the newest `profile.<field>`, the oldest of them perhaps without
    their values (`scoring.lead.join.left_out`); patches ascend by (at_ms, stamp). `stages` are
    sorted by name, `facts` oldest first: its JSON is canonical. `talk` is None where nothing was
    said or written."""

    erased: bool = False
    registers: tuple[Patch, ...] = ()
    stages: dict[str, Span] = {}
    contact: Span | None = None
    facts: tuple[Fact, ...] = ()
    talk: Talk | None = None
    newest: Newest | None = None

    def value(self, name: str) -> Value:
        for patch in self.registers:
            if name in patch.values:
                return patch.values[name]
        return None

    def values(self) -> dict[str, Value]:
        """The values of all registers by name, in any order."""
        values: dict[str, Value] = {}
        for patch in self.registers:
            values.update(patch.values)
        return values

    def register(self, name: str) -> Register | None:
        for patch in self.registers:
            if name in patch.values:
                return Register(patch.at_ms, patch.stamp, patch.values[name])
        return None

    @property
    def transcripts(self) -> tuple[Transcript, ...]:
        return self.talk.pieces.transcripts if self.talk else ()

    @property
    def writings(self) -> tuple[Writing, ...]:
        return self.talk.pieces.writings if self.talk else ()

    def register_names(self) -> list[str]:
        return [name for patch in self.registers for name in patch.values]


ERASED = LeadState(erased=True)


ID_CHARS = 12
"""The part of a stamp that is the (source, id) digest: 72 bits in base64."""


MENDED_CONTENT = b"\xfb\xef\xbe"
"""Stands for the content of a mended event. It is `++++` in base64, before every other digest: the
same event sent whole, with the same time, counts instead, whichever came first."""


def stamp(source: str, id_: str, content: bytes | None) -> str:
    """Digests (source, id, content) into 16 characters that order the events of one moment. The
    last 24 bits are of the content; they only order two contents under one (source, id). `content`
    is None for a mended event."""
    identity = blake2b(f"{source}\x00{id_}".encode(), digest_size=9).digest()
    content_digest = MENDED_CONTENT if content is None else blake2b(content, digest_size=3).digest()
    return b2a_base64(identity + content_digest, newline=False).decode()

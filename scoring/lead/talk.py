"""What was said and written with a lead, whole up to caps: kept packed, opened by who reads it.

A state hands its talk on unopened through every event that says nothing, so a click costs no more
on a lead of long calls. The digest names the uncompressed pieces and stands for them in the state's
bytes and hash: another version of the compression library changes no hash.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from operator import sub
from typing import NamedTuple, final

import msgspec
import zstandard

from schemas.events import Role

MAX_CALL_BYTES = 32_000
"""Of one transcript, in UTF-8 and TURN_BYTES a turn: some 35 minutes of English."""

MAX_WRITING_BYTES = 8_000
"""Of one message, e-mail or note, in UTF-8: some 1,300 English words."""

TURN_BYTES = 16
"""What a turn costs beside its text, so that a call of one-letter turns is bounded as well."""

GAP = " … "
"""Where the middle of a text was left out."""

MAX_PIECES_BYTES = 4_000_000
"""No state packs more: every piece at its cap, and every character of it escaped."""

LEVEL = 6
"""Of compression: higher ones cost more time than they save bytes."""


class TalkTurn(NamedTuple):
    """What one speaker said: one line of text. `at_s` in whole tenths of a second."""

    role: str
    at_s: float
    text: str


class Transcript(NamedTuple):
    """One call. (started_ms, call_id) is its identity and decides eviction; of its versions the
    highest (final, revision, stamp) wins. `n_segments` and `n_words` are of the whole call; where
    it is longer than the cap, the turns before index `gap` and those from it on are its beginning
    and its end."""

    started_ms: int
    call_id: str
    final: bool
    revision: int
    stamp: str
    language: str
    duration_s: float
    n_segments: int
    n_words: int
    turns: tuple[TalkTurn, ...]
    gap: int = 0


class Writing(NamedTuple):
    """The text of a message or e-mail, and what the agent noted of a contact. One per event."""

    at_ms: int
    stamp: str
    channel: str
    direction: str | None
    text: str | None
    note: str | None


class Pieces(NamedTuple):
    """Oldest first."""

    transcripts: tuple[Transcript, ...] = ()
    writings: tuple[Writing, ...] = ()


class _Columns(NamedTuple):
    """A transcript as it is packed: columns repeat themselves more than rows do, which saves a
    tenth. A letter a role, tenths of a second since the turn before, a line of text a turn."""

    call: tuple[int, str, bool, int, str, str, float, int, int]
    gap: int
    roles: str
    tenths: tuple[int, ...]
    lines: str


class _Packed(NamedTuple):
    transcripts: tuple[_Columns, ...]
    writings: tuple[Writing, ...]


ROLES = {role.value[0]: role.value for role in Role}
_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder(_Packed).decode


def _encode(pieces: Pieces) -> bytes:
    return _to_json(_Packed(tuple(map(_columns, pieces.transcripts)), pieces.writings))


def _decode(encoded: bytes) -> Pieces:
    packed = _from_json(encoded)
    return Pieces(tuple(map(_transcript, packed.transcripts)), packed.writings)


def _columns(transcript: Transcript) -> _Columns:
    turns = transcript.turns
    times = [round(turn.at_s * 10) for turn in turns]
    return _Columns(
        call=transcript[:9],
        gap=transcript.gap,
        roles="".join(turn.role[0] for turn in turns),
        tenths=tuple(map(sub, times, [0, *times])),
        lines="\n".join(turn.text for turn in turns),
    )


def _transcript(packed: _Columns) -> Transcript:
    lines = packed.lines.split("\n") if packed.roles else ()
    times = accumulate(packed.tenths)
    roles = map(ROLES.__getitem__, packed.roles)
    rows = zip(roles, [tenths / 10 for tenths in times], lines, strict=True)
    turns = tuple(map(TalkTurn._make, rows))
    return Transcript(*packed.call, turns, packed.gap)


@final
class Talk:
    """Pieces, at least one. Two are equal when they hold the same pieces.

    >>> talk = Talk.of(Pieces(writings=(Writing(0, "s", "email", None, "Hello", None),)))
    >>> Talk.from_packed(talk.digest, talk.packed).pieces.writings[0].text
    'Hello'
    """

    __slots__ = ("_packed", "_pieces", "digest")

    def __init__(self, digest: str, packed: bytes, pieces: Pieces | None) -> None:
        self.digest = digest
        self._packed = packed
        self._pieces = pieces

    @classmethod
    def of(cls, pieces: Pieces) -> Talk:
        return cls(_digest(_encode(pieces)), b"", pieces)

    @classmethod
    def from_packed(cls, digest: str, packed: bytes) -> Talk:
        """What `packed` gave. Nothing is checked before it is opened."""
        return cls(digest, packed, None)

    def fill(self, packed: bytes) -> None:
        """For the decoder of a state, which knows the digest first. Nothing is checked."""
        self._packed = packed

    @property
    def packed(self) -> bytes:
        if self._pieces is not None and not self._packed:
            self._packed = zstandard.compress(_encode(self._pieces), LEVEL)
        return self._packed

    @property
    def pieces(self) -> Pieces:
        """What is packed stays small in memory: only the last few that were opened are kept open.
        Raises ValueError when what was stored is damaged."""
        return _opened(self.digest, self._packed) if self._pieces is None else self._pieces

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Talk) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Talk({self.digest})"  # what was said is never printed by accident


def _digest(encoded: bytes) -> str:
    return blake2b(encoded, digest_size=16).hexdigest()


@lru_cache(maxsize=4)
def _opened(digest: str, packed: bytes) -> Pieces:
    try:
        size = zstandard.frame_content_size(packed)
        if not 0 <= size <= MAX_PIECES_BYTES:
            raise ValueError(f"a lead's talk is damaged: {size} bytes, {MAX_PIECES_BYTES} at most")
        encoded = zstandard.decompress(packed)
        if _digest(encoded) != digest:
            raise ValueError(f"a lead's talk is damaged: its digest is not {digest}")
        return _decode(encoded)
    except (zstandard.ZstdError, msgspec.MsgspecError, KeyError) as error:
        raise ValueError(f"a lead's talk is damaged: {type(error).__name__}") from None


def one_line(text: str) -> str:
    """Single spaces, no control characters."""
    if text.isprintable():
        return " ".join(text.split())
    return " ".join(
        "".join(c if c.isprintable() or c in "\u200c\u200d" else " " for c in text).split()
    )


def cut_middle(text: str, most_bytes: int) -> str:
    """The beginning and the end of a text that is too long, and GAP between them.

    >>> cut_middle("one two three four", 15)
    'one t … four'
    """
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    half = (most_bytes - len(GAP.encode())) // 2
    head = encoded[:half].decode(errors="ignore").rstrip()
    tail = encoded[len(encoded) - half :].decode(errors="ignore").lstrip()
    return head + GAP + tail


def cut_turns(turns: tuple[TalkTurn, ...]) -> tuple[tuple[TalkTurn, ...], int]:
    """The turns of a call within its cap, and at which of them the end begins after what was left
    out: 0 when all is there."""
    if sum(map(_size, turns)) <= MAX_CALL_BYTES:
        return turns, 0
    half = MAX_CALL_BYTES // 2
    shortened = [turn._replace(text=cut_middle(turn.text, half // 2)) for turn in turns]
    n_head = _how_many(shortened, half)
    rest = shortened[n_head:]
    n_tail = _how_many(rest[::-1], half)
    return (*shortened[:n_head], *rest[len(rest) - n_tail :]), n_head


def _how_many(turns: list[TalkTurn], most_bytes: int) -> int:
    used = 0
    for n, turn in enumerate(turns):
        used += _size(turn)
        if used > most_bytes:
            return n
    return len(turns)


def _size(turn: TalkTurn) -> int:
    return len(turn.text.encode()) + TURN_BYTES

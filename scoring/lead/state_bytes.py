"""The bytes of a lead's state, and its hash.

A line of canonical JSON, in which a digest stands for the talk; then the talk, packed.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import blake2b
from operator import attrgetter
from typing import cast

import msgspec

from scoring.lead.state import FORMAT, Fact, LeadState
from scoring.lead.talk import Talk


def _sealed(_: type, digest: object) -> Talk:
    if not isinstance(digest, str):
        raise TypeError("talk is named by its digest")
    return Talk(digest, b"", None)


_encode = msgspec.json.Encoder(enc_hook=attrgetter("digest")).encode
_decode = msgspec.json.Decoder(LeadState, dec_hook=_sealed).decode
_OTHER_FORMAT = re.compile(rb'\{"v":([0-9]{1,6})[,}]')


class OtherFormat(ValueError):
    """A state that another version of asllr wrote."""


def to_bytes(state: LeadState) -> bytes:
    """Encodes a state. The first line is canonical: equal states have equal ones, and the reverse.
    Compact: what is as in the initial state is left out, and a fact stops where its defaults begin.

    >>> from scoring.lead.state import ERASED
    >>> to_bytes(ERASED)
    b'{"v":3,"erased":true}'
    """
    line = canonical_line(state)
    return line if state.talk is None else b"\n".join((line, state.talk.packed))


def canonical_line(state: LeadState) -> bytes:
    """The first line of `to_bytes`, which says all that the state holds: what digests are made of,
    on any machine and with any version of the compression library."""
    if not state.facts:
        return _encode(state)
    facts = cast("tuple[Fact, ...]", tuple(map(_trim, state.facts)))
    return _encode(msgspec.structs.replace(state, facts=facts))


def first_line(data: bytes) -> bytes:
    """The canonical line of a state's bytes: JSON, with the talk's digest for the talk."""
    return data.partition(b"\n")[0]


def hash_of(state: LeadState) -> str:
    """`state_hash` of the state's bytes.

    >>> from scoring.lead.state import ERASED
    >>> hash_of(ERASED) == state_hash(to_bytes(ERASED))
    True
    """
    return state_hash(canonical_line(state))


def from_bytes(data: bytes) -> LeadState:
    """Decodes what `to_bytes` encoded; the talk is not opened yet. Raises OtherFormat, ValueError
    for anything else.

    >>> from scoring.lead.state import ERASED
    >>> from_bytes(b'{"v":3,"erased":true}') == ERASED
    True
    """
    line, _, packed = data.partition(b"\n")
    try:
        state = _decode(line)
    except msgspec.MsgspecError as error:
        found = _OTHER_FORMAT.match(line)
        if found and int(found[1]) != FORMAT:
            raise OtherFormat(other_format(int(found[1]))) from None
        raise ValueError(f"not a lead state of format {FORMAT}: {error}") from None
    if state.talk is not None:
        state.talk.fill(packed)
    return state


def other_format(found: int) -> str:
    """The sentence for people who meet states of another format."""
    age = "an older" if found < FORMAT else "a newer"
    return (
        f"its leads' states have format {found}, written by {age} asllr, and this one reads "
        f"{FORMAT}: stop every role and run `asllr rebuild --yes` with the asllr that stays"
    )


_FACT_DEFAULTS = tuple(Fact._field_defaults.values())


def _trim(fact: Fact) -> tuple[object, ...]:
    end = len(fact)
    while end > 3 and fact[end - 1] == _FACT_DEFAULTS[end - 4]:
        end -= 1
    return fact[:end]


def to_text(data: bytes) -> str:
    """A state's bytes as text, for a record that is JSON: the talk in base64."""
    line, _, packed = data.partition(b"\n")
    return (line + b"\n" + b64encode(packed) if packed else line).decode()


def from_text(text: str) -> bytes:
    """The bytes of which `to_text` made the text. Raises ValueError for any other."""
    line, _, packed = text.encode().partition(b"\n")
    return line + b"\n" + b64decode(packed, validate=True) if packed else line


def state_hash(data: bytes) -> str:
    """Hashes the canonical line: 128 bits of BLAKE2b, in hex. The talk is in it by its digest.

    >>> from scoring.lead.state import ERASED
    >>> state_hash(to_bytes(ERASED))
    '096f98ea4b93c1366001d152d6d0feba'
    """
    return blake2b(first_line(data), digest_size=16).hexdigest()

"""The canonical bytes of a lead's state, and their hash."""

from __future__ import annotations

from hashlib import blake2b
from typing import cast

import msgspec

from scoring.lead.state import FORMAT, Fact, LeadState

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LeadState).decode


def to_bytes(state: LeadState) -> bytes:
    """Encodes a state. Canonical: equal states have equal bytes, and the reverse. Compact: what is
    as in the initial state is left out, and a fact stops where its defaults begin.

    >>> from scoring.lead.state import ERASED
    >>> to_bytes(ERASED)
    b'{"v":2,"erased":true}'
    """
    if not state.facts:
        return _encode(state)
    written = cast("tuple[Fact, ...]", tuple(map(_trim, state.facts)))
    return _encode(msgspec.structs.replace(state, facts=written))


def from_bytes(data: bytes) -> LeadState:
    """Decodes what `to_bytes` encoded. Raises ValueError for anything else.

    >>> from scoring.lead.state import ERASED
    >>> from_bytes(b'{"v":2,"erased":true}') == ERASED
    True
    """
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a lead state of format {FORMAT}: {error}") from None


_FACT_DEFAULTS = tuple(Fact._field_defaults.values())


def _trim(fact: Fact) -> tuple[object, ...]:
    end = len(fact)
    while end > 3 and fact[end - 1] == _FACT_DEFAULTS[end - 4]:
        end -= 1
    return fact[:end]


def state_hash(data: bytes) -> str:
    """Hashes canonical bytes: 128 bits of BLAKE2b, in hex.

    >>> from scoring.lead.state import ERASED
    >>> state_hash(to_bytes(ERASED))
    'c5b7fa254aaae8ebb69419b5bfa156ec'
    """
    return blake2b(data, digest_size=16).hexdigest()

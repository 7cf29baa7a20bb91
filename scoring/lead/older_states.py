"""Reads states of older formats, as far as they go: for `asllr rebuild` alone.

Format 2 kept of a call what its summary had chosen, and no messages, e-mails or notes. What it has
is joined to what the log still tells, so that what was summarised comes back whole wherever the log
has it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from scoring.lead.state import Fact, LeadState, Newest, Patch, Span
from scoring.lead.talk import Pieces, Talk, TalkTurn, Transcript


class _Statement(NamedTuple):
    role: str
    at_s: float
    text: str
    topics: str


class _Call(NamedTuple):
    started_ms: int
    call_id: str
    revision: int
    stamp: str
    language: str
    duration_s: float
    n_segments: int
    n_words: int
    statements: tuple[_Statement, ...]


class _Format2(msgspec.Struct, frozen=True, tag_field="v", tag=2):
    erased: bool = False
    registers: tuple[Patch, ...] = ()
    stages: dict[str, Span] = {}
    contact: Span | None = None
    facts: tuple[Fact, ...] = ()
    calls: tuple[_Call, ...] = ()
    newest: Newest | None = None


_decode = msgspec.json.Decoder(_Format2).decode


def from_older_bytes(data: bytes) -> LeadState | None:
    """The state of this format that says what `data` of format 2 says; None for anything else.

    >>> from_older_bytes(b'{"v":2,"stages":{"visit":[0,0]}}').stages
    {'visit': Span(first_ms=0, last_ms=0)}
    """
    try:
        old = _decode(data)
    except msgspec.MsgspecError:
        return None
    pieces = Pieces(transcripts=tuple(map(_transcript, old.calls)))
    return LeadState(
        erased=old.erased,
        registers=old.registers,
        stages=old.stages,
        contact=old.contact,
        facts=old.facts,
        talk=Talk.of(pieces) if old.calls else None,
        newest=old.newest,
    )


def _transcript(call: _Call) -> Transcript:
    """Not final: format 2 did not keep whether it was, and the log's own text must win."""
    return Transcript(
        started_ms=call.started_ms,
        call_id=call.call_id,
        final=False,
        revision=call.revision,
        stamp=call.stamp,
        language=call.language,
        duration_s=call.duration_s,
        n_segments=call.n_segments,
        n_words=call.n_words,
        turns=tuple(TalkTurn(*statement[:3]) for statement in call.statements),
    )

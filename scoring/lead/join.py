"""The join of two states of one lead: commutative, associative, idempotent."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, TypeVar

from pydantic_core import to_json

from scoring.lead.state import (
    BOUNDS,
    ERASED,
    ID_CHARS,
    PROFILE,
    Bounds,
    Fact,
    LeadState,
    Patch,
    Register,
    Span,
    Value,
)
from scoring.lead.talk import Pieces, Talk, Transcript, Writing

P = TypeVar("P", Transcript, Writing)


def join(a: LeadState, b: LeadState, bounds: Bounds = BOUNDS) -> LeadState:
    """Returns the least state that includes both: commutative, associative, idempotent."""
    if a.erased or b.erased:
        return ERASED
    return LeadState(
        registers=_join_registers(a.registers, b.registers, bounds),
        stages=_join_stages(a.stages, b.stages, bounds.stages),
        contact=_widest(a.contact, b.contact)
        if a.contact and b.contact
        else a.contact or b.contact,
        facts=_join_facts(a.facts, b.facts, bounds.facts),
        talk=_join_talk(a.talk, b.talk, bounds),
        newest=max(a.newest, b.newest) if a.newest and b.newest else a.newest or b.newest,
    )


def left_out(state: LeadState, bounds: Bounds = BOUNDS) -> tuple[str, ...]:
    """Returns the profile fields whose values the state does not keep, the newest first: a source
    sent more than `bounds.profile`. Where there are `bounds.names_left_out`, there may have been
    more."""
    if sum(len(patch.values) for patch in state.registers) <= bounds.profile:
        return ()
    names = _profile_by_age(_latest(state.registers))
    return tuple(name.removeprefix(PROFILE) for name in names[bounds.profile :])


def _join_registers(
    a: tuple[Patch, ...], b: tuple[Patch, ...], bounds: Bounds
) -> tuple[Patch, ...]:
    """All, but of the profile the newest `bounds.profile` by (at_ms, stamp, name), since a source
    that invents field names must not grow a state without end; and of the next newest the names, so
    that nothing is left out in silence.

    A join, since a field's rank only falls as others come, unless it comes again with its value:
    what was once left out is never wanted back."""
    if not b:
        return a
    joined = _append_patch(a, b[0]) if _follows(a, b) else _patches(_latest((*a, *b)))
    n = 0
    for patch in joined:
        n += len(patch.values)
    if n <= bounds.profile:
        return joined
    registers = _latest(joined)
    names = _profile_by_age(registers)
    for name in names[bounds.profile :]:
        registers[name] = registers[name]._replace(value=None)
    for name in names[bounds.profile + bounds.names_left_out :]:
        del registers[name]
    return _patches(registers)


def _profile_by_age(registers: Mapping[str, Register]) -> list[str]:
    """The registers of profile fields, the newest first."""
    profile = [name for name in registers if name.startswith(PROFILE)]
    return sorted(profile, key=lambda name: (*registers[name][:2], name), reverse=True)


def _follows(a: tuple[Patch, ...], b: tuple[Patch, ...]) -> bool:
    """The usual case: one new event, later than all before."""
    return len(b) == 1 and (not a or a[-1][:2] < b[0][:2])


def _append_patch(patches: tuple[Patch, ...], new: Patch) -> tuple[Patch, ...]:
    names = new.values
    patched = []
    for patch in patches:
        if names.keys().isdisjoint(patch.values):
            patched.append(patch)
        elif rest := {n: v for n, v in patch.values.items() if n not in names}:
            patched.append(Patch(patch.at_ms, patch.stamp, rest))
    patched.append(new)
    return tuple(patched)


def _latest(patches: tuple[Patch, ...]) -> dict[str, Register]:
    latest: dict[str, Register] = {}
    for at_ms, mark, values in patches:
        for name, value in values.items():
            register = Register(at_ms, mark, value)
            other = latest.get(name)
            latest[name] = max(other, register, key=_register_order) if other else register
    return latest


def _register_order(register: Register) -> tuple[int, str, bytes]:
    """The value decides only between two contents whose digests collide."""
    return register.at_ms, register.stamp, to_json(register.value)


def _patches(registers: Mapping[str, Register]) -> tuple[Patch, ...]:
    groups: dict[tuple[int, str], dict[str, Value]] = {}
    for name in sorted(registers):
        at_ms, mark, value = registers[name]
        groups.setdefault((at_ms, mark), {})[name] = value
    return tuple(Patch(*group, groups[group]) for group in sorted(groups))


def _join_stages(a: dict[str, Span], b: dict[str, Span], limit: int) -> dict[str, Span]:
    if not b or not a:
        return a or b
    names = sorted({*a, *b})[:limit]  # by name alone: by time, what is evicted would be missed
    return {
        name: _widest(a[name], b[name]) if name in a and name in b else a.get(name) or b[name]
        for name in names
    }


def _widest(a: Span, b: Span) -> Span:
    return Span(min(a.first_ms, b.first_ms), max(a.last_ms, b.last_ms))


def _join_facts(a: tuple[Fact, ...], b: tuple[Fact, ...], limit: int) -> tuple[Fact, ...]:
    """The newest `limit` by (at_ms, stamp), one per (source, id). Eviction and identity use one
    order, so an evicted fact and one that never came are the same thing."""
    if not b or not a:
        return a or b
    if len(b) == 1:
        return _insert_fact(a, b[0], limit)
    by_identity: dict[str, Fact] = {}
    for fact in (*a, *b):
        other = by_identity.get(fact.stamp[:ID_CHARS])
        by_identity[fact.stamp[:ID_CHARS]] = _later_fact(other, fact) if other else fact
    return tuple(sorted(by_identity.values(), key=_fact_order)[-limit:])


def _insert_fact(facts: tuple[Fact, ...], new: Fact, limit: int) -> tuple[Fact, ...]:
    """`_join_facts` for the usual case: one new event and a long history."""
    identity = new.stamp[:ID_CHARS]
    others = [fact for fact in facts if not fact.stamp.startswith(identity)]
    if len(others) < len(facts):
        same = (fact for fact in facts if fact.stamp.startswith(identity))
        new = reduce(_later_fact, same, new)
    insort(others, new, key=_fact_order)
    return tuple(others[-limit:])


def _fact_order(fact: Fact) -> tuple[int, str]:
    """Total among facts of different (source, id): a stamp begins with the identity."""
    return fact.at_ms, fact.stamp


def _later_fact(a: Fact, b: Fact) -> Fact:
    """Of one (source, id). The rest decides only between two contents whose digests collide."""
    return max(a, b, key=lambda fact: (fact.at_ms, fact.stamp, repr(fact[2:])))


def _join_talk(a: Talk | None, b: Talk | None, bounds: Bounds) -> Talk | None:
    """Opens neither where one of them says nothing, which is the usual case."""
    if a is None or b is None or a == b:
        return b if a is None else a
    x, y = a.pieces, b.pieces
    transcripts = _best((*x.transcripts, *y.transcripts), _call, _transcript_rank, bounds.calls)
    writings = _best((*x.writings, *y.writings), _author, _writing_rank, bounds.writings)
    joined = Talk.of(Pieces(transcripts, writings))
    return a if joined == a else joined  # packed already


def _best(
    pieces: Iterable[P],
    identity: Callable[[P], object],
    rank: Callable[[P], tuple[object, ...]],
    limit: int,
) -> tuple[P, ...]:
    """Of each identity the piece of the highest rank, and of those the newest `limit`. Where even
    the ranks are equal, two contents have one digest, and any order that all share will do."""
    best: dict[object, P] = {}
    for piece in pieces:
        name = identity(piece)
        other = best.get(name)
        if other is None or _is_later(piece, other, rank):
            best[name] = piece
    return tuple(sorted(best.values(), key=lambda piece: piece[:2])[-limit:])


def _is_later(piece: P, other: P, rank: Callable[[P], Any]) -> bool:
    a, b = rank(piece), rank(other)
    return bool(a > b) if a != b else repr(piece) > repr(other)


def _call(transcript: Transcript) -> object:
    return transcript.started_ms, transcript.call_id


def _transcript_rank(transcript: Transcript) -> tuple[bool, int, str, int]:
    """A vendor's final text beats whatever it sent before or after. The length decides between a
    transcript and what an older format kept of the same one."""
    length = sum(len(turn.text) for turn in transcript.turns)
    return transcript.final, transcript.revision, transcript.stamp, length


def _author(writing: Writing) -> object:
    return writing.stamp[:ID_CHARS]


def _writing_rank(writing: Writing) -> tuple[int, str]:
    """As for facts: eviction and identity use one order."""
    return writing.at_ms, writing.stamp

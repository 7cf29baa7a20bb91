"""What is kept of a lead (its state), and the join of two states.

Every field is a join-semilattice: registers and `newest` keep the greatest stamp, `stages` and
`contact` keep the earliest and latest time, `facts` and `calls` the newest few. So any order,
duplication and grouping of a lead's events gives the same bytes: law 1 of
docs/explanation/architecture.md. Counts are derived by `scoring.lead.history`, never stored.
"""

from __future__ import annotations

from binascii import b2a_base64
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from pydantic_core import to_json

FORMAT = 2
"""Bumped when the bytes change meaning; `from_bytes` refuses others."""

Value = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many of the newest facts, calls and profile fields a state keeps, and how many stages.
    Part of what a state means: join states only under the bounds they were made with."""

    facts: int = 200
    calls: int = 6
    profile: int = 64
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


class Statement(NamedTuple):
    """An utterance as a summary keeps it; `topics` are letters of `scoring.lead.topics.TOPICS`."""

    role: str
    at_s: float
    text: str
    topics: str


class Call(NamedTuple):
    """One call's transcript as the statements worth keeping. (started_ms, call_id) is its identity
    and decides eviction; the highest (revision, stamp) wins."""

    started_ms: int
    call_id: str
    revision: int
    stamp: str
    language: str
    duration_s: float
    n_segments: int
    n_words: int
    statements: tuple[Statement, ...]


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
    `closed`, always kept, and the newest `profile.<field>`; patches ascend by (at_ms, stamp).
    `stages` are sorted by name, `facts` and `calls` oldest first: its JSON is canonical."""

    erased: bool = False
    registers: tuple[Patch, ...] = ()
    stages: dict[str, Span] = {}
    contact: Span | None = None
    facts: tuple[Fact, ...] = ()
    calls: tuple[Call, ...] = ()
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

    def register_names(self) -> list[str]:
        return [name for patch in self.registers for name in patch.values]


ERASED = LeadState(erased=True)


def join(a: LeadState, b: LeadState, bounds: Bounds = BOUNDS) -> LeadState:
    """Returns the least state that includes both: commutative, associative, idempotent."""
    if a.erased or b.erased:
        return ERASED
    return LeadState(
        registers=_join_registers(a.registers, b.registers, bounds.profile),
        stages=_join_stages(a.stages, b.stages, bounds.stages),
        contact=_widest(a.contact, b.contact)
        if a.contact and b.contact
        else a.contact or b.contact,
        facts=_join_facts(a.facts, b.facts, bounds.facts),
        calls=_join_calls(a.calls, b.calls, bounds.calls),
        newest=max(a.newest, b.newest) if a.newest and b.newest else a.newest or b.newest,
    )


def _join_registers(a: tuple[Patch, ...], b: tuple[Patch, ...], limit: int) -> tuple[Patch, ...]:
    """All, but of the profile the newest `limit` by (at_ms, stamp, name): a source that invents
    field names must not grow a state without end."""
    if not b:
        return a
    joined = _append_patch(a, b[0]) if _follows(a, b) else _patches(_latest((*a, *b)))
    n = 0
    for patch in joined:
        n += len(patch.values)
    if n <= limit:
        return joined
    registers = _latest(joined)
    profile = [name for name in registers if name.startswith(PROFILE)]
    profile.sort(key=lambda name: (*registers[name][:2], name))
    for name in profile[: max(0, len(profile) - limit)]:
        del registers[name]
    return _patches(registers)


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


def _join_calls(a: tuple[Call, ...], b: tuple[Call, ...], limit: int) -> tuple[Call, ...]:
    if not b or not a:
        return a or b
    by_identity = {(call.started_ms, call.call_id): call for call in a}
    for call in b:
        identity = (call.started_ms, call.call_id)
        other = by_identity.get(identity)
        if other is None or _later_call(call, other):
            by_identity[identity] = call
    return tuple(by_identity[identity] for identity in sorted(by_identity)[-limit:])


def _later_call(call: Call, other: Call) -> bool:
    if call[2:4] != other[2:4]:
        return (call.revision, call.stamp) > (other.revision, other.stamp)
    return repr(call) > repr(other)


ID_CHARS = 12
"""The part of a stamp that is the (source, id) digest: 72 bits in base64."""


def stamp(source: str, id_: str, content: bytes) -> str:
    """Digests (source, id, content) into 16 characters that order the events of one moment. The
    last 24 bits are of the content; they only order two contents under one (source, id)."""
    identity = blake2b(f"{source}\x00{id_}".encode(), digest_size=9).digest()
    content_digest = blake2b(content, digest_size=3).digest()
    return b2a_base64(identity + content_digest, newline=False).decode()

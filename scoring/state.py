"""A lead's state: exact joins and nothing else, and its canonical bytes.

Every field is a join-semilattice: registers and `newest` keep the greatest stamp, `stages` and
`contact` keep the earliest and latest time, `facts` and `calls` the newest few. So any order,
duplication and grouping of a lead's events gives the same bytes (ARCHITECTURE.md law 1). Counts
and windows are derived when read (`scoring.history`), never stored.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from pydantic_core import from_json, to_json

FORMAT = 1
"""Bumped when the bytes change meaning; `from_bytes` refuses others."""

Value = str | float | bool | None

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many of the newest facts, calls and profile fields a state keeps. Part of what a state
    means: two states may only be joined under the bounds they were made with."""

    facts: int = 200
    calls: int = 6
    profile: int = 64


BOUNDS = Bounds()

PROFILE = "profile."
"""Registers of profile fields begin with this."""


class Register(NamedTuple):
    """Last writer wins by (at_ms, stamp). `stamp` = digest of (source, id) + content digest."""

    at_ms: int
    stamp: str
    value: Value


class Fact(NamedTuple):
    """One `InteractionLogged`, compact. One per (source, id): `stamp[:ID_CHARS]` identifies it."""

    at_ms: int
    stamp: str
    channel: str
    direction: str | None
    duration_s: float | None
    call_id: str | None
    codes: tuple[str, ...]
    has_note: bool


class Statement(NamedTuple):
    """What a summary keeps of an utterance. `topics` are letters of `scoring.summary.TOPICS`."""

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


@dataclass(frozen=True, slots=True)
class LeadState:
    """`registers` holds `queue`, `consent`, `owner`, `stage`, `closed`, which are always kept, and
    `profile.<field>`, of which the newest are. `facts` and `calls` are sorted, oldest first."""

    erased: bool = False
    registers: Mapping[str, Register] = field(default_factory=dict)
    stages: Mapping[str, Span] = field(default_factory=dict)
    contact: Span | None = None
    facts: tuple[Fact, ...] = ()
    calls: tuple[Call, ...] = ()
    newest: Newest | None = None

    def value(self, register: str) -> Value:
        found = self.registers.get(register)
        return found.value if found else None


ERASED = LeadState(erased=True)


def join(a: LeadState, b: LeadState, bounds: Bounds = BOUNDS) -> LeadState:
    """The least state that includes both: commutative, associative, idempotent."""
    if a.erased or b.erased:
        return ERASED
    return LeadState(
        registers=_join_registers(a.registers, b.registers, bounds.profile),
        stages=_join_maps(a.stages, b.stages, _widest),
        contact=_widest(a.contact, b.contact)
        if a.contact and b.contact
        else a.contact or b.contact,
        facts=_join_facts(a.facts, b.facts, bounds.facts),
        calls=_join_calls(a.calls, b.calls, bounds.calls),
        newest=max(a.newest, b.newest) if a.newest and b.newest else a.newest or b.newest,
    )


def _join_registers(
    a: Mapping[str, Register], b: Mapping[str, Register], limit: int
) -> Mapping[str, Register]:
    """All, but of the profile the newest `limit` by (at_ms, stamp, name): a source that invents
    field names must not grow a state without end."""
    merged = _join_maps(a, b, _later_register)
    if len(merged) <= limit:
        return merged
    profile = [name for name in merged if name.startswith(PROFILE)]
    profile.sort(key=lambda name: (merged[name].at_ms, merged[name].stamp, name))
    evicted = set(profile[: max(0, len(profile) - limit)])
    return {name: register for name, register in merged.items() if name not in evicted}


def _join_maps(
    a: Mapping[str, T], b: Mapping[str, T], pick: Callable[[T, T], T]
) -> Mapping[str, T]:
    if not b:
        return a
    merged = dict(a)
    for name, value in b.items():
        merged[name] = pick(merged[name], value) if name in merged else value
    return merged


def _later_register(a: Register, b: Register) -> Register:
    return max(a, b, key=lambda r: (r.at_ms, r.stamp, to_json(r.value)))


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
        kept = by_identity.get(fact.stamp[:ID_CHARS])
        if kept is None or _fact_order(fact) > _fact_order(kept):
            by_identity[fact.stamp[:ID_CHARS]] = fact
    return tuple(sorted(by_identity.values(), key=_fact_order)[-limit:])


def _insert_fact(facts: tuple[Fact, ...], new: Fact, limit: int) -> tuple[Fact, ...]:
    """`_join_facts` for the usual case: one new event and a long history."""
    identity = new.stamp[:ID_CHARS]
    others = [fact for fact in facts if not fact.stamp.startswith(identity)]
    if len(others) < len(facts):
        new = max(
            *(fact for fact in facts if fact.stamp.startswith(identity)), new, key=_fact_order
        )
    insort(others, new, key=_fact_order)
    return tuple(others[-limit:])


def _fact_order(fact: Fact) -> tuple[int, str, str]:
    """The rest of the fact decides only between two contents whose digests collide."""
    return fact.at_ms, fact.stamp, repr(fact[2:])


def _join_calls(a: tuple[Call, ...], b: tuple[Call, ...], limit: int) -> tuple[Call, ...]:
    if not b or not a:
        return a or b
    by_identity = {(call.started_ms, call.call_id): call for call in a}
    for call in b:
        identity = (call.started_ms, call.call_id)
        kept = by_identity.get(identity)
        if kept is None or _later_call(call, kept):
            by_identity[identity] = call
    return tuple(by_identity[identity] for identity in sorted(by_identity)[-limit:])


def _later_call(call: Call, kept: Call) -> bool:
    if call[2:4] != kept[2:4]:
        return (call.revision, call.stamp) > (kept.revision, kept.stamp)
    return repr(call) > repr(kept)


ID_CHARS = 12
"""Of a stamp: the (source, id) digest, 72 bits in base64. 24 bits of the content digest follow,
which only order two contents under one (source, id)."""


def stamp(source: str, id_: str, content: bytes) -> str:
    """Orders events of one moment by (source, id, content) without storing the strings: 16
    characters."""
    identity = blake2b(f"{source}\x00{id_}".encode(), digest_size=9).digest()
    return urlsafe_b64encode(identity + blake2b(content, digest_size=3).digest()).decode()


def to_bytes(state: LeadState) -> bytes:
    """Canonical: equal states have equal bytes, and the reverse. Compact: what one event set is
    one group under one time and stamp, and a fact stops where its defaults begin."""
    if state.erased:
        return _ERASED_BYTES
    groups: dict[tuple[int, str], dict[str, Value]] = {}
    for name in sorted(state.registers):
        register = state.registers[name]
        groups.setdefault(register[:2], {})[name] = register.value
    return to_json(
        {
            "v": FORMAT,
            "registers": [(*group, groups[group]) for group in sorted(groups)],
            "stages": {name: state.stages[name] for name in sorted(state.stages)},
            "contact": state.contact,
            "facts": [_trim(fact) for fact in state.facts],
            "calls": state.calls,
            "newest": state.newest,
        }
    )


def from_bytes(data: bytes) -> LeadState:
    """Inverse of `to_bytes`. Raises ValueError for another format."""
    raw = from_json(data)
    if raw.get("v") != FORMAT:
        raise ValueError(f"lead state format {raw.get('v')!r}, this code reads {FORMAT}")
    if raw.get("erased"):
        return ERASED
    return LeadState(
        registers={
            name: Register(at_ms, mark, value)
            for at_ms, mark, values in raw["registers"]
            for name, value in values.items()
        },
        stages={name: Span(*values) for name, values in raw["stages"].items()},
        contact=Span(*raw["contact"]) if raw["contact"] else None,
        facts=tuple(_fact(*values) for values in raw["facts"]),
        calls=tuple(_call(values) for values in raw["calls"]),
        newest=Newest(*raw["newest"]) if raw["newest"] else None,
    )


_ERASED_BYTES = to_json({"v": FORMAT, "erased": True})
_FACT_DEFAULTS = (None, None, None, (), False)
"""Of the fields after `channel`."""


def _trim(fact: Fact) -> tuple[object, ...]:
    end = len(fact)
    while end > 3 and fact[end - 1] == _FACT_DEFAULTS[end - 4]:
        end -= 1
    return fact[:end]


def _fact(
    at_ms: int,
    mark: str,
    channel: str,
    direction: str | None = None,
    duration_s: float | None = None,
    call_id: str | None = None,
    codes: Sequence[str] = (),
    has_note: bool = False,
) -> Fact:
    return Fact(at_ms, mark, channel, direction, duration_s, call_id, tuple(codes), has_note)


def _call(values: list[Any]) -> Call:
    call = Call(*values)
    return call._replace(statements=tuple(Statement(*s) for s in call.statements))


def state_hash(data: bytes) -> str:
    """Of canonical bytes: 128 bits, hex."""
    return blake2b(data, digest_size=16).hexdigest()

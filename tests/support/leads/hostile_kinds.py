"""What can be wrong with an input record: each kind spoils a valid draft and names the reason it
must be refused for; `mended` = it must be accepted with
a warning; None = it only looks wrong and must be accepted. Used by
`tests.support.leads.hostile`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.dead_letter import MENDED


@dataclass(slots=True)
class Draft:
    """A valid record in parts. `change_body` is applied to the JSON bytes at the end."""

    attributes: dict[str, Any]
    data: Any
    key: bytes | None
    structured: bool = False
    change_body: Callable[[bytes], bytes | None] = lambda body: body
    extra_headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    partition_shift: int = 0


Spoil = Callable[[random.Random, Draft], None]


class Kind(NamedTuple):
    label: str
    reason: str | None
    spoil: Spoil


def replace(name: str, value: Any) -> Spoil:
    return lambda _, draft: setattr(draft, name, value)


def body(change: Callable[[bytes], bytes | None]) -> Spoil:
    return replace("change_body", change)


def member(raw: bytes) -> Spoil:
    """Adds a raw JSON member, so that bytes no serialiser would write get onto the wire."""
    return body(lambda json_body: json_body[:-1] + b"," + raw + b"}")


def attribute(name: str, value: Any) -> Spoil:
    return lambda _, draft: draft.attributes.__setitem__(name, value)


def without(name: str) -> Spoil:
    return lambda _, draft: draft.attributes.__delitem__(name)


def structured_with(name: str, value: Any) -> Spoil:
    def spoil(_: random.Random, draft: Draft) -> None:
        draft.structured = True
        draft.attributes[name] = value

    return spoil


def header(name: str, value: bytes | None) -> Spoil:
    return lambda _, draft: draft.extra_headers.append((name, value))


def event(type_: str, data: Any) -> Spoil:
    def spoil(_: random.Random, draft: Draft) -> None:
        draft.attributes["type"] = f"asllr.{type_}.v1"
        draft.data = data

    return spoil


def patch(**data: Any) -> Spoil:
    return lambda _, draft: setattr(draft, "data", draft.data | data)


def segment(**fields: Any) -> Spoil:
    return patch(segments=[{"role": "agent", "start_s": 1, "end_s": 2, "text": "yes"} | fields])


def subject(text: str) -> Spoil:
    def spoil(_: random.Random, draft: Draft) -> None:
        draft.attributes["subject"] = text
        draft.key = text.encode()

    return spoil


def both(first: Spoil, second: Spoil) -> Spoil:
    def spoil(rng: random.Random, draft: Draft) -> None:
        first(rng, draft)
        second(rng, draft)

    return spoil


def _random_bytes(rng: random.Random, draft: Draft) -> None:
    noise = b"\xff" + rng.randbytes(rng.randrange(200))
    draft.change_body = lambda _: noise


def _broken_inside(rng: random.Random, draft: Draft) -> None:
    at = rng.random()

    def insert(body: bytes) -> bytes:
        cut = int(at * len(body))
        return body[:cut] + b"\xfe" + body[cut:]

    draft.change_body = insert


def _cut(rng: random.Random, draft: Draft) -> None:
    at = rng.random()
    draft.change_body = lambda body: body[: int(at * len(body))]


def _structured_array(_: random.Random, draft: Draft) -> None:
    draft.extra_headers.append(("content-type", b"application/cloudevents+json; charset=utf-8"))
    draft.data = [draft.data]


ENVELOPE_KINDS = (
    Kind("random bytes", "not-json", _random_bytes),
    Kind("not UTF-8 inside", "not-json", _broken_inside),
    Kind("cut short", "not-json", _cut),
    Kind("empty value", "not-json", body(lambda _: b"")),
    Kind("null value", "null-value", body(lambda _: None)),
    Kind("only NULs", "not-json", body(lambda _: b"\x00" * 64)),
    Kind("lone surrogate", MENDED, member(rb'"x":"\ud800"')),
    Kind("lone surrogate in a key", MENDED, member(rb'"\udfff":1')),
    Kind("raw surrogate bytes", "not-json", member(b'"x":"\xed\xa0\x80"')),
    Kind("NaN", MENDED, member(b'"x":NaN')),
    Kind("Infinity", MENDED, member(b'"x":-Infinity')),
    Kind("nested deeply", "not-json", member(b'"x":' + b"[" * 5_000 + b"]" * 5_000)),
    Kind("a number of 5,000 digits", MENDED, member(b'"x":' + b"9" * 5_000)),
    Kind("trailing text", "not-json", body(lambda body: body + b"}")),
    Kind("byte order mark", "not-json", body(lambda body: b"\xef\xbb\xbf" + body)),
    Kind("an array", "not-an-object", replace("data", [1, 2])),
    Kind("null", "not-an-object", replace("data", None)),
    Kind("a string", "not-an-object", replace("data", "hello")),
    Kind("structured, an array", "not-an-object", _structured_array),
    Kind("structured, data missing", "not-an-object", structured_with("data", None)),
    Kind("structured, type a number", "unknown-type", structured_with("type", 17)),
    Kind("structured, id a number", "invalid", structured_with("id", 17)),
    Kind("structured, time a number", "invalid", structured_with("time", 1_700_000_000)),
    Kind("structured, subject an object", "bad-subject", structured_with("subject", {"a": 1})),
    Kind("unknown type", "unknown-type", attribute("type", "asllr.LeadSneezed.v1")),
    Kind("type of another version", "unknown-type", attribute("type", "asllr.LeadErased.v2")),
    Kind("type missing", "unknown-type", without("type")),
    Kind("specversion missing", "not-a-cloudevent", without("specversion")),
    Kind("specversion 0.3", "not-a-cloudevent", attribute("specversion", "0.3")),
    Kind("id missing", "invalid", without("id")),
    Kind("source missing", "invalid", without("source")),
    Kind("time missing", "invalid", without("time")),
    Kind("subject missing", "bad-subject", without("subject")),
    Kind("id empty", "invalid", attribute("id", "")),
    Kind("id with NUL", "invalid", attribute("id", "a\x00b")),
    Kind("id too long", "invalid", attribute("id", "x" * 201)),
    Kind("id not UTF-8", "not-utf8", attribute("id", b"\xff\xfe")),
    Kind("id a surrogate", "not-utf8", attribute("id", b"\xed\xa0\x80")),
    Kind("subject without lead", "bad-subject", subject("acme")),
    Kind("subject with two slashes", "bad-subject", subject("acme/lead/1")),
    Kind("tenant with braces", None, subject("a{b}c/lead-1")),
    Kind("lead in another script", None, subject("acme/léad 1")),
    Kind("lead with a newline", "invalid", subject("acme/lead-1\n")),
    Kind("lead too long", "invalid", subject("acme/" + "x" * 129)),
    Kind("in the future", "in-the-future", attribute("time", "2999-01-01T00:00:00Z")),
    Kind("year 9999", "invalid", attribute("time", "9999-12-31T23:59:59-12:00")),
    Kind("year 0001", "invalid", attribute("time", "0001-01-01T00:00:00+14:00")),
    Kind("1969 in UTC", "invalid", attribute("time", "1970-01-01T00:00:00+05:00")),
    Kind("3000 in UTC", "invalid", attribute("time", "2999-12-31T23:59:59-05:00")),
    Kind("time without zone", "invalid", attribute("time", "2025-06-01T12:00:00")),
    Kind("time as a number", "invalid", attribute("time", "1748779200")),
    Kind("30 February", "invalid", attribute("time", "2025-02-30T12:00:00Z")),
    Kind("time empty", "invalid", attribute("time", "")),
    Kind("key of another lead", "wrong-key", replace("key", b"acme/somebody-else")),
    Kind("key null", "wrong-key", replace("key", None)),
    Kind("key empty", "wrong-key", replace("key", b"")),
    Kind("key not UTF-8", "wrong-key", replace("key", b"\xff\xfe")),
    Kind("wrong partition", "wrong-partition", replace("partition_shift", 1)),
    Kind("unknown member", None, member(b'"vendor_extra":{"a":[1,2,{"b":null}]}')),
    Kind("member twice", None, member(b'"vendor_extra":1,"vendor_extra":2')),
    Kind("broken traceparent", None, header("traceparent", b"\xff\x00nonsense")),
    Kind("foreign header", None, header("x-anything", b"\x00\xff")),
    Kind("null header", None, header("x-null", None)),
    Kind("structured mode", None, replace("structured", True)),
    Kind("time in another zone", None, attribute("time", "2025-06-01T12:00:00.123456789-11:30")),
)

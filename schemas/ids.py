"""Identifiers: their characters, their length, the escape by which any name is one, and the record
key made of them."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, NamedTuple, Self

from pydantic import StringConstraints

MAX_ID_UNITS = 128
"""Characters of an id, an escaped byte counted as one: so many bytes has a name at most."""

ID_BODY = rf"(?:[A-Za-z0-9._:-]|%[0-9A-F]{{2}}){{1,{MAX_ID_UNITS}}}"
ID_PATTERN = rf"^{ID_BODY}$"
"""Tenant, queue, lead and call ids. No slash and no brace: they are joined into `tenant/lead`
keys and into Redis hash tags."""

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


NO_NUL = r"^[^\x00]*$"
"""PostgreSQL text and C clients cannot hold NUL. Lone surrogates cannot get here: they are neither
UTF-8 nor valid JSON escapes."""

EventId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
"""CloudEvents `id` and `source`: any text without NUL; together they identify an event."""

Text = Annotated[str, StringConstraints(pattern=NO_NUL)]

_is_plain = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch
_nothing = re.compile(r"[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]+").sub
"""What no screen shows and copying brings along: soft hyphens, marks of width 0."""

_blank = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]").sub
"""Blanks that look like one and are another character."""

_unseen = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]").search
"""Controls, line breaks, and marks that reverse the text beside them on a screen."""

_KEPT_ON_THE_WIRE = re.compile(r"(%(?:2F|25))")
"""A slash divides tenant from lead, and a percent sign begins an escape."""


def id_of(name: str) -> str:
    """Returns the id of a name in any script: an e-mail address, a GUID in braces, `Jörg Müller`.

    Percent-encoding (RFC 3986) of the UTF-8 bytes that ids do not have, of the name in Unicode's
    composed form, without characters of width 0 and with every kind of blank as U+0020; what is
    encoded already stays. So it is the same for every spelling of one name,
    and `id_of(id_of(name)) == id_of(name)`. Raises ValueError for an empty name, one of more than
    128 bytes and one with line breaks, marks that turn text around or half a character.

    >>> id_of("4711"), id_of("jane@example.com"), id_of("Jörg")
    ('4711', 'jane%40example.com', 'J%C3%B6rg')
    """
    if _is_plain(name):
        return name
    if len(name) > 3 * MAX_ID_UNITS:
        raise ValueError(f"a name longer than {MAX_ID_UNITS} bytes: is it a note?")
    plain = unicodedata.normalize("NFC", _seen(_decoded(name)))
    if _unseen(plain):
        raise ValueError("a name with line breaks or characters that nobody sees")
    plain = plain.strip()
    if not plain:
        raise ValueError("an empty name")
    if len(_utf8(plain)) > MAX_ID_UNITS:
        raise ValueError(f"a name longer than {MAX_ID_UNITS} bytes: is it a note?")
    return _others(lambda hit: f"%{hit[0][0]:02X}".encode(), _utf8(plain)).decode()


def _seen(name: str) -> str:
    """The name as a person sees it."""
    return name if name.isascii() else _blank(" ", _nothing("", name))


def has_unseen(name: str) -> bool:
    """Whether `id_of` takes characters of `name` as none or as another blank."""
    return _seen(name) != name


def name_of(id_: str) -> str:
    """Returns the name that `id_of` made an id of.

    >>> name_of("jane%40example.com")
    'jane@example.com'
    """
    return _decoded(id_)


def _decoded(name: str) -> str:
    """What is percent-encoded in `name`, where it is UTF-8; else the name as it is."""
    if "%" not in name:
        return name
    try:
        return _unescaped(name)
    except UnicodeDecodeError:
        return name


def _unescaped(name: str) -> str:
    return _escapes(lambda hit: bytes.fromhex(hit[1].decode()), _utf8(name)).decode()


def _utf8(name: str) -> bytes:
    return name.encode(errors="replace")  # a lone surrogate from a command line is nobody's name


_others = re.compile(rb"[^A-Za-z0-9._:-]").sub
_escapes = re.compile(rb"%([0-9A-Fa-f]{2})").sub


def record_key(lead: str) -> bytes:
    """Returns the Kafka key of `tenant/lead`, which has its ids: the names as people have them, in
    UTF-8, with nothing encoded but a slash and a percent sign in a name. So a CRM keys a record by
    its own name of a lead, and murmur2 of the key is the lead's partition.

    >>> record_key("north/jane%40example.com")
    b'north/jane@example.com'
    """
    if "%" not in lead:
        return lead.encode()
    parts = _KEPT_ON_THE_WIRE.split(lead)
    return "".join(part if i % 2 else _decoded(part) for i, part in enumerate(parts)).encode()


def lead_of(key: bytes) -> str:
    """Returns the `tenant/lead` that `record_key` wrote; of another key something no lead has.

    >>> lead_of(b"north/jane@example.com")
    'north/jane%40example.com'
    """
    try:
        return str(LeadKey.of_names(key.decode()))
    except ValueError:
        return key.decode(errors="replace")


class LeadKey(NamedTuple):
    """Who a record is about. `str(key)` is the CloudEvents subject and the lead's name in Redis:
    state never crosses tenants."""

    tenant: str
    lead: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.lead}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `tenant/lead`; raises ValueError for another form. Does not check the
        characters."""
        tenant, slash, lead = text.partition("/")
        if not (tenant and slash and lead) or "/" in lead:
            raise ValueError("expected 'tenant/lead'")
        return cls(tenant, lead)

    @classmethod
    def of_names(cls, text: str) -> Self:
        """Reads `tenant/lead` whose parts are names in any script. Raises ValueError."""
        tenant, lead = cls.parse(text)
        return cls(id_of(tenant), id_of(lead))

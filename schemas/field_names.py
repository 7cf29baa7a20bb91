"""Names of profile fields: any short line as people write it (`Lead Source`, `größe`, `2nd visit`).

A name is kept as it was written; where an identifier is needed, `field_id` makes it of the name,
the same one everywhere. Two spellings of one text in Unicode are one name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from hashlib import blake2b
from typing import Annotated, TypeVar

from pydantic import StringConstraints

V = TypeVar("V")

MAX_NAME_CHARS = 64

_BLANK = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff"
"""Controls, line breaks, and marks that reverse the text beside them on a screen."""

FIELD_NAME_PATTERN = (
    rf"^[^{_BLANK}{_UNSEEN}](?:[^{_UNSEEN}]{{0,{MAX_NAME_CHARS - 2}}}[^{_BLANK}{_UNSEEN}])?$"
)
"""1 to 64 characters, the first and the last not blank. Engines of JSON Schema that count UTF-16
units count an emoji twice."""

FieldName = Annotated[str, StringConstraints(pattern=FIELD_NAME_PATTERN)]

is_field_name = re.compile(FIELD_NAME_PATTERN.removesuffix("$")).fullmatch

_is_identifier = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch
_ends_as_digested = re.compile(r".*_[0-9a-f]{8}").fullmatch
_DIGEST_BYTES = 4


def composed_names(profile: Mapping[str, V]) -> dict[str, V]:
    """The same fields with their names in Unicode's composed form (NFC), so that `größe` is one
    field whether its ö was sent as one character or as two. Raises ValueError where two names are
    then one, or one is too long."""
    if all(map(str.isascii, profile)):
        return dict(profile)
    composed: dict[str, V] = {}
    for written, value in profile.items():
        name = unicodedata.normalize("NFC", written)
        if len(name) > MAX_NAME_CHARS:
            raise ValueError(
                f"a field's name has {len(name)} characters in Unicode's composed form (NFC), at "
                f"most {MAX_NAME_CHARS}; shorten it"
            )
        if name in composed:
            raise ValueError(
                "two fields have one name in Unicode's composed form (NFC); send one of them"
            )
        composed[name] = value
    return composed


def field_id(name: str) -> str:
    """Returns the identifier of a field: at most 64 small letters, digits and `_`, a letter first.
    A name that is one already is its own; any other is what can be read of it and a digest of the
    whole, since `Größe` and `groesse (m²)` could read alike.

    >>> field_id("lead_source")
    'lead_source'
    >>> field_id("Lead Source")
    'lead_source_b20d35a5'
    """
    if _is_identifier(name) and not _ends_as_digested(name):
        return name
    composed = unicodedata.normalize("NFC", name)
    digest = blake2b(composed.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    words = readable(composed)[: MAX_NAME_CHARS - 1 - len(digest)].strip("_")
    return f"{words}_{digest}"


def readable(name: str) -> str:
    """The letters and digits of `name` without their accents: `2. Größe` becomes
    `field_2_grosse`."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(one for one in decomposed if not unicodedata.combining(one))
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not words:
        return "field"
    return words if words[0].isalpha() else f"field_{words}"

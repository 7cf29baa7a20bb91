"""Which language a text is in, as far as phrases ask."""

from __future__ import annotations

UNDETERMINED = "und"
"""The tag of a text of which nobody said what it is in."""


def primary_language(tag: str) -> str:
    """The language of a BCP 47 tag, without region or script.

    >>> primary_language("de-AT")
    'de'
    """
    return tag.split("-")[0].lower()

"""Whether the dots in a column's numbers part thousands, as in most of Europe: `1.234` alone can be
read in two ways, beside `987` or `3,5` in one only."""

from __future__ import annotations

import re
from collections.abc import Iterable

_GROUPED = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
_COMMA_FRACTION = re.compile(r"-?\d+,(\d{1,2}|\d{4,})")
_SHORT = re.compile(r"-?\d{1,3}")
_IN_TEXT = re.compile(r"(?<![\d:.,])[1-9]\d{0,2}(\.\d{3})+(?![\d:.])")


def dots_part_thousands(numbers: Iterable[str]) -> bool | None:
    """Whether all dots of these numbers part thousands; None where nobody can tell.

    Example: true of `1.234`, `987`; false of `1.234`, `3.5`; None of `1.234` alone.
    """
    texts = [*numbers]
    dotted = [text for text in texts if "." in text]
    if not all(map(_GROUPED.fullmatch, dotted)):
        return False
    if any(text.count(".") > 1 or "," in text for text in dotted):
        return True
    others = [text for text in texts if "." not in text]
    if not dotted or not others:
        return None if dotted else False
    if any(map(_COMMA_FRACTION.fullmatch, others)):
        return True
    return True if all(map(_SHORT.fullmatch, others)) else None


def without_thousands(text: str) -> str:
    """A text without the dots that part thousands in its numbers: `1234 s` of `1.234 s`."""
    return _IN_TEXT.sub(lambda found: found[0].replace(".", ""), text)

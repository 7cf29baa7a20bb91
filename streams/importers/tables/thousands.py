"""Whether the dots in a column's numbers part thousands, as in most of Europe: `1.234` alone can be
read in two ways, beside `987` or `3,5` in one only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_GROUPED = re.compile(r"-?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
_COMMA_FRACTION = re.compile(r"-?\d+,(\d{1,2}|\d{4,})")
_SHORT = re.compile(r"-?\d{1,3}")
_IN_TEXT = re.compile(r"(?<![\d:.,])[1-9]\d{0,2}(\.\d{3})+(?![\d:.])")


def dots_part_thousands(numbers: Iterable[str]) -> bool | None:
    """Whether all dots of these numbers part thousands; None where nobody can tell.

    Example: true of `1.234`, `987`; false of `1.234`, `3.5`; None of `1.234` alone.
    """
    dots = Dots()
    for text in numbers:
        dots.add(text)
    return dots.part_thousands


@dataclass(slots=True)
class Dots:
    """What is known of the dots of numbers that were looked at one by one."""

    has_dotted: bool = False
    are_grouped: bool = True
    are_sure: bool = False
    """Whether one has two dots, or a comma behind the dot."""
    has_others: bool = False
    has_comma_fraction: bool = False
    others_are_short: bool = True

    def add(self, text: str) -> None:
        if "." in text:
            self.has_dotted = True
            self.are_grouped = self.are_grouped and _GROUPED.fullmatch(text) is not None
            self.are_sure = self.are_sure or text.count(".") > 1 or "," in text
            return
        self.has_others = True
        if not self.has_comma_fraction:
            self.has_comma_fraction = _COMMA_FRACTION.fullmatch(text) is not None
        self.others_are_short = self.others_are_short and _SHORT.fullmatch(text) is not None

    @property
    def part_thousands(self) -> bool | None:
        """As `dots_part_thousands`."""
        if not self.are_grouped:
            return False
        if self.are_sure:
            return True
        if not self.has_dotted or not self.has_others:
            return None if self.has_dotted else False
        return True if self.has_comma_fraction or self.others_are_short else None


def without_thousands(text: str) -> str:
    """A text without the dots that part thousands in its numbers: `1234 s` of `1.234 s`."""
    return _IN_TEXT.sub(lambda found: found[0].replace(".", ""), text)

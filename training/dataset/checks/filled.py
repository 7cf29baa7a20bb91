"""How often a field is filled, and when that alone tells of an outcome."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.lead.state import Value

BLANK_TEXTS = frozenset({"", "-", "none", "null", "nan", "n/a", "n_a", "na", "no", "false"})
MAX_RATIO = 0.02
"""How often a field is filled on one side, as a share of the other: slips happen."""
MIN_EXPECTED = 10.0
"""As many leads of the emptier side would be filled if the sides were alike: chance leaves that
many empty once in e^10 times."""


@dataclass(frozen=True, slots=True)
class Filled:
    """`n` leads of `n_all` have a value."""

    n: int
    n_all: int

    @property
    def share(self) -> float:
        return self.n / max(self.n_all, 1)

    @property
    def text(self) -> str:
        return f"{self.n:,} of {self.n_all:,}"


def is_one_sided(one: Filled, other: Filled) -> bool:
    """Whether a field is filled on one side and not on the other, beyond chance."""
    emptier, fuller = sorted((one, other), key=lambda side: side.share)
    expected = (one.n + other.n) / max(one.n_all + other.n_all, 1) * emptier.n_all
    return expected >= MIN_EXPECTED and emptier.share <= MAX_RATIO * fuller.share


def is_blank(value: Value) -> bool:
    """Whether a value says that there is none yet: exports write 0, false or a dash."""
    if isinstance(value, str):
        return value.strip().lower() in BLANK_TEXTS
    return not value

"""How far a lead went: what it reached after `as_of`, as a domain's funnel counts it.

A dataset keeps what was reached in the words of the events, since it knows no domain; the rungs are
those of the domain that it is read with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scoring.domain.model import Domain
from scoring.prompt.rendering import open_stages

WON = "won"
TALKED = "talked"
"""A call that was transcribed."""
STAGE, CHANNEL, SPOKEN = "stage:", "channel:", "spoken:"
"""Before a stage's word; before a contact's channel; before that of one in which somebody spoke."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """`steps`: the stages between the first and the end, lowest first. `kinds`: of the channels."""

    steps: tuple[str, ...]
    kinds: dict[str, str]

    @property
    def top(self) -> int:
        """The grade of a lead that was won. Even without stages one rung is below it: talking."""
        return max(len(self.steps), 1) + 1

    @property
    def heights(self) -> tuple[float, ...]:
        """Of each grade from 0 to 1, evenly but for both ends: 0, 0.1, 0.3, 0.5, 0.7 and 1 for the
        four steps of HPRO's ladder (C. Zhang and others, 2026, arXiv 2606.04387)."""
        width = 2 * self.top
        return (0.0, *((2 * grade - 1) / width for grade in range(1, self.top)), 1.0)

    def grade(self, reached: Iterable[str]) -> int:
        """The highest rung of what was reached, 0 for nothing."""
        return max(map(self._rung, reached), default=0)

    def _rung(self, mark: str) -> int:
        if mark in (WON, TALKED):
            return self.top if mark == WON else 1
        kind, _, word = mark.partition(":")
        step = self.steps.index(word) + 1 if word in self.steps else 0
        match f"{kind}:", self.kinds.get(word):
            case ("spoken:", "spoken") | ("channel:", "milestone"):
                return max(step, 1)
            case ("spoken:", _) | ("channel:", "spoken"):
                return 0
        return step


def ladder_of(domain: Domain) -> Ladder:
    """
    >>> from scoring.domain.reading import pack
    >>> auto = ladder_of(pack("auto"))
    >>> auto.steps, auto.heights
    (('contacted', 'visit', 'test_drive', 'quote'), (0.0, 0.1, 0.3, 0.5, 0.7, 1.0))
    >>> auto.grade(["stage:new", "spoken:call"]), auto.grade(["channel:visit", "stage:quote"])
    (1, 4)
    """
    steps = tuple(open_stages(domain)[1:])
    return Ladder(steps, {channel.name: channel.kind for channel in domain.channels})

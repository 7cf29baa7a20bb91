"""How far a long command is and when it will be done: one line on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from scoring.pace import Pace, spoken

Report = Callable[[int, int], object]
"""(done, of how many); called as often as the work likes."""

StartReport = Callable[[str], Report]
"""Begins one stage of the work, by what it counts."""


T = TypeVar("T")

EVERY_S = 5.0


@dataclass(slots=True)
class Progress:
    """A `Report` that writes at most every `every_s` seconds, and when all is done. The estimate
    is the pace so far."""

    what: str
    clock: Callable[[], float]
    write: Callable[[str], object]
    every_s: float = EVERY_S
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.clock, self.every_s)

    def __call__(self, done: int, total: int) -> None:
        pace, is_over = self._pace, done >= total
        if not pace.is_due(at_end=is_over):
            return
        if is_over:
            self.write(f"{self.what}: {done} in {spoken(pace.spent_s)}\n")
        else:
            left = spoken(pace.left_s(max(done, 1), total))
            self.write(f"{self.what}: {done} of {total}, {left} left\n")


def counted(
    items: Iterable[T], what: str, clock: Callable[[], float], write: Callable[[str], object]
) -> Iterator[T]:
    """`items`, saying every few seconds how many went by; for work whose end nobody knows."""
    pace = Pace(clock, EVERY_S)
    for done, item in enumerate(items, 1):
        if pace.is_due():
            write(f"{what}: {done} so far, {done / pace.spent_s:.0f}/s\n")
        yield item

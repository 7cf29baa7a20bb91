"""Measures the speed of long work, estimates its end, and writes progress lines. The clock and the
function that writes the lines come in as arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

WriteLine = Callable[[str], None]
"""Takes one line for people."""

Advanced = Callable[[int], None]
"""Is called with how many more are done."""


@dataclass(slots=True)
class Pace:
    """The speed of work that begins when this is made. `clock` in seconds; `every_s` may be changed
    on the way."""

    clock: Callable[[], float]
    every_s: float
    _began_s: float = field(init=False)
    _last_line_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = self._last_line_s = self.clock()

    def is_due(self, *, at_end: bool = False) -> bool:
        """Whether to write a line now: at most every `every_s` seconds, and at the end."""
        now_s = self.clock()
        if not at_end and now_s - self._last_line_s < self.every_s:
            return False
        self._last_line_s = now_s
        return True

    @property
    def spent_s(self) -> float:
        return max(self.clock() - self._began_s, 1e-9)

    def left_s(self, done: float, total: float) -> float:
        """Seconds left at the pace so far, with `done` of `total`; infinite before the first."""
        return self.spent_s / done * max(0.0, total - done) if done else float("inf")


def spoken(seconds: float) -> str:
    """Writes a duration for people: `1 h 05 min`, `2 min 03 s`, `7 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


ReportProgress = Callable[[int, int], object]
"""(done, of how many); called as often as the work likes."""

StartReport = Callable[[str], ReportProgress]
"""Begins one stage of the work, by what it counts."""


T = TypeVar("T")

EVERY_S = 5.0


@dataclass(slots=True)
class Progress:
    """A `ReportProgress` that writes at most every `every_s` seconds, and when all is done. The
    estimate is the pace so far."""

    what: str
    clock: Callable[[], float]
    write: WriteLine
    every_s: float = EVERY_S
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.clock, self.every_s)

    def __call__(self, done: int, total: int) -> None:
        pace, is_over = self._pace, done >= total
        if not pace.is_due(at_end=is_over):
            return
        if is_over:
            self.write(f"{self.what}: {done} in {spoken(pace.spent_s)}")
        else:
            left = spoken(pace.left_s(max(done, 1), total))
            self.write(f"{self.what}: {done} of {total}, {left} left")


def counted(
    items: Iterable[T], what: str, clock: Callable[[], float], write: WriteLine
) -> Iterator[T]:
    """Yields `items` and writes every few seconds how many there were; for work of unknown
    length."""
    pace = Pace(clock, EVERY_S)
    for done, item in enumerate(items, 1):
        if pace.is_due():
            write(f"{what}: {done} so far, {done / pace.spent_s:.0f}/s")
        yield item

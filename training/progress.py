"""How far a long command is and when it will be done: one line on standard error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Report = Callable[[int, int], object]
"""(done, of how many); called as often as the work likes."""

StartReport = Callable[[str], Report]
"""Begins one stage of the work, by what it counts."""


@dataclass(slots=True)
class Progress:
    """A `Report` that writes at most every `every_s` seconds, and when all is done. The estimate
    is the pace so far."""

    what: str
    clock: Callable[[], float]
    write: Callable[[str], object]
    every_s: float = 5.0
    _began_s: float = field(init=False)
    _wrote_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = self._wrote_s = self.clock()

    def __call__(self, done: int, total: int) -> None:
        now_s = self.clock()
        if done < total and now_s - self._wrote_s < self.every_s:
            return
        self._wrote_s = now_s
        elapsed_s = now_s - self._began_s
        if done >= total:
            self.write(f"{self.what}: {done} in {spoken(elapsed_s)}\n")
        else:
            left_s = elapsed_s / max(done, 1) * (total - done)
            self.write(f"{self.what}: {done} of {total}, {spoken(left_s)} left\n")


def spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"

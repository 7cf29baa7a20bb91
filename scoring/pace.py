"""How fast a long piece of work goes, when it will be over and when to say so. The clock comes in;
whoever asks writes the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Begins when it is made. `clock` in seconds; `every_s` may be changed on the way."""

    clock: Callable[[], float]
    every_s: float
    _began_s: float = field(init=False)
    _said_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = self._said_s = self.clock()

    def is_due(self, *, at_end: bool = False) -> bool:
        """Whether to say something now: at most every `every_s` seconds, and at the end."""
        now_s = self.clock()
        if not at_end and now_s - self._said_s < self.every_s:
            return False
        self._said_s = now_s
        return True

    @property
    def spent_s(self) -> float:
        return max(self.clock() - self._began_s, 1e-9)

    def left_s(self, done: float, total: float) -> float:
        """At the pace so far, for `done` of `total` since it began; infinite before the first."""
        return self.spent_s / done * max(0.0, total - done) if done else float("inf")


def spoken(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"

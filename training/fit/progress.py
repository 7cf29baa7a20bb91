"""Progress of a fit: how far it is and how long it will take, in lines for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from scoring.report.progress import Pace, WriteLine, spoken

Clock = Callable[[], float]

LINE_EVERY_S = 15.0


@dataclass(slots=True)
class FitProgress:
    """Running means of the losses; a line at most every LINE_EVERY_S seconds. `first_step`: where
    this process began; the speed of an earlier process says nothing about this one's."""

    n_steps: int
    first_step: int
    log: WriteLine
    clock: Clock
    means: dict[str, float] = field(default_factory=dict)
    n_tokens: int = 0
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.pace = Pace(self.clock, LINE_EVERY_S)

    def step(self, step: int, n_tokens: int, losses: Mapping[str, float]) -> None:
        """To be called after step `step` of the whole run."""
        self.n_tokens += n_tokens
        for name, value in losses.items():
            self.means[name] = 0.95 * self.means.get(name, value) + 0.05 * value
        if self.pace.is_due(at_end=step == self.n_steps):
            self.log(self.line(step))

    def line(self, step: int) -> str:
        here, whole = max(1, step - self.first_step), self.n_steps - self.first_step
        losses = " ".join(f"{name}={value:.3f}" for name, value in self.means.items())
        return (
            f"fit: step {step} of {self.n_steps}, {self.n_tokens / self.pace.spent_s:.0f} tokens/s,"
            f" {spoken(self.pace.left_s(here, whole))} left, {losses}"
        )

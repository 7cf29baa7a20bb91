"""How far a fit is and when it will be over, in lines for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from training.progress import spoken

Log = Callable[[str], None]
Clock = Callable[[], float]

LINE_EVERY_S = 15.0


@dataclass(slots=True)
class FitProgress:
    """Running means of the losses; a line at most every LINE_EVERY_S seconds. `first_step` is
    where this process began: what an earlier one did says nothing about this one's speed."""

    n_steps: int
    first_step: int
    log: Log
    clock: Clock
    means: dict[str, float] = field(default_factory=dict)
    n_tokens: int = 0
    started_s: float = field(init=False)
    said_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_s = self.said_s = self.clock()

    def step(self, step: int, n_tokens: int, losses: Mapping[str, float]) -> None:
        """After `step` steps of the whole run."""
        self.n_tokens += n_tokens
        for name, value in losses.items():
            self.means[name] = 0.95 * self.means.get(name, value) + 0.05 * value
        now = self.clock()
        if now - self.said_s >= LINE_EVERY_S or step == self.n_steps:
            self.said_s = now
            self.log(self.line(step, now))

    def line(self, step: int, now_s: float) -> str:
        spent_s = max(now_s - self.started_s, 1e-9)
        left_s = spent_s * (self.n_steps - step) / max(1, step - self.first_step)
        losses = " ".join(f"{name}={value:.3f}" for name, value in self.means.items())
        return (
            f"fit: step {step} of {self.n_steps}, {self.n_tokens / spent_s:.0f} tokens/s, "
            f"{spoken(left_s)} left, {losses}"
        )

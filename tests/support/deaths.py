"""Checkpoints at which a test kills a role or lets the rest of the world overtake it."""

from __future__ import annotations

from collections.abc import Callable

Checkpoint = Callable[[str], None]


class Died(BaseException):
    """Where a process would be killed. Not an Exception: nothing of ours may catch it."""


def dies_at(step: str, nth: int = 1) -> Checkpoint:
    """Dies the `nth` time `step` is reached, and never again."""
    seen = [0]

    def checkpoint(name: str) -> None:
        seen[0] += name == step
        if name == step and seen[0] == nth:
            raise Died(step)

    return checkpoint


def acts_at(step: str, act: Callable[[], object], nth: int = 1) -> Checkpoint:
    """Lets something else happen the `nth` time `step` is reached: a process that is paused."""
    seen = [0]

    def checkpoint(name: str) -> None:
        seen[0] += name == step
        if name == step and seen[0] == nth:
            act()

    return checkpoint


def survives(_: str) -> None:
    """No death."""

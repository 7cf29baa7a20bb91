"""An engine that a signal makes fail once: it raises, says NaN, or never returns."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import nan

from scoring.engine import Engine, EngineInput


class Mood(Enum):
    """The value is the number of the signal that brings it about."""

    RAISES = signal.SIGRTMIN
    SAYS_NAN = signal.SIGRTMIN + 1
    HANGS = signal.SIGRTMIN + 2


@dataclass(slots=True)
class Moods:
    """Of a process, whichever of its engines is asked next."""

    next: Mood | None = None

    def listen(self) -> None:
        """From the main thread."""
        for mood in Mood:
            signal.signal(mood.value, lambda *_, mood=mood: setattr(self, "next", mood))


@dataclass(frozen=True, slots=True)
class MoodyEngine:
    engine: Engine
    moods: Moods

    @property
    def batch_size(self) -> int:
        return self.engine.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        mood, self.moods.next = self.moods.next, None
        match mood:
            case Mood.RAISES:
                raise RuntimeError("in a bad mood")
            case Mood.SAYS_NAN:
                return [nan] * len(inputs)
            case Mood.HANGS:
                threading.Event().wait()
        return self.engine.logits(inputs)

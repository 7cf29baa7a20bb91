"""A prompt that was read is not read again, and what is remembered is what was computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from scoring.engine import EngineInput, Unscorable
from scoring.engines.remembered import RememberingEngine
from scoring.floats import Floats

TABLE = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class CountingEngine:
    """Two outputs of a prompt's length; keeps what it was asked."""

    asked: list[str] = field(default_factory=list)
    batch_size: int = 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [float(row[0]) for row in self.rows(inputs)]

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        self.asked.extend(each.prompt for each in inputs)
        if any(not each.prompt for each in inputs):
            raise Unscorable("an empty prompt")
        return np.array([[len(each.prompt) / 3, -1.0] for each in inputs])


def _inputs(*prompts: str) -> list[EngineInput]:
    return [EngineInput(TABLE, prompt) for prompt in prompts]


def test_every_prompt_reaches_the_engine_once() -> None:
    counting = CountingEngine()
    engine = RememberingEngine(counting)
    first = engine.rows(_inputs("a", "bb", "a"))
    again = engine.rows(_inputs("bb", "ccc", "a"))
    assert counting.asked == ["a", "bb", "ccc"]
    assert first.tolist() == [[1 / 3, -1], [2 / 3, -1], [1 / 3, -1]]
    assert again.tolist() == [[2 / 3, -1], [1, -1], [1 / 3, -1]]
    assert engine.logits(_inputs("bb")) == [2 / 3]


def test_memory_is_bounded_and_loses_what_was_asked_for_longest_ago() -> None:
    counting = CountingEngine()
    engine = RememberingEngine(counting, size=2)
    for prompt in ("a", "bb", "a", "ccc"):
        engine.logits(_inputs(prompt))
    assert len(engine.memory) == 2
    engine.logits(_inputs("a"))
    assert counting.asked == ["a", "bb", "ccc"]
    engine.logits(_inputs("bb"))
    assert counting.asked == ["a", "bb", "ccc", "bb"]


def test_more_prompts_at_once_than_are_remembered() -> None:
    engine = RememberingEngine(CountingEngine(), size=1)
    assert engine.logits(_inputs("a", "bb", "ccc")) == [1 / 3, 2 / 3, 1]


def test_a_refused_prompt_is_refused_again() -> None:
    counting = CountingEngine()
    engine = RememberingEngine(counting)
    for _ in range(2):
        with pytest.raises(Unscorable):
            engine.logits(_inputs(""))
    assert counting.asked == ["", ""]


def test_what_customers_said_is_not_kept() -> None:
    engine = RememberingEngine(CountingEngine())
    engine.logits(_inputs("the secret words"))
    assert b"secret" not in b"".join(engine.memory)
